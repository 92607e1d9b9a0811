"""Which images a density run sees: apart from the stages, so that a change here is a change of every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dgmbench.data.load.images import load_images
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
        UserError: pixels of another value than 0 and 1 in a dataset that calls itself binary.
    """
    limit = density_settings(spec).train_limit
    data = load_images(spec.dataset)
    train = data.train[:limit] if limit else data.train
    if data.binary and train.size and train.max() > 1:
        raise UserError(f"{spec.dataset} is said to be binary and has pixels above 1; say binary=False of grey images")
    return train, data.binary


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
        UserError: the dataset has no validation part.
    """
    settings = density_settings(spec)
    data = load_images(spec.dataset)
    images = data.test if settings.split == "test" else data.valid
    if not len(images):
        raise UserError(f"{spec.dataset} has no {settings.split} images; set split to test")
    if not data.binary:
        threshold = np.random.default_rng(TEST_BINARISATION_SEED).random(images.shape, dtype=np.float32)
        images = threshold * 255 < images
    images = images[: settings.test_limit] if settings.test_limit else images
    return images.astype(np.float32)
