"""Images from a user's files: .npz, .npy and folders of PNG; what is wrong is said with the file."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dgmbench.data import checksums, load_corpus, load_images
from dgmbench.data.catalogue import identity, require_dataset
from dgmbench.data.images import ImageSplits
from dgmbench.errors import UserError

GREY = np.random.default_rng(0).integers(0, 256, (50, 6, 5), dtype=np.uint8)
LABELS = np.arange(50) % 3
NAMES = np.array(["owl", "cat", "dog"])[LABELS]
ROWS = GREY.reshape(50, 30)


def png(array: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG", **options)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def in_class_folders(folder: Path, images: np.ndarray = GREY, names: np.ndarray = NAMES) -> Path:
    for i, (image, name) in enumerate(zip(images, names, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{i:03}.{'PNG' if i % 2 else 'png'}").write_bytes(png(image))
    return folder


def everything(splits: ImageSplits) -> np.ndarray:
    return np.concatenate([splits.train, splits.valid, splits.test])


@pytest.mark.parametrize(
    "arrays",
    [
        {"train": GREY[:40], "test": GREY[40:]},
        {"x_train": ROWS[:40].reshape(40, 6, 5), "x_test": GREY[40:]},
        {"X_train": GREY[:40, None], "X_test": GREY[40:, None]},
        {"train_images": GREY[:40, ..., None], "test_images": GREY[40:]},
        {"train_data": GREY[:40] / 255, "testing": (GREY[40:] / 255).astype(np.float32)},
    ],
    ids=lambda arrays: "+".join(arrays),
)
@pytest.mark.parametrize("labels", ["", "y", "labels"])
def test_arrays_of_a_npz_file_are_found_by_their_names(tmp_path: Path, arrays: dict[str, Any], labels: str) -> None:
    given = {f"{labels}_train": LABELS[:40], f"{labels}_test": LABELS[40:, None]} if labels else {}
    np.savez(tmp_path / "mine.npz", **arrays, **given)
    splits = load_images(f"file:{tmp_path / 'mine.npz'}")
    assert (splits.shape, splits.binary, splits.valid.shape) == ((6, 5), False, (0, 30))
    np.testing.assert_array_equal(splits.train, ROWS[:40])
    np.testing.assert_array_equal(splits.test, ROWS[40:])
    if not labels:
        assert splits.train_labels is splits.valid_labels is splits.test_labels is None
    else:
        assert splits.test_labels is not None
        np.testing.assert_array_equal(splits.test_labels, LABELS[40:])


def test_a_validation_part_and_labels_of_another_name(tmp_path: Path) -> None:
    parts = {"train": slice(0, 30), "val": slice(30, 40), "test": slice(40, 50)}
    arrays = {f"{part}_images": GREY[places] for part, places in parts.items()}
    np.savez(tmp_path / "a.npz", **arrays, **{f"{part}_pet_kind": NAMES[places] for part, places in parts.items()})
    splits = load_images(f"file:{tmp_path / 'a.npz'}?label=pet_kind")
    np.testing.assert_array_equal(splits.valid, ROWS[30:40])
    assert splits.classes == ("cat", "dog", "owl") and splits.valid_labels is not None
    assert [splits.classes[label] for label in splits.valid_labels] == NAMES[30:40].tolist()


WRITERS: dict[str, Callable[[Path], str]] = {
    "one.npz": lambda path: np.savez_compressed(path, images=GREY, labels=NAMES) or str(path),  # type: ignore[func-returns-value]
    "unnamed.npz": lambda path: np.savez(path, GREY) or str(path),  # type: ignore[func-returns-value]
    "images.npy": lambda path: np.save(path, GREY) or str(path),  # type: ignore[func-returns-value]
    "columns.npy": lambda path: np.save(path, np.asfortranarray(GREY)) or str(path),  # type: ignore[func-returns-value]
    "rows.npy": lambda path: np.save(path, ROWS) or f"{path}?shape=6x5",  # type: ignore[func-returns-value]
    "a folder": lambda path: str(in_class_folders(path)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_without_test_images_a_fifth_of_every_class_is_drawn(tmp_path: Path, name: str) -> None:
    address = f"file:{WRITERS[name](tmp_path / name)}"
    splits = load_images(address)
    assert [len(splits.train), len(splits.valid), len(splits.test)] == [40, 0, 10]
    assert "seed 0" in splits.origin
    assert sorted(map(bytes, everything(splits))) == sorted(map(bytes, ROWS))
    if splits.train_labels is not None and splits.test_labels is not None:
        assert set(np.bincount(splits.test_labels)) <= {3, 4}
        place = {bytes(row): name for row, name in zip(ROWS, NAMES, strict=True)}
        found = [splits.classes[label] for label in splits.train_labels]
        assert found == [place[bytes(row)] for row in splits.train]
    other = load_images(f"{address}{'&' if '?' in address else '?'}seed=1")
    assert not np.array_equal(splits.test, other.test) and "seed 1" in other.origin


def test_folders_named_train_and_test_are_the_parts(tmp_path: Path) -> None:
    in_class_folders(tmp_path / "Train", GREY[:40], NAMES[:40])
    in_class_folders(tmp_path / "TEST", GREY[40:], NAMES[40:])
    splits = load_images(f"file:{tmp_path}")
    assert (len(splits.train), len(splits.test), splits.classes) == (40, 10, ("cat", "dog", "owl"))
    cats = ROWS[40:][NAMES[40:] == "cat"]
    np.testing.assert_array_equal(splits.test[: len(cats)], cats)


def test_test_images_in_another_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY[:40])
    np.savez(tmp_path / "b.npz", images=GREY[40:] / 255, labels=NAMES[40:])
    in_class_folders(tmp_path / "c", GREY[40:], NAMES[40:])
    for other in ("b.npz", "c"):
        splits = load_images(f"file:{tmp_path / 'a.npy'}?test={tmp_path / other}")
        np.testing.assert_array_equal(splits.train, ROWS[:40])
        assert sorted(map(bytes, splits.test)) == sorted(map(bytes, ROWS[40:]))
        assert splits.test_labels is None, "the training images have none"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_grey_is_read_from_any_kind_of_png(tmp_path: Path, mode: str) -> None:
    expected = (GREY > 127) * np.uint8(255) if mode == "1" else GREY
    for i, image in enumerate(expected):
        Image.fromarray(image).convert(mode).save(tmp_path / f"{i:02}.png")
    splits = load_images(f"file:{tmp_path}")
    assert splits.binary == (mode == "1")
    unit = 255 if splits.binary else 1
    assert sorted(map(bytes, everything(splits) * np.uint8(unit))) == sorted(map(bytes, expected.reshape(50, 30)))


def test_hidden_and_other_files_are_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    in_class_folders(tmp_path)
    before = identity(f"file:{tmp_path}")
    for name in (".DS_Store", "cat/._001.png", "cat/.hidden/x.png", "Readme.txt", "dog/notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"?")
    assert len(everything(load_images(f"file:{tmp_path}"))) == 50
    assert "3 hidden files and 2 without the ending .png are skipped" in caplog.text
    assert identity(f"file:{tmp_path}") == before


@pytest.mark.parametrize("character", ["\x01", "\x07", "\x1b", "\x7f", "\n", "\u2028"])
def test_a_label_has_no_control_character(tmp_path: Path, character: str) -> None:
    names = np.where(NAMES == "cat", f"c{character}t", NAMES)
    np.savez(tmp_path / "a.npz", images=GREY, labels=names)
    for path in (tmp_path / "a.npz", in_class_folders(tmp_path / "b", names=names)):
        with pytest.raises(UserError, match=r"the class 'c\\.*t' has (a control character|a line break); take it out"):
            load_images(f"file:{path}")


def test_what_is_not_used_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    np.savez(tmp_path / "a.npz", train=GREY[:40], test=GREY[40:], y_train=LABELS[:40], ids=LABELS)
    assert load_images(f"file:{tmp_path / 'a.npz'}").train_labels is None
    assert "the array 'ids' is not used" in caplog.text and "only train has labels" in caplog.text


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"train": GREY, "test": GREY[:9]}, "test is what is tested on, and train is not used"),
        (
            {"x_train": GREY, "x_val": GREY, "x_test": GREY[:9]},
            "test is what is tested on, and train and valid is not used",
        ),
        ({"images": GREY, "test": GREY[:9]}, "test is what is tested on, and images is not used"),
        ({"train": GREY[:9]}, "train is what is tested on"),
        ({"valid": GREY[:9]}, "valid is what is tested on"),
        ({"test": GREY[:9]}, ""),
        ({"images": GREY[:9]}, ""),
    ],
)
def test_what_is_not_used_of_a_file_of_test_images_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, arrays: dict[str, Any], said: str
) -> None:
    np.savez(tmp_path / "a.npz", train=GREY)
    np.savez(tmp_path / "b.npz", **arrays)
    splits = load_images(f"file:{tmp_path / 'a.npz'}?test={tmp_path / 'b.npz'}")
    assert [len(splits.train), len(splits.valid), len(splits.test)] == [50, 0, 9]
    assert caplog.messages == ([f"{tmp_path / 'b.npz'}: {said}"] if said else [])


def test_dark_images_are_said_to_be_dark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    np.save(tmp_path / "a.npy", GREY // 16)
    load_images(f"file:{tmp_path / 'a.npy'}")
    assert "the brightest pixel is 15 of 255" in caplog.text


def test_the_identity_and_the_checksums_follow_the_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY)
    in_class_folders(tmp_path / "b")
    for name, change in (
        ("a.npy", lambda: np.save(tmp_path / "a.npy", 255 - GREY)),
        ("b", lambda: (tmp_path / "b/cat/001.PNG").write_bytes(png(GREY[0]))),
        ("b", lambda: (tmp_path / "b/cat/001.PNG").rename(tmp_path / "b/dog/1.png")),
    ):
        address = f"file:{tmp_path / name}"
        before, sums = identity(address), checksums(address)
        assert (identity(address), checksums(address)) == (before, sums)
        change()
        assert identity(address) != before
        assert {key for key in sums if checksums(address)[key] != sums[key]} & {"array:train", "array:test"}


@pytest.mark.parametrize(
    ("arrays", "query", "complaint"),
    [
        ({"a": GREY, "b": GREY}, "", "has no images: name the arrays train and test, or images; it has a, b"),
        ({"x_train": GREY, "train": GREY, "test": GREY}, "", "'x_train' and 'train' mean the same"),
        ({"train": GREY}, "?shape=6", "the option shape is '6'; give height and width as 28x28"),
        ({"train": GREY}, "?binary=maybe", "the option binary is 'maybe'; give true or false"),
        ({"train": GREY}, "?test=", "the option test is ''; give a path"),
        ({"train": GREY}, "?seed=x", "the option seed is 'x'; give a whole number"),
        ({"train": GREY}, "?sede=1", "unknown option 'sede'; did you mean 'seed'"),
        ({"train": GREY}, "?test=nowhere.npy", "no file or folder nowhere.npy"),
        ({"train": GREY, "test": GREY}, "?seed=1", "the test images are given"),
        ({"train": GREY, "test": GREY}, "?label=kind", "has no array 'kind' for labels"),
        ({"train": GREY, "valid": GREY}, "", r"has train and valid and no test images"),
        ({"test": GREY, "valid": GREY}, "", "has test and valid and no training images"),
        ({"train": GREY, "test": GREY[:, :3]}, "", r"test is not an \(images, 30\) array"),
        ({"train": ROWS, "test": ROWS}, "", "rows of 30 pixels; give their height and width"),
        ({"train": np.zeros((9, 4, 4, 3)), "test": GREY}, "", r"an array \(9, 4, 4, 3\); .* without colours"),
        ({"train": GREY.ravel(), "test": GREY}, "", r"an array \(1500,\)"),
        ({"images": GREY, "test": GREY}, "", "has images and test; call the images train"),
        ({"train": GREY}, "", "has train and no test images; name them with the option test"),
        ({"train": GREY, "test": GREY, "y_train": LABELS[:9], "y_test": LABELS}, "", "50 images but labels of shape"),
        ({"train": GREY, "test": GREY, "y_train": LABELS - 1, "y_test": LABELS}, "", "labels hold -1"),
        ({"train": GREY, "y_test": LABELS}, "", "'y_test' are labels of no images"),
        (
            {"train": GREY, "test": GREY, "y_train": LABELS * 1.0, "y_test": LABELS.astype(str)},
            "",
            "the labels '0' and '0.0' differ in case, spaces or form alone",
        ),
        (
            {"train": GREY, "test": GREY, "y_train": NAMES, "y_test": np.char.title(NAMES)},
            "",
            "the labels 'Cat' and 'cat' differ in case",
        ),
        ({"images": GREY[:4]}, "", "4 images are too few to set a fifth apart"),
        ({"images": GREY[:0]}, "", "0 images are too few"),
        ({"images": GREY[:, :0]}, "", r"shape is \(0, 5\)"),
        ({"images": np.array([{}, 1], dtype=object)}, "", "Python objects, which are never unpickled"),
        ({"images": np.array(["a", "b"])}, "?shape=1x1", "is not an"),
        ({"images": GREY > 127, "labels": np.array([None] * 50)}, "", "Python objects"),
        ({}, "", "has no images"),
    ],
)
def test_a_npz_file_that_does_not_fit_is_named(
    tmp_path: Path, arrays: dict[str, Any], query: str, complaint: str
) -> None:
    np.savez(tmp_path / "mine.npz", allow_pickle=True, **arrays)
    with pytest.raises(UserError, match=complaint) as caught:
        load_images(f"file:{tmp_path / 'mine.npz'}{query}")
    assert "\n" not in str(caught.value) and ("mine.npz" in str(caught.value) or "nowhere" in complaint)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a/1.png": png(GREY[0]), "a/2.png": png(GREY[0][:5])}, r"a/2.png has 5 x 5 pixels, and .*a/1.png 5 x 6"),
        ({"a/1.png": png(GREY[0])[:-20]}, "a/1.png is no whole PNG file"),
        ({"a/1.png": b""}, "a/1.png is no whole PNG file"),
        ({"a/1.png": b"GIF89a"}, "a/1.png is no whole PNG file"),
        ({"a/1.png": png(np.stack([GREY[0], GREY[1], GREY[2]], -1))}, "a/1.png is in colour; save it as grey"),
        ({"a/1.png": png(np.stack([GREY[0]] * 4, -1))}, "a/1.png is transparent in parts"),
        ({"a/1.png": png(GREY[0].astype(np.uint16) * 257)}, "a/1.png has 16 bits"),
        ({"a/b/c/1.png": png(GREY[0]), "a/1.png": png(GREY[0])}, "a/b/c lies too deep|a/b lies too deep"),
        ({"a/1.png": png(GREY[0]), "2.png": png(GREY[0])}, "2.png lies beside class folders"),
        ({"train/1.png": png(GREY[0]), "cats/2.png": png(GREY[0])}, "has train beside cats"),
        ({"train/1.png": png(GREY[0]), "training/2.png": png(GREY[0])}, "train and training mean the same part"),
        ({"train/1.png": png(GREY[0]), "val/2.png": png(GREY[0])}, "has train and valid and no test images"),
        ({"train/1.png": png(GREY[0]), "test/1.jpg": b""}, "test holds no .png files"),
        ({"a/1.jpg": b""}, "holds no .png files"),
        ({}, "holds no .png files"),
    ],
)
def test_a_folder_that_does_not_fit_is_named(tmp_path: Path, files: dict[str, bytes], complaint: str) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=complaint) as caught:
        load_images(f"file:{tmp_path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["reviews.csv", "mine.mat", "folder/deeper"])
def test_a_path_without_images_is_said_when_it_is_planned(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"config.here: .*no file or folder"):
        require_dataset(f"file:{tmp_path / name}", "images", "config.here")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("text,label\na,b\n")
    with pytest.raises(UserError, match=r"give a .npz file, a .npy file or a folder of .png files"):
        require_dataset(f"file:{tmp_path / name}", "images", "config.here")


def test_images_are_no_corpus(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY)
    with pytest.raises(UserError, match=r"give a \.csv file"):
        load_corpus(f"file:{tmp_path / 'a.npy'}")


def header(shape: str, kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text + b"\n"


@pytest.mark.parametrize("shape", ["(1000000, 1000, 1000)", "(8000000000000000000, 28)", "(-1, 28, 28)", "(2, 28, 28)"])
@pytest.mark.parametrize("packed", [False, True], ids=["npy", "npz"])
def test_a_header_that_claims_more_than_there_is_takes_no_memory(tmp_path: Path, shape: str, packed: bool) -> None:
    path, content = tmp_path / ("a.npz" if packed else "a.npy"), header(shape) + b"\x01" * 100
    if packed:
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr("images.npy", content)
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"a.np[yz]"):
        load_images(f"file:{path}")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgmbench.data.formats.npy._LARGE", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((4000, 28, 28), np.uint8))
    with pytest.raises(UserError, match=r"images is 0 MB that unpack to 0.0 GB: no images are packed so tightly"):
        load_images(f"file:{tmp_path / 'a.npz'}")


def test_more_than_the_free_memory_is_not_read(tmp_path: Path) -> None:
    terabytes = 1 << 42
    with (tmp_path / "a.npy").open("wb") as file:
        beginning = header(f"({terabytes // 784}, 28, 28)")
        file.write(beginning)
        try:
            file.truncate(len(beginning) + terabytes // 784 * 784)
        except OSError:
            pytest.skip("the file system has no sparse files of this size")
    with pytest.raises(UserError, match=r"takes 4,398.0 GB and .* of memory are free"):
        load_images(f"file:{tmp_path / 'a.npy'}")


def test_a_png_that_claims_many_pixels_takes_no_memory(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    sizes = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + sizes + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    (tmp_path / "1.png").write_bytes(content)
    with pytest.raises(UserError, match=r"1.png is no whole PNG file .*10000000000 pixels"):
        load_images(f"file:{tmp_path}")


def mutated(content: bytes, rng: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(len(found))
        match rng.randrange(4):
            case 0:
                found[place] ^= 1 << rng.randrange(8)
            case 1:
                del found[place : place + rng.choice([1, 4, 50])]
                found += b"" if found else b"\0"
            case 2:
                found[place:place] = rng.randbytes(rng.choice([1, 4, 20]))
            case 3:
                found[place : place + 4] = rng.choice([b"\xff" * 4, b"\0" * 4, b"9999", b"|O8'", b"IDAT", b"PK\1\2"])
    return bytes(found)


@pytest.mark.parametrize("kind", ["npy", "npz", "png"])
def test_damaged_files_give_images_or_one_line(tmp_path: Path, kind: str) -> None:
    rng, stream = random.Random(0), io.BytesIO()
    np.savez_compressed(stream, images=GREY[:12], labels=NAMES[:12])
    valid = {"npy": npy(GREY[:12] / 255), "npz": stream.getvalue(), "png": png(GREY[0])}[kind]
    in_class_folders(tmp_path / "png", GREY[:6], np.array(["a"] * 6))
    damaged = tmp_path / "png/a/000.png" if kind == "png" else tmp_path / f"a.{kind}"
    for _ in range(150):
        content = mutated(valid, rng)
        damaged.write_bytes(content)
        try:
            splits = load_images(f"file:{tmp_path / 'png' if kind == 'png' else damaged}")
        except UserError as error:
            assert "\n" not in str(error) and damaged.name in str(error)
            continue
        assert splits.train.dtype == np.uint8
        if kind == "png":  # its checksums tell of any damage of the pixels
            assert sorted(map(bytes, everything(splits))) == sorted(map(bytes, ROWS[:6]))


@pytest.mark.parametrize("title", [" ", "a|b", "<b>x", "a" * 41, "../x"])
def test_a_short_name_is_as_that_of_a_corpus(title: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY)
    with pytest.raises(UserError, match=r"the option name is .*; give 1 to 40 letters"):
        load_images(f"file:{tmp_path / 'a.npy'}?name={title}")
    assert load_images(f"file:{tmp_path / 'a.npy'}?name=My letters").shape == GREY.shape[1:]
