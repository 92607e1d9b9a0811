"""Which images a run sees."""

from __future__ import annotations

import numpy as np

from dgmbench.data.images import ImageSplits
from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from image_classes.settings import classifier_settings


def training_images(spec: RunSpec) -> tuple[np.ndarray, np.ndarray]:
    """(images, pixels) float32 from 0 to 1 and their classes (images,).

    Raises:
        UserError: the dataset has no labels.
    """
    data, limit = load_images(spec.dataset), classifier_settings(spec).train_limit or None
    return _scaled(data, data.train[:limit]), _labels(data, data.train_labels)[:limit]


def evaluation_images(spec: RunSpec) -> tuple[np.ndarray, np.ndarray]:
    """(images, pixels) float32 from 0 to 1 and their classes (images,).

    Raises:
        UserError: the dataset has no labels, or no test images.
    """
    data, limit = load_images(spec.dataset), classifier_settings(spec).test_limit or None
    if not len(data.test):
        raise UserError(f"{spec.dataset} has no test images")
    return _scaled(data, data.test[:limit]), _labels(data, data.test_labels)[:limit]


def _labels(data: ImageSplits, labels: np.ndarray | None) -> np.ndarray:
    if labels is None:
        raise UserError(f"{data.name} has no labels; a classifier learns from images whose class is known")
    return labels


def _scaled(data: ImageSplits, images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / (1 if data.binary else 255)
