"""From a run's specification to its untrained classifier, and from a trained one to classes and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from dgmbench.data.images import ImageSplits
from dgmbench.errors import UserError
from dgmbench.run.rows import build
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Trained
from dgmbench.training.given import numbers_of

AT_ONCE = 1000
"""Images that go through a network together."""
OF_A_CLASS = 10
"""Images that a generator makes of each class."""


def build_classifier(spec: RunSpec, row: Row, data: ImageSplits, before: Sequence[Trained] = ()) -> Any:
    """The untrained classifier of a run, seeded.

    It has ``predict(x)``: (n, pixels) from 0 to 1 → (n, classes), the largest is the class; or ``encode(x)`` →
    (n, width), features for a linear classifier. It learns by ``step(examples, optimisers)`` (see
    `dgmbench.training.alternating`), by ``loss(examples)``, or not at all; examples are (batch, pixels + 1), with the
    class in the last column, or −1 where it is hidden. With ``sample_of(labels, seed)`` it gives images of classes.
    The class gets what it has an argument for: ``n_pixels``, ``shape``, ``n_classes``, and ``trained``, the model that
    it takes.

    Raises:
        UserError: the class refuses its options, or cannot predict.
    """
    torch.manual_seed(spec.seed)
    offered: dict[str, Any] = {"n_pixels": data.train.shape[1], "shape": data.shape, "n_classes": data.n_classes}
    if before:
        offered["trained"] = before[0].model()
    model = build(spec, row, offered, {})
    if not hasattr(model, "predict") and not hasattr(model, "encode"):
        raise UserError(f"{spec.model}: {row.factory} has no predict(x) -> (n, classes), nor encode(x) -> (n, width)")
    return model


@torch.no_grad()
def through(model: Any, method: str, images: np.ndarray, width: int, name: str) -> np.ndarray:
    """(n, width) float64: ``predict`` or ``encode`` of (n, pixels), a thousand at a time.

    Args:
        width: that is wanted; 0 is any.

    Raises:
        UserError: it gives no numbers, or another shape.
    """
    found = []
    for x in torch.from_numpy(images).split(AT_ONCE):
        given = getattr(model, method)(x)
        first = given[0] if isinstance(given, tuple) and given else given
        wanted = f"({len(x)}, {width or 'width'})"
        values = numbers_of(first, wanted, f"{name}: {method}(x)")
        if values.ndim != 2 or len(values) != len(x) or (width and values.shape[1] != width):
            raise UserError(f"{name}: {method}(x) gave {tuple(values.shape)} for {len(x)} images, not {wanted}")
        found.append(values.numpy())
    return np.concatenate(found)


@torch.no_grad()
def images_of_classes(model: Any, spec: RunSpec, data: ImageSplits) -> np.ndarray | None:
    """(classes, `OF_A_CLASS`, pixels) from 0 to 1, of the run's seed; None of a model without ``sample_of``.

    Raises:
        UserError: it gives no numbers, another shape, or other values than from 0 to 1.
    """
    if not hasattr(model, "sample_of"):
        return None
    classes, n_pixels = data.n_classes, data.train.shape[1]
    labels = torch.arange(classes).repeat_interleave(OF_A_CLASS)
    wanted = f"({len(labels)}, {n_pixels})"
    x = numbers_of(model.sample_of(labels, spec.seed), wanted, f"{spec.model}: sample_of(labels, seed)")
    if x.shape != (len(labels), n_pixels):
        raise UserError(f"{spec.model}: sample_of(labels, seed) gave {tuple(x.shape)} for {len(labels)}, not {wanted}")
    if bool(torch.isfinite(x).all()) and not -1e-6 <= float(x.min()) <= float(x.max()) <= 1 + 1e-6:
        raise UserError(
            f"{spec.model}: sample_of(labels, seed) gave values from {float(x.min()):g} to {float(x.max()):g}; "
            "give 0 to 1"
        )
    return x.reshape(classes, OF_A_CLASS, n_pixels).numpy()
