"""Does a user-defined classifier fit the task? Each finding says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError, raised
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.few_labels.building import build_classifier, images_of_classes, through
from dgmbench.tasks.few_labels.images import examples_of, label_set, part_of, with_labelled
from dgmbench.tasks.few_labels.settings import few_first, few_labels_settings
from dgmbench.training.losses import fault_of_loss
from dgmbench.training.unlearned import unlearned

SOME = 256
"""Images that a classifier is tried on, at most."""
LEARNS_BY = {"loss": "(examples)", "step": "(examples, optimisers)"}
CALLED = ("predict", "encode", "sample_of", "optimisers", "begin")
"""Its other methods that the task calls."""


def findings(spec: RunSpec, row: Row) -> Iterator[str]:
    """Let the classifier see a batch, and classify.

    A row that takes a trained model is tried by the run that follows alone.

    Raises:
        UserError: the class cannot be imported, or refuses its options; or the dataset has no labels, or too few.
    """
    settings, data = few_labels_settings(spec), load_images(spec.dataset)
    part, classes = part_of(spec, data, "train"), data.n_classes
    sets = [label_set(spec, part.labels, classes, number) for number in settings.labels]  # raises for any of them
    if row.takes is not None:
        return
    examples, labelled = (torch.from_numpy(array) for array in examples_of(part, sets[0]))
    batch = with_labelled(labelled, settings.labelled_batch, examples[:SOME], torch.Generator().manual_seed(0))
    model: Any = build_classifier(spec, row, data)
    if fault := unlearned(model, row, spec.task, LEARNS_BY, CALLED):
        yield fault
    what = "loss(examples)"
    try:
        by_loss = hasattr(model, "loss") and not hasattr(model, "step")
        if by_loss and (fault := fault_of_loss(model.loss(batch), what)):
            yield fault
            return
        if isinstance(model, torch.nn.Module):
            model.eval()
        what, width = ("predict(x)", classes) if hasattr(model, "predict") else ("encode(x)", 0)
        method, images = what.removesuffix("(x)"), part.values[:20]
        first, again = (through(model, method, images, width, spec.model) for _ in range(2))
        what = "sample_of(labels, seed)"
        drawn = images_of_classes(model, spec, data)
    except UserError as error:
        yield str(error)
        return
    except Exception as error:  # whatever the classifier's own code raises is the finding
        yield f"{what} raised {raised(error)}"
        return
    if not np.isfinite(first).all():
        yield f"{method}(x) gave NaN or infinity"
    elif not np.array_equal(first, again):
        yield f"{method}(x) gives other values each time: draw what is random from a seed of its own"
    if drawn is not None and not np.isfinite(drawn).all():
        yield f"{what} gave NaN or infinity"


def trial(spec: RunSpec) -> RunSpec:
    """One epoch of two batches or more with the fewest labels, and few test images."""
    settings = few_labels_settings(spec)
    fewest = few_first(settings.labels)[0]
    most = len(part_of(spec, load_images(spec.dataset), "train").images)
    limit = min(most, max(SOME, 2 * settings.batch_size, 2 * fewest))
    changed = {"epochs": 1, "devices": 1, "train_limit": limit, "labels": [fewest]}
    changed["test_limit"] = min(settings.test_limit or 100, 100)
    return replace(spec, settings=settings.model_copy(update=changed))
