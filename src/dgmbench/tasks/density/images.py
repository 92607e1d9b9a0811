"""Which images a density run sees: apart from the stages, so that a change here is a change of every run."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from dgmbench.data.images import ImageSplits
from dgmbench.data.load.images import load_images
from dgmbench.data.parts import evenly_spaced
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.density.settings import density_settings

if TYPE_CHECKING:
    import torch

# Grey test images are binarised once, with this seed, whatever the seed of the run: every model sees the same images.
TEST_BINARISATION_SEED = 2016


def training_images(spec: RunSpec) -> tuple[np.ndarray, bool]:
    """(images, pixels) uint8 and whether they are binary already.

    Raises:
        UserError: they are too few to train on.
    """
    limit = density_settings(spec).train_limit
    data = load_images(spec.dataset)
    train = _part(data.train, data.train_labels, limit)
    if len(train) < 2:
        of = f" (train_limit is {limit})" if limit else ""
        raise UserError(f"{spec.dataset}: {len(train)} training image{of}; batch norm needs at least two")
    return train, data.binary


def copies_of_training_images(spec: RunSpec) -> tuple[int, int]:
    """How many of the images that a run is evaluated on are also training images, byte by byte; and of how many."""
    settings, data = density_settings(spec), load_images(spec.dataset)
    known = {_digest(image) for image in _part(data.train, data.train_labels, settings.train_limit)}
    held_out = _part(*_held_out(data, settings.split), settings.test_limit)
    return sum(_digest(image) in known for image in held_out), len(held_out)


def _held_out(data: ImageSplits, split: str) -> tuple[np.ndarray, np.ndarray | None]:
    return (data.test, data.test_labels) if split == "test" else (data.valid, data.valid_labels)


def _part(images: np.ndarray, labels: np.ndarray | None, limit: int) -> np.ndarray:
    return images[evenly_spaced(len(images), labels, limit)]


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def as_they_are(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Binary training images as float32."""
    return pixels.float()


def binarised(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Grey training images, each pixel 1 with probability value / 255: another draw in every epoch."""
    import torch

    threshold = torch.rand(pixels.shape, generator=generator, device=pixels.device).mul_(255)
    return (threshold < pixels).float()


def evaluation_images(spec: RunSpec) -> np.ndarray:
    """(images, pixels) float32 of 0 and 1: the test images, or the validation images, as every model sees them.

    Raises:
        UserError: the dataset has no such images.
    """
    settings = density_settings(spec)
    data = load_images(spec.dataset)
    images, labels = _held_out(data, settings.split)
    if not len(images):
        other = "valid" if settings.split == "test" else "test"
        raise UserError(f"{spec.dataset} has no {settings.split} images; set split to {other}")
    if not data.binary:
        threshold = np.random.default_rng(TEST_BINARISATION_SEED).random(images.shape, dtype=np.float32)
        images = threshold * 255 < images
    return _part(images, labels, settings.test_limit).astype(np.float32)
