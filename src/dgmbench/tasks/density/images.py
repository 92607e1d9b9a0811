"""Which images or points a density run sees: apart from the stages, so that a change here is a change of every run."""

from __future__ import annotations

import hashlib

import numpy as np

from dgmbench.data.images import ImageSplits
from dgmbench.data.load.points import load_images_or_points
from dgmbench.data.parts import evenly_spaced
from dgmbench.data.points import PointSplits
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.density.settings import density_settings

# Grey test images are binarised once, with this seed, whatever the seed of the run: every model sees the same images.
TEST_BINARISATION_SEED = 2016
# Of what a model that fits itself learns from, together with the seed of the run.
TRAINING_BINARISATION_SEED = 2017


def kind_of_data(spec: RunSpec) -> str:
    """``images`` of binary pixels, or ``points`` with real coordinates: a likelihood of one is none of the other."""
    return "points" if isinstance(load_images_or_points(spec.dataset), PointSplits) else "images"


def training_images(spec: RunSpec) -> tuple[np.ndarray, bool]:
    """(images, pixels) uint8, or (points, coordinates) float64; and whether a model sees them as they are.

    Raises:
        UserError: they are too few to train on.
    """
    limit = density_settings(spec).train_limit
    data = load_images_or_points(spec.dataset)
    train = _part(*_of(data, "train"), limit)
    if len(train) < 2:
        of = f" (train_limit is {limit})" if limit else ""
        raise UserError(
            f"{spec.dataset}: {len(train)} training {kind_of_data(spec)[:-1]}{of}; batch norm needs at least two"
        )
    return train, isinstance(data, PointSplits) or data.binary


def whole_training_set(spec: RunSpec) -> tuple[np.ndarray, np.ndarray | None]:
    """What a model that fits itself gets: training examples, and those that choose between its fits, both as they are
    evaluated. Grey images are binarised once, by the seed of the run.

    The second is the dataset's validation part, None where it has none.
    """
    data, random = load_images_or_points(spec.dataset), np.random.default_rng([TRAINING_BINARISATION_SEED, spec.seed])
    examples, as_is = training_images(spec)
    held_out = _part(*_of(data, "valid"), density_settings(spec).train_limit)
    found = [part if as_is else _drawn(part, random).astype(np.uint8) for part in (examples, held_out)]
    return found[0], found[1] if len(held_out) else None


def copies_of_training_images(spec: RunSpec) -> tuple[int, int]:
    """How many of the images that a run is evaluated on are also training images, byte by byte; and of how many."""
    settings, data = density_settings(spec), load_images_or_points(spec.dataset)
    known = {_digest(image) for image in _part(*_of(data, "train"), settings.train_limit)}
    held_out = _part(*_of(data, settings.split), settings.test_limit)
    return sum(_digest(image) in known for image in held_out), len(held_out)


def _of(data: ImageSplits | PointSplits, part: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A part and its labels; points have none."""
    return getattr(data, part), getattr(data, f"{part}_labels", None)


def _part(images: np.ndarray, labels: np.ndarray | None, limit: int) -> np.ndarray:
    return images[evenly_spaced(len(images), labels, limit)]


def _drawn(grey: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each pixel true with probability value / 255."""
    return random.random(grey.shape, dtype=np.float32) * 255 < grey


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def evaluation_images(spec: RunSpec) -> np.ndarray:
    """(images, pixels) float32 of 0 and 1: the test images, or the validation images, as every model sees them.

    Of points (points, coordinates) float64.

    Raises:
        UserError: the dataset has no such images.
    """
    settings = density_settings(spec)
    data = load_images_or_points(spec.dataset)
    images, labels = _of(data, settings.split)
    if not len(images):
        other = "valid" if settings.split == "test" else "test"
        raise UserError(f"{spec.dataset} has no {settings.split} {kind_of_data(spec)}; set split to {other}")
    if isinstance(data, PointSplits):
        return _part(images, labels, settings.test_limit)
    if not data.binary:
        images = _drawn(images, np.random.default_rng(TEST_BINARISATION_SEED))
    return _part(images, labels, settings.test_limit).astype(np.float32)
