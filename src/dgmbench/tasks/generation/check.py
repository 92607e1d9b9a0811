"""Does a user-defined generator fit the task? Each finding says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError, raised
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.generation.building import build_generator, generated
from dgmbench.tasks.generation.images import part_of, values
from dgmbench.tasks.generation.settings import generation_settings
from dgmbench.training.losses import fault_of_loss
from dgmbench.training.unlearned import unlearned

SOME = 256
"""Training images that a generator is tried on, at most."""
LEARNS_BY = {"loss": "(x)", "step": "(x, optimisers)", "fit": "(images)"}
CALLED = ("sample", "prior", "generate", "optimisers", "begin")
"""Its other methods that the task calls."""


def findings(spec: RunSpec, row: Row) -> Iterator[str]:
    """Let the generator learn from a few of the dataset's images, and generate others.

    A row that takes a trained model is tried by the run that follows alone.

    Raises:
        UserError: the class cannot be imported, or refuses its options; or the dataset has no labels.
    """
    part = part_of(spec, "train")
    images = part.images[:SOME]
    if row.takes is not None:
        return
    model: Any = build_generator(spec, row)
    if fault := unlearned(model, row, spec.task, LEARNS_BY, CALLED):
        yield fault
    x = torch.from_numpy(values(images, load_images(spec.dataset).white)).float()
    what = "fit(images)"
    try:
        if hasattr(model, "loss") and not hasattr(model, "step"):
            what = "loss(x)"
            reads_labels = getattr(model, "reads_labels", False)
            labels = torch.from_numpy(part.labels[:SOME].astype("float32"))[:, None]
            given = model.loss(torch.cat([x, labels], dim=1) if reads_labels else x)
            if fault := fault_of_loss(given, what):
                yield fault
                return
        elif hasattr(model, "fit") and not hasattr(model, "step"):
            model.fit(x)
        what = "generating"
        first, again = (generated(model, 20, 1, images.shape[1], spec.model) for _ in range(2))
    except UserError as error:
        yield str(error)
        return
    except Exception as error:  # whatever the generator's own code raises is the finding
        yield f"{what} raised {raised(error)}"
        return
    if not bool(torch.isfinite(first).all()):
        yield "it generates NaN or infinity"
    elif not torch.equal(first, again):
        yield "it generates other images each time: draw from the seed, or the generator, that is given"


def trial(spec: RunSpec) -> RunSpec:
    """One epoch of two batches, and few samples and test images."""
    settings = generation_settings(spec)
    limit = min(len(part_of(spec, "train").images), max(SOME, 2 * settings.batch_size))
    changed = {"epochs": 1, "devices": 1, "train_limit": limit, "classifier_epochs": 1}
    changed |= {"samples": 100, "test_limit": min(settings.test_limit or 100, 100)}
    return replace(spec, settings=settings.model_copy(update=changed))
