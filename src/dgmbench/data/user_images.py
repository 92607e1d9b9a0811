"""User-defined images, checked: one shape, pixels as bytes in a range without doubt, labels that name classes."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from dgmbench.data.images import PARTS, ImageSplits
from dgmbench.data.labels import flaw, shown
from dgmbench.data.pixels import WHITE, as_bytes
from dgmbench.errors import UserError, counted

log = logging.getLogger("dgmbench")

DIM = 128
"""Grey images whose brightest pixel is below it are probably not in units of 0 to 255."""


def checked_images(name: str, splits: ImageSplits) -> ImageSplits:
    """What a user gives as images, in the form that the built-in names have.

    Images may be rows of pixels, (n, height, width) or (n, 1, height, width), of the numbers that `as_bytes` takes.

    Raises:
        UserError: what is missing, or does not fit together.
    """
    shape = _shape(name, splits.shape)
    if not isinstance(splits.binary, bool | np.bool_):
        raise UserError(f"{name}: binary is {splits.binary!r}; give True or False")
    rows = {part: rows_of_pixels(f"{name}: {part}", getattr(splits, part), shape) for part in PARTS}
    if not len(rows["train"]):
        raise UserError(f"{name}: train has no images")
    if not len(rows["test"]) and not len(rows["valid"]):
        raise UserError(f"{name}: test has no images, nor has valid; set some apart")
    images, binary = as_bytes(rows, bool(splits.binary), name)
    brightest = max(int(array.max()) for array in images.values() if array.size)
    if not binary and brightest < DIM:
        warn_once(f"{name}: the brightest pixel is {brightest} of {WHITE}; if that means white, scale the images")
    classes = _classes(name, splits.classes)
    found: dict[str, Any] = {"shape": shape, "binary": binary, "classes": classes, **images}
    given = {part: getattr(splits, f"{part}_labels") for part in PARTS}
    if any(labels is not None for labels in given.values()):
        for part, labels in given.items():
            found[f"{part}_labels"] = _labels(f"{name}: {part}", labels, len(images[part]), classes)
    return replace(splits, **found)


@cache
def warn_once(line: str) -> None:
    """Warn, once in a process: a dataset is loaded several times in a run."""
    log.warning(line)


def _shape(name: str, shape: Any) -> tuple[int, int]:
    if (
        not isinstance(shape, tuple | list)
        or len(shape) != 2
        or not all(isinstance(side, int | np.integer) and not isinstance(side, bool) and side > 0 for side in shape)
    ):
        raise UserError(f"{name}: shape is {shape!r}; give height and width as whole numbers: shape=(28, 28)")
    return int(shape[0]), int(shape[1])


def rows_of_pixels(where: str, images: Any, shape: tuple[int, int]) -> np.ndarray:
    """(n, pixels), of images that are so laid out, or (n, height, width), or with an axis of one colour.

    Raises:
        UserError: it is no array, or one of another shape.
    """
    pixels = shape[0] * shape[1]
    if not isinstance(images, np.ndarray):
        given = "None" if images is None else f"of {type(images).__name__}"
        raise UserError(f"{where} is {given}; give a numpy array (images, {pixels}), with no rows if there are none")
    if not images.size and images.shape[:1] == (0,):
        return np.empty((0, pixels), np.uint8)
    if images.shape[1:] not in ((pixels,), shape, (1, *shape), (*shape, 1)):
        of = f"shape {images.shape}" if images.ndim != 2 else f"{images.shape[1]} pixels an image"
        raise UserError(f"{where} is not an (images, {pixels}) array, as shape {shape} asks: it has {of}")
    return images.reshape(len(images), pixels)


def _classes(name: str, classes: Any) -> tuple[str, ...]:
    if not isinstance(classes, tuple | list) or not all(isinstance(each, str) for each in classes):
        raise UserError(f"{name}: classes is {classes!r}; give the names of the classes as a tuple of text, or ()")
    for each in classes:
        if found := flaw(each):
            raise UserError(f"{name}: the class {shown(each)} has {found}; take it out")
    return tuple(classes)


def _labels(where: str, labels: Any, n: int, classes: tuple[str, ...]) -> np.ndarray:
    """(n,) whole numbers."""
    if labels is None:
        if not n:
            return np.empty(0, np.uint8)
        raise UserError(f"{where} has no labels and another part has some; give all parts labels, or none (None)")
    try:
        found = np.asarray(labels)
    except ValueError:  # rows of different lengths
        raise UserError(f"{where}_labels is no array; give a whole number for each image") from None
    if found.ndim != 1 or len(found) != n:
        length = counted(len(found), "label") if found.ndim == 1 else f"an array {found.shape} of labels"
        raise UserError(f"{where} has {counted(n, 'image')} but {length}")
    if not n:
        return found
    if found.dtype.kind in "f" and np.isfinite(found).all() and (found == np.rint(found)).all():
        found = found.astype(np.int64)
    if found.dtype.kind not in "bui":
        what = "text" if found.dtype.kind in "US" else f"of {found.dtype}"
        raise UserError(f"{where}_labels are {what}; give numbers from 0, and what they stand for as classes")
    low, high = int(found.min()), int(found.max())
    if low < 0 or (classes and high >= len(classes)):
        wrong, known = low if low < 0 else high, f" to {len(classes) - 1}, as classes has" if classes else ""
        raise UserError(f"{where}_labels hold {wrong}; give numbers from 0{known}")
    return found
