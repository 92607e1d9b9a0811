"""Does a user-defined learner fit the task? Each finding says what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from dgmbench.errors import raised
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.representation.building import build_learner
from dgmbench.tasks.representation.features import code, restored
from dgmbench.tasks.representation.images import labelled_images, training_images
from dgmbench.tasks.representation.settings import representation_settings
from dgmbench.training.batches import Batches, as_they_are
from dgmbench.training.losses import fault_of_loss
from dgmbench.training.unlearned import unlearned

SOME = 256
"""Training images that a learner is tried on, at least, where the run has so many."""
LEARNS_BY = {"loss": "(x)", "fit": "(images)"}
CALLED = ("encode", "decode", "reconstruct")
"""Its other methods that the task calls."""


def findings(spec: RunSpec, row: Row) -> Iterator[str]:
    """Let the learner learn from a few of the dataset's images, and encode others.

    Raises:
        UserError: the class cannot be imported, or refuses its options; or the dataset has no labels.
    """
    images = labelled_images(spec, "train").features[:SOME]
    model: Any = build_learner(spec, row, images.shape[1])
    if fault := unlearned(model, row, spec.task, LEARNS_BY, CALLED):
        yield fault
    x = torch.from_numpy(images)
    what = "fit(images)"
    try:
        if hasattr(model, "loss"):
            what = "loss(x)"
            if fault := fault_of_loss(model.loss(x), what):
                yield fault
                return
        elif hasattr(model, "fit"):
            model.fit(x)
        model.eval()
        what = "encode(x)"
        codes = code(model, images)
        what = "decode(encode(x))"
        decoded = restored(model, images)
    except Exception as error:  # whatever the learner's own code raises is the finding
        yield f"{what} for x {tuple(x.shape)} raised {raised(error)}"
        return
    if codes.ndim != 2 or len(codes) != len(images):
        yield f"encode(x) gave {codes.shape} for {len(images)} images, not ({len(images)}, width)"
    elif not np.isfinite(codes).all():
        yield "encode(x) gave NaN or infinity"
    elif not np.array_equal(codes, code(model, images)):
        yield "encode(x) gives another code each time: return the mean, not a sample"
    if decoded is not None and decoded.pixels.shape != images.shape:
        yield f"decode(code) gave {decoded.pixels.shape} for {len(images)} images, not {images.shape}"


def trial(spec: RunSpec) -> RunSpec:
    """One epoch of two batches or more, as large as those of the real training, and a few test images."""
    settings, (pixels, _) = representation_settings(spec), training_images(spec)
    size = len(pixels) / len(Batches(pixels, settings.batch_size, spec.seed, as_they_are))
    limit = min(len(pixels), math.ceil(size * max(2, math.ceil(SOME / size))))
    changed = {"epochs": 1, "devices": 1, "train_limit": limit, "test_limit": min(settings.test_limit or 100, 100)}
    return replace(spec, settings=settings.model_copy(update=changed))
