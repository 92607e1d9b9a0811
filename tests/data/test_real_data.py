"""The real datasets, from the shared cache: what the papers say they are. They download on first use."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dgmbench.data import checksums, load_corpus, load_embeddings, load_images, load_points
from dgmbench.data.catalogue import CATALOGUE
from dgmbench.data.dataset import SourceError
from dgmbench.data.datasets import ocr_letters
from dgmbench.data.datasets.glove import is_plain, parse_glove_zip
from dgmbench.data.datasets.ocr_letters import parse_table
from dgmbench.data.download.store import array_sha256, is_cached, stored
from dgmbench.data.formats import idx
from dgmbench.data.load import checksums as of_names
from dgmbench.data.text import stop_words, unpack_text

pytestmark = pytest.mark.network
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def have():
    """Skip where a dataset is neither cached nor to be had; a source that answers and then fails is a failure."""

    def check(*names: str) -> None:
        for name in names:
            dataset = CATALOGUE[name]
            errors = []
            for origin in () if is_cached(dataset) else dataset.origins:
                try:
                    origin.source.probe()
                except SourceError as error:
                    errors.append(f"{origin.source.label}: {error}")
                else:
                    break
            else:
                if errors:
                    pytest.skip(f"{name} is not in the cache and no source answers ({'; '.join(errors)})")

    return check


def as_idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def test_mnist(have):
    have("mnist")
    images = load_images("mnist")
    assert images.train.shape == (60_000, 784)
    assert images.valid.shape == (0, 784)
    assert images.test.shape == (10_000, 784)
    assert images.shape == (28, 28)
    assert not images.binary
    assert images.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(images.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # the mean and deviation that everybody normalises by
    assert images.train.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert images.train.std() / 255 == pytest.approx(0.3081, abs=1e-4)


def test_mnist_with_validation_images(have, monkeypatch):
    have("mnist")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    whole, found = load_images("mnist"), load_images("mnist_validation:images")
    assert (len(found.train), len(found.valid)) == (50_000, 10_000)
    assert np.array_equal(np.concatenate([found.train, found.valid]), whole.train)
    assert np.array_equal(np.concatenate([found.train_labels, found.valid_labels]), whole.train_labels)
    assert np.array_equal(found.test, whole.test)


def test_fashion_mnist(have):
    have("fashion-mnist")
    images = load_images("fashion-mnist")
    assert images.train.shape == (60_000, 784)
    assert images.valid.shape == (0, 784)
    assert images.test.shape == (10_000, 784)
    assert np.bincount(images.train_labels).tolist() == [6000] * 10
    assert np.bincount(images.test_labels).tolist() == [1000] * 10
    assert [images.classes[label] for label in images.test_labels[:3]] == ["Ankle boot", "Pullover", "Trouser"]
    # the mean and deviation that everybody normalises by
    assert images.train.mean() / 255 == pytest.approx(0.2860, abs=1e-4)
    assert images.train.std() / 255 == pytest.approx(0.3530, abs=1e-4)


def test_the_mnist_mirrors_files_would_give_the_same_arrays(have, tmp_path):
    have("mnist")
    found = stored(CATALOGUE["mnist"])[1]
    files = {}
    for name, file in idx.FILES.items():
        array = found[name].reshape(-1, 28, 28) if found[name].ndim > 1 else found[name]
        files[f"{file}.gz"] = tmp_path / f"{file}.gz"
        files[f"{file}.gz"].write_bytes(gzip.compress(as_idx(array), 1))
    parsed = idx.parse_gzipped(files)
    assert {name: array_sha256(array) for name, array in parsed.items()} == CATALOGUE["mnist"].sha256


def test_ocr_letters(have):
    have("ocr-letters")
    images = load_images("ocr-letters")
    assert [len(part) for part in (images.train, images.valid, images.test)] == [32_152, 10_000, 10_000]
    assert images.train.shape[1] == 128
    assert images.shape == (16, 8)
    assert images.binary
    assert images.train.dtype == np.uint8
    assert set(np.unique(images.train)) == {0, 1}
    found = stored(CATALOGUE["ocr-letters"])[1]
    assert "".join(images.classes[label] for label in found["labels"][:9]) == "ommanding"
    np.testing.assert_array_equal(images.train[0], found["letters"][8110])
    np.testing.assert_array_equal(images.train_labels[:5], found["labels"][[8110, 9346, 20302, 2071, 22904]])
    assert len(np.unique(images.test_labels)) == 26


def test_the_letters_page_would_give_the_same_arrays(have, tmp_path):
    have("ocr-letters")
    found = stored(CATALOGUE["ocr-letters"])[1]
    lines = [
        f"{i}\t{chr(97 + label)}\t-1\t1\t1\t0\t" + "\t".join(map(str, pixels)) + "\t"
        for i, (label, pixels) in enumerate(zip(found["labels"].tolist(), found["letters"].tolist(), strict=True))
    ]
    path = tmp_path / "letter.data.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode(), 1))
    parsed = parse_table({path.name: path})
    assert {name: array_sha256(array) for name, array in parsed.items()} == CATALOGUE["ocr-letters"].sha256


@pytest.mark.parametrize(
    ("name", "documents", "classes"),
    [
        ("20news", (11_293, 7_528), 20),
        ("20news-stripped", (11_314, 7_532), 20),
        ("20news-religion", (857, 570), 2),
        ("reuters", (5_754, 2_254), 10),
        ("reuters-dated", (6_640, 2_813), 10),
    ],
)
def test_corpora(have, name, documents, classes):
    have(name)
    splits = load_corpus(name)
    assert tuple(len(part) for part in splits) == documents
    assert splits.train.vocabulary == splits.test.vocabulary
    assert splits.train.classes == splits.test.classes == tuple(sorted(splits.train.classes))
    assert not stop_words() & set(splits.train.vocabulary)
    for part in splits:
        assert part.labels is not None
        assert len(part.labels) == len(part)
        assert len(np.unique(part.labels)) == len(part.classes) == classes
        assert part.words.max() < part.n_words
        assert part.lengths.min() >= 0
    used = np.bincount(np.concatenate([part.words for part in splits]), minlength=splits.train.n_words)
    assert used.min() > 0


def test_what_the_corpora_are_about(have):
    have("20news", "reuters")
    news, reuters = load_corpus("20news").train, load_corpus("reuters").train
    assert [news.vocabulary[w] for w in news.document(0)[:4]] == ["alt", "atheism", "faq", "atheist"]
    assert sorted(np.bincount(reuters.labels))[-2:] == [1596, 2840]
    assert set(reuters.classes) == {
        "acq", "coffee", "crude", "earn", "interest", "money-fx", "money-supply", "ship", "sugar", "trade",
    }  # fmt: skip


@pytest.mark.parametrize(("part", "number"), [("train", 0), ("train", 479), ("train", 480), ("test", 0), ("test", 569)])
def test_two_groups_are_those_messages_of_all_twenty(have, part, number):
    have("20news", "20news-religion")
    every, two = (getattr(load_corpus(name), part) for name in ("20news", "20news-religion"))
    assert two.classes == ("alt.atheism", "talk.religion.misc")
    chosen = np.flatnonzero(np.isin(every.labels, [every.classes.index(name) for name in two.classes]))
    assert len(chosen) == len(two)
    at = chosen[number]
    assert every.classes[every.labels[at]] == two.classes[two.labels[number]]
    said, same = ([corpus.vocabulary[w] for w in corpus.document(d)] for corpus, d in ((every, at), (two, number)))
    assert said == same


def test_the_dated_stories_are_in_the_order_of_time(have):
    have("reuters-dated")
    splits = load_corpus("reuters-dated")
    dates = np.concatenate([splits.train_dates, splits.test_dates])
    assert [len(splits.train_dates), len(splits.test_dates)] == [len(splits.train), len(splits.test)]
    assert (np.diff(dates) >= np.timedelta64(0)).all()
    # the collection begins on 26 February and ends on 20 October; the ModApte split is at 8 April
    days = [str(day) for day in (dates[0], splits.train_dates[-1], splits.test_dates[0], dates[-1])]
    assert [day[:10] for day in days] == ["1987-02-26", "1987-04-07", "1987-04-08", "1987-10-20"]
    first = [splits.train.vocabulary[w] for w in splits.train.document(1)]
    assert first[:7] == ["champion", "products", "ch", "approves", "stock", "split", "champion"]
    assert "reuter" not in first
    assert min(part.lengths.min() for part in splits) > 0


@pytest.mark.parametrize(("name", "words", "dim"), [("glove-50d", 400_000, 50), ("glove-100d", 341_479, 100)])
def test_embeddings(have, name, words, dim):
    have(name)
    embeddings = load_embeddings(name)
    assert embeddings.vectors.shape == (words, dim) == (len(embeddings.words), embeddings.dim)
    assert embeddings.vectors.dtype == np.float32
    assert embeddings.words[:3] == ["the", ",", "."]
    assert embeddings.find(["the", "zzzxqq"]).tolist() == [0, -1]
    king, man, woman, queen = embeddings.vectors[embeddings.find(["king", "man", "woman", "queen"])]
    unit = embeddings.vectors[:20_000] / np.linalg.norm(embeddings.vectors[:20_000], axis=1, keepdims=True)
    nearest = np.argsort(-(unit @ (king - man + woman)))[:2]
    assert "queen" in {embeddings.words[i] for i in nearest}
    assert np.linalg.norm(queen) > 0


def test_the_authors_archive_would_give_the_same_words_to_100d(have):
    have("glove-50d", "glove-100d")
    everything = load_embeddings("glove-50d").words
    assert [word for word in everything if is_plain(word)] == load_embeddings("glove-100d").words


def test_the_authors_format_would_give_the_same_numbers(have, tmp_path):
    have("glove-50d")
    embeddings = load_embeddings("glove-50d")
    lines = [
        f"{word} {' '.join(map(str, vector))}\n"
        for word, vector in zip(embeddings.words[:3000], embeddings.vectors[:3000], strict=True)
    ]
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.50d.txt", "".join(lines))
    parsed = parse_glove_zip(50, False, {"glove.6B.zip": tmp_path / "glove.6B.zip"})
    assert unpack_text(parsed["words"]) == embeddings.words[:3000]
    np.testing.assert_array_equal(parsed["vectors"], embeddings.vectors[:3000])


PINNED = [name for name, dataset in CATALOGUE.items() if dataset.sha256]


@pytest.mark.parametrize("name", PINNED)
def test_what_the_cache_holds_is_what_is_pinned(have, name):
    have(name)
    manifest, _ = stored(CATALOGUE[name])
    assert {array: entry["sha256"] for array, entry in manifest["arrays"].items()} == CATALOGUE[name].sha256


@pytest.mark.parametrize("name", PINNED)
def test_the_checksums_are_those_of_what_loading_gives(have, name):
    have(name)
    kind, found = CATALOGUE[name].kind, checksums(name)
    assert found["source"] in {origin.source.label for origin in CATALOGUE[name].origins}
    drawn = kind == "points"  # by a seed: there is no archive
    assert any(key.startswith("archive:") for key in found) is not drawn
    if kind == "embeddings":
        expected = dict(CATALOGUE[name].sha256)
    else:
        loaded = {"images": load_images, "corpus": load_corpus, "points": load_points}[kind](name).arrays()
        expected = {array: array_sha256(values) for array, values in loaded.items()}
    assert {key.removeprefix("array:"): value for key, value in found.items() if key.startswith("array:")} == expected


def test_another_split_has_other_checksums(have, monkeypatch):
    have("ocr-letters")
    before = checksums("ocr-letters")
    shuffle = ocr_letters.python2_shuffle
    monkeypatch.setattr(ocr_letters, "python2_shuffle", lambda n, seed: shuffle(n, seed + 1))
    of_names._of_stored.cache_clear()
    after = checksums("ocr-letters")
    of_names._of_stored.cache_clear()
    parts = {f"array:{part}{suffix}" for part in ("train", "valid", "test") for suffix in ("", "_labels")}
    assert {key for key in before if before[key] != after[key]} == parts
