"""Which images a run sees."""

from __future__ import annotations

import numpy as np

from dgmbench.data.images import ImageSplits
from dgmbench.data.load.images import load_images
from dgmbench.run.spec import RunSpec
from image_classes.settings import classifier_settings


def training_images(spec: RunSpec) -> tuple[np.ndarray, np.ndarray]:
    """(images, pixels) float32 from 0 to 1 and their classes (images,)."""
    data, limit = load_images(spec.dataset), classifier_settings(spec).train_limit or None
    return _scaled(data, data.train[:limit]), data.train_labels[:limit]


def evaluation_images(spec: RunSpec) -> tuple[np.ndarray, np.ndarray]:
    """(images, pixels) float32 from 0 to 1 and their classes (images,)."""
    data, limit = load_images(spec.dataset), classifier_settings(spec).test_limit or None
    return _scaled(data, data.test[:limit]), data.test_labels[:limit]


def _scaled(data: ImageSplits, images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / (1 if data.binary else 255)
