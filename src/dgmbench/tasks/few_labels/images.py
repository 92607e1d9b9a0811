"""Which images a run with few labels sees, and whose labels: the same for every row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dgmbench.data.images import PARTS, ImageSplits
from dgmbench.data.label_sets import balanced
from dgmbench.data.parts import evenly_spaced, held_out
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.few_labels.settings import HELD_OUT, few_labels_settings, too_few, too_many

LABEL_SETS = 2017
"""Keeps the drawing of labels apart from everything else that a seed decides."""
BINARISATION = 2016
"""The seed of binary pixels, for models of such: every row and seed sees the same bits."""
HIDDEN = -1
"""Stands for the class of an image whose label is not seen."""


@dataclass(frozen=True, eq=False)
class Part:
    """Images of a part.

    Attributes:
        images: (n, pixels) uint8.
        labels: (n,) int64, the class of each.
        white: the value of a white pixel.
    """

    images: np.ndarray
    labels: np.ndarray
    white: int

    @property
    def values(self) -> np.ndarray:
        """(n, pixels) float32 from 0 to 1."""
        return self.images.astype(np.float32) / np.float32(self.white)


def part_of(spec: RunSpec, data: ImageSplits, name: str) -> Part:
    """The images of ``train``, to the run's limit, of ``valid`` or of ``test``.

    Raises:
        UserError: the dataset has no such images, or no labels.
    """
    if data.train_labels is None:
        raise UserError(f"{data.name} has no labels: there is nothing to be classified")
    images, labels = getattr(data, name), np.asarray(getattr(data, f"{name}_labels"))
    if name != "test" and not len(data.valid):
        images, labels = data.train, np.asarray(data.train_labels)
        held = held_out(len(images), labels, HELD_OUT)
        chosen = held if name == "valid" else ~held
        images, labels = images[chosen], labels[chosen]
    if not len(images):
        raise UserError(f"{spec.dataset}: no {name} images, which a run with few labels needs")
    limit = few_labels_settings(spec).train_limit if name == "train" else 0
    places = evenly_spaced(len(images), labels, limit)
    return Part(images[places], labels[places].astype(np.int64), data.white)


def label_set(spec: RunSpec, labels: np.ndarray, classes: int, number: int) -> np.ndarray:
    """(number,) places of the training images whose labels are seen; all of them for 0.

    They are drawn by the run's seed alone, the classes as equal in number as can be; the sets of one seed contain each
    other.

    Args:
        labels: (n,) of the training images.
        classes: of the dataset.

    Raises:
        UserError: there are fewer images, or a class would have no label.
    """
    if problem := too_many(number, len(labels)):
        raise UserError(f"{spec.dataset}: {problem}")
    if lacking := sorted(set(range(classes)) - set(labels.tolist())):
        raise UserError(f"{spec.dataset}: no training image of class {lacking[0]}; raise train_limit")
    if problem := too_few(number, classes):
        raise UserError(f"{spec.dataset}: {problem}")
    return balanced(labels, number or len(labels), np.random.default_rng([spec.seed, LABEL_SETS]))


def examples_of(part: Part, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a step sees: (n, pixels + 1) of all images, and (labels, pixels + 1) of the labelled ones, float32.

    The class is in the last column, in the first array `HIDDEN`; where all labels are seen it is there, too, and the
    second array is empty.

    Args:
        chosen: the places of the labelled images.
    """
    labelled = np.concatenate([part.values, part.labels[:, None]], axis=1).astype(np.float32)
    if len(chosen) == len(labelled):
        return labelled, labelled[:0]
    beside = labelled[chosen]
    labelled[:, -1] = HIDDEN
    return labelled, beside


def with_labelled(labelled: Tensor, most: int, examples: Tensor, generator: torch.Generator) -> Tensor:
    """A batch of examples, below it ``most`` of the labelled ones, drawn without replacement; all if they are fewer."""
    order = torch.randperm(len(labelled), generator=generator, device=generator.device)[:most]
    return torch.cat([examples, labelled.to(examples.device)[order]])


def binary_pixels(images: np.ndarray, part: str) -> np.ndarray:
    """(n, pixels) from 0 to 1 → 0 or 1 with that probability, float32; binary images stay as they are."""
    random = np.random.default_rng([BINARISATION, PARTS.index(part)])
    return (random.random(images.shape, dtype=np.float32) < images).astype(np.float32)
