"""Which images a density run sees: apart from the stages, so that a change here is a change of every run."""

from __future__ import annotations

import numpy as np

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.run.spec import DensitySettings, RunSpec

# Grey test images are binarised once, with this seed, whatever the seed of the run: every model sees the same images.
TEST_BINARISATION_SEED = 2016


def density_settings(spec: RunSpec) -> DensitySettings:
    """The settings of a density run."""
    assert isinstance(spec.settings, DensitySettings)
    return spec.settings


def training_images(spec: RunSpec) -> tuple[np.ndarray, bool]:
    """(images, pixels) uint8 and whether they are binary already."""
    settings = density_settings(spec)
    data = load_images(spec.dataset)
    train = data.train[: settings.train_limit] if settings.train_limit else data.train
    return train, data.binary


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
