"""Which images and labels a representation run sees: the same bits for every row."""

from __future__ import annotations

import numpy as np

from dgmbench.data.images import PARTS, ImageSplits
from dgmbench.data.load.images import load_images
from dgmbench.data.parts import evenly_spaced, held_out
from dgmbench.errors import UserError
from dgmbench.metrics.linear_probe import Examples
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.representation.settings import representation_settings

# Grey images are binarised once for the classifier, whatever the seed of the run: every row sees the same bits.
BINARISATION_SEED = 2016
HELD_OUT = 6
"""One training image of so many is for validation, where a dataset has no validation part."""


def training_images(spec: RunSpec) -> tuple[np.ndarray, bool]:
    """(images, pixels) uint8 that features are learned from, and whether they are binary already.

    Raises:
        UserError: see `labelled_images`.
    """
    data = _labelled(spec)
    return data["train"][0], load_images(spec.dataset).binary


def labelled_images(spec: RunSpec, part: str) -> Examples:
    """The images of a part, (images, pixels) float32 of 0 and 1, and their classes.

    Args:
        part: ``train``, ``valid`` or ``test``; the last is what the run is evaluated on.

    Raises:
        UserError: the dataset has no labels, or too few images, or images of a single class.
    """
    settings, binary = representation_settings(spec), load_images(spec.dataset).binary
    source = "valid" if part == "test" and settings.split == "valid" else part
    images, labels = _labelled(spec)[source]
    if not len(images):
        raise UserError(f"{spec.dataset}: no {source} images; features are judged on images that are set apart")
    if not binary:
        random = np.random.default_rng([BINARISATION_SEED, PARTS.index(source)])
        images = random.random(images.shape, dtype=np.float32) * 255 < images
    limit = settings.test_limit if part == "test" else 0
    chosen = evenly_spaced(len(images), labels, limit)
    return Examples(images[chosen].astype(np.float32), labels[chosen])


def _labelled(spec: RunSpec) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and labels by part; the training part without the held-out ones, and to the run's limit."""
    data = load_images(spec.dataset)
    found = _with_labels(data)
    if not len(found["valid"][0]):
        images, labels = found["train"]
        held = held_out(len(images), labels, HELD_OUT)
        found["train"], found["valid"] = (images[~held], labels[~held]), (images[held], labels[held])
    limit = representation_settings(spec).train_limit
    images, labels = found["train"]
    chosen = evenly_spaced(len(images), labels, limit)
    found["train"] = images[chosen], labels[chosen]
    if len(np.unique(found["train"][1])) < 2:
        of = f" (train_limit is {limit})" if limit else ""
        raise UserError(f"{spec.dataset}: the training images are of one class{of}; a classifier needs two")
    return found


def _with_labels(data: ImageSplits) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for part in PARTS:
        labels = getattr(data, f"{part}_labels")
        if labels is None:
            raise UserError(f"{data.name} has no labels: features are judged by the classes that they tell apart")
        found[part] = getattr(data, part), np.asarray(labels)
    return found
