"""Which images a generation run sees: the same for every row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dgmbench.data.load.images import load_images
from dgmbench.data.parts import evenly_spaced, held_out
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.generation.settings import generation_settings

HELD_OUT = 6
"""One training image of so many is for validation, where a dataset has no validation part."""


@dataclass(frozen=True, eq=False)
class Part:
    """Images of a part as they are kept, (n, pixels) uint8, and the class of each, (n,)."""

    images: np.ndarray
    labels: np.ndarray


def part_of(spec: RunSpec, name: str) -> Part:
    """The images of ``train``, to the run's limit, of ``valid``, or of ``test``, to the run's limit.

    The last is what the run is evaluated on: the validation images where its split says so.

    Raises:
        UserError: the dataset has no such images, or no labels.
    """
    settings, data = generation_settings(spec), load_images(spec.dataset)
    if data.train_labels is None:
        raise UserError(f"{data.name} has no labels: samples are compared in the features of a classifier")
    source = settings.split if name == "test" else name
    labels = getattr(data, f"{source}_labels")
    found = Part(getattr(data, source), np.asarray(labels))
    if source != "test" and not len(data.valid):
        train = Part(data.train, np.asarray(data.train_labels))
        held = held_out(len(train.images), train.labels, HELD_OUT)
        chosen = held if source == "valid" else ~held
        found = Part(train.images[chosen], train.labels[chosen])
    if not len(found.images):
        raise UserError(f"{spec.dataset}: no {source} images, which samples are compared with")
    limit = {"train": settings.train_limit, "test": settings.test_limit}.get(name, 0)
    places = evenly_spaced(len(found.images), found.labels, limit)
    return Part(found.images[places], found.labels[places])


def values(images: np.ndarray, white: int) -> np.ndarray:
    """Pixels from 0 to 1, float64."""
    return images.astype(np.float64) / white


def as_bytes(generated: Tensor, white: int, probabilities: bool, seed: int) -> np.ndarray:
    """(n, pixels) from 0 to 1 → uint8: grey values, or binary pixels.

    On binary data the probabilities of pixels are drawn from, and other values are rounded.
    """
    x = generated.double()
    if white == 1 and probabilities:
        x = torch.bernoulli(x, generator=torch.Generator().manual_seed(seed))
    return np.floor(x.numpy() * white + 0.5).astype(np.uint8)
