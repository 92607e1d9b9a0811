"""User-defined images from files: a .npz file, a .npy file, or folders of PNG files.

In a configuration they are named ``file:PATH``, with options as in a web address:
``file:mine.npy?test=held-out.npy&shape=28x28``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from dgmbench.data.image_sets import WHOLE, ImageSet, image_files_in, read_sets
from dgmbench.data.images import PARTS, ImageSplits
from dgmbench.data.labels import alike, shown
from dgmbench.data.name_options import SHORT_NAME, Forms, read_options
from dgmbench.data.pixels import WHITE, as_bytes
from dgmbench.data.user_files import PREFIX
from dgmbench.data.user_images import checked_images, rows_of_pixels, warn_once
from dgmbench.errors import UserError, counted

_FORMS: Forms = {
    "test": (r".+", "a path"),
    "name": SHORT_NAME,
    "label": (r".+", "the name of an array"),
    "shape": (r"[1-9]\d{0,4}[xX][1-9]\d{0,4}", "height and width as 28x28"),
    "binary": (r"(?i:true|false)", "true or false"),
    "seed": (r"\d{1,18}", "a whole number"),
}
EVERY = 5
"""Without separate test images, a fifth of the images is for testing, of every class."""


def read_images(name: str) -> ImageSplits:
    """The images ``file:PATH?test=PATH&shape=HEIGHTxWIDTH&binary=true&label=NAME&seed=NUMBER``.

    PATH is a ``.npz`` file, a ``.npy`` file or a folder of ``.png`` files (see `read_sets`); ``test`` is where the test
    images lie, in one of these forms. Where nothing says which images are for testing, a fifth of every class is,
    drawn with ``seed`` (0 by default). ``shape`` is for images that are rows of pixels. Images are binary if all
    pixels are 0 or 1, in PNG files black or white, unless ``binary`` says otherwise.

    Raises:
        UserError: what is missing or wrong, in which file.
    """
    states = [(file, file.stat()) for file in image_files(name)]
    return _read(name, tuple((str(file), state.st_mtime_ns, state.st_size) for file, state in states))


def image_files(name: str) -> list[Path]:
    """The files that images ``file:PATH?...`` are read from, sorted.

    Raises:
        UserError: an unknown option, or a path that holds no images.
    """
    path, options = _parse(name)
    places = (path, Path(options["test"]).expanduser()) if "test" in options else (path,)
    try:
        return sorted({file for place in places for file in image_files_in(place)})
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def holds_images(name: str) -> bool:
    """Whether ``file:PATH?...`` are images and no text: by the ending, in a folder by what most files in it are."""
    path = Path(unquote(name.removeprefix(PREFIX).partition("?")[0])).expanduser()
    if not path.is_dir():
        return path.suffix.lower() in (".npz", ".npy")
    # parts, classes, files: what lies deeper is in no dataset
    inside = (file for pattern in ("*", "*/*", "*/*/*") for file in path.glob(pattern))
    endings = Counter(file.suffix.lower() for file in inside if not file.name.startswith("."))
    return endings[".png"] > endings[".txt"]


def _parse(name: str) -> tuple[Path, dict[str, str]]:
    """The path and the options of a name, each of the form that it has to have."""
    address, options = name.removeprefix(PREFIX).partition("?")[0], read_options(name, _FORMS)
    if not address:
        raise UserError(f"{name}: no path; write file:mine.npz")
    return Path(unquote(address)).expanduser(), options


@lru_cache(maxsize=2)
def _read(name: str, states: tuple[tuple[str, int, int], ...]) -> ImageSplits:
    """See `read_images`; while the files stay as they are, they are read once."""
    path, options = _parse(name)
    sets = read_sets(path, options.get("label", ""))
    if "test" in options:
        sets = _with_test(path, sets, Path(options["test"]).expanduser(), options.get("label", ""))
    _require_parts(path, sets)
    shape = _shape(name, sets, options.get("shape"))
    labels, classes = _numbered(name, sets)
    images = {part: rows_of_pixels(f"{name}: {part or 'the array'}", each.images, shape) for part, each in sets.items()}
    origin = "by the files"
    if WHOLE in images:
        seed = int(options.get("seed", 0))
        places = _drawn(name, len(images[WHOLE]), labels.get(WHOLE), seed)
        images = {part: images[WHOLE][chosen] for part, chosen in places.items()}
        labels = {part: labels[WHOLE][chosen] for part, chosen in places.items()} if labels else {}
        origin = f"every fifth image of each class is for testing, drawn with seed {seed}"
    elif "seed" in options:
        raise UserError(f"{name}: the test images are given and none are drawn; leave the option seed out")
    binary = {"true": True, "false": False}.get(options.get("binary", "").lower())
    if path.is_dir() and binary is not False and all(_is_black_and_white(part) for part in images.values()):
        images = {part: array == WHITE for part, array in images.items()}
    pixels, is_binary = as_bytes(images, binary, name)
    found: dict[str, Any] = {part: pixels.get(part, pixels["train"][:0]) for part in PARTS}
    if labels:
        found |= {f"{part}_labels": labels.get(part, labels["train"][:0]) for part in PARTS}
    return checked_images(name, ImageSplits(name, shape, is_binary, **found, classes=classes, origin=origin))


def _with_test(path: Path, sets: Mapping[str, ImageSet], test: Path, label: str) -> dict[str, ImageSet]:
    """The sets of a path, with the test images of another."""
    held_out = read_sets(test, label)
    if "test" in sets:
        raise UserError(f"{path} has test images, and the option test names others; leave one out")
    used = "test" if "test" in held_out else next(iter(held_out))
    unused = " and ".join(part or "images" for part in held_out if part != used)
    if unused and used != "test":
        raise UserError(f"{test} has {used or 'images'} and {unused}, and which is for testing is not said")
    if unused or used not in ("test", WHOLE):
        warn_once(f"{test}: {used} is what is tested on" + (f", and {unused} is not used" if unused else ""))
    return {part or "train": each for part, each in sets.items()} | {"test": held_out[used]}


def _require_parts(path: Path, sets: Mapping[str, ImageSet]) -> None:
    """Training and test images, or images that are not divided; nothing between."""
    held = " and ".join(part or "images" for part in sets)
    if WHOLE in sets:
        if len(sets) > 1:
            raise UserError(f"{path} has {held}; call the images train if they are not to be divided")
    elif "train" not in sets:
        raise UserError(f"{path} has {held} and no training images; call these train")
    elif "test" not in sets:
        raise UserError(
            f"{path} has {held} and no test images; name them with the option test, or call all images "
            "'images' to have a fifth set apart"
        )


def _shape(name: str, sets: Mapping[str, ImageSet], given: str | None) -> tuple[int, int]:
    """Height and width of the images: as given, or of the arrays."""
    if given:
        height, width = map(int, given.lower().split("x"))
        return height, width
    part, images = next((part or "images", each.images) for part, each in sets.items())
    match images.shape:
        case (_, height, width) | (_, 1, height, width) | (_, height, width, 1):
            return height, width
        case (_, pixels):
            raise UserError(f"{name}: {part} has rows of {pixels} pixels; give their height and width as shape=28x28")
    raise UserError(f"{name}: {part} is an array {images.shape}; give (images, height, width) without colours")


def _numbered(name: str, sets: Mapping[str, ImageSet]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The labels of each part as numbers, and the classes where they were names; neither if a part has no labels."""
    labels: dict[str, np.ndarray] = {}
    for part, each in sets.items():
        if each.labels is None:
            continue
        labels[part] = each.labels[:, 0] if each.labels.ndim == 2 and each.labels.shape[1] == 1 else each.labels
        if labels[part].ndim != 1 or len(labels[part]) != len(each.images):
            shape = f"{counted(len(each.images), 'image')} but labels of shape {each.labels.shape}"
            raise UserError(f"{name}: {part or 'the file'} has {shape}; give one label an image")
    if len(labels) < len(sets):
        if labels:
            warn_once(f"{name}: only {' and '.join(labels)} has labels; they are not used")
        return {}, ()
    if all(each.dtype.kind != "U" for each in labels.values()):
        return labels, ()
    classes, numbers = np.unique(np.concatenate([each.astype(str) for each in labels.values()]), return_inverse=True)
    if pair := alike(map(str, classes)):
        one, other = map(shown, pair)
        raise UserError(f"{name}: the labels {one} and {other} differ in case, spaces or form alone; write them alike")
    ends = np.cumsum([len(each) for each in labels.values()])[:-1]
    numbers = numbers.astype(np.min_scalar_type(len(classes)))
    return dict(zip(labels, np.split(numbers, ends), strict=True)), tuple(map(str, classes))


def _drawn(name: str, n: int, labels: np.ndarray | None, seed: int) -> dict[str, np.ndarray]:
    """Which of n images are for training and which for testing: of every class its share, to within one image."""
    if n < EVERY:
        few = counted(n, "image is", "images are")
        raise UserError(f"{name}: {few} too few to set a fifth apart; name test images with the option test")
    order = np.random.default_rng(seed).permutation(n)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    test = np.sort(order[EVERY - 1 :: EVERY])
    return {"train": np.setdiff1d(np.arange(n), test), "test": test}


def _is_black_and_white(images: np.ndarray) -> bool:
    return bool(((images == 0) | (images == WHITE)).all())
