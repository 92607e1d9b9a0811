"""Does a user-defined learner fit the task? Each finding says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.representation.building import build_learner
from dgmbench.tasks.representation.features import code, restored
from dgmbench.tasks.representation.images import labelled_images


def findings(spec: RunSpec, row: Row) -> Iterator[str]:
    """Let the learner learn from a few of the dataset's images, and encode others.

    Raises:
        UserError: the class cannot be imported, or refuses its options; or the dataset has no labels.
    """
    images = labelled_images(spec, "train").features[:256]
    model: Any = build_learner(spec, row, images.shape[1])
    x = torch.from_numpy(images)
    what = "fit(images)"
    try:
        if hasattr(model, "loss"):
            what = "loss(x)"
            values = model.loss(x)
            if not isinstance(values, dict) or not isinstance(values.get("loss"), torch.Tensor):
                yield "loss(x) gave no tensor by the name 'loss': return a dictionary of scalars with that key"
                return
            if values["loss"].ndim or not values["loss"].requires_grad:
                yield "loss(x) gave no scalar that carries a gradient"
                return
            values["loss"].backward()
        elif hasattr(model, "fit"):
            model.fit(x)
        model.eval()
        what = "encode(x)"
        codes = code(model, images)
        what = "decode(encode(x))"
        decoded = restored(model, images)
    except Exception as error:  # whatever the learner's own code raises is the finding
        yield f"{what} for x {tuple(x.shape)} raised {type(error).__name__}: {error}"
        return
    if codes.ndim != 2 or len(codes) != len(images):
        yield f"encode(x) gave {codes.shape} for {len(images)} images, not ({len(images)}, width)"
    elif not np.isfinite(codes).all():
        yield "encode(x) gave NaN or infinity"
    elif not np.array_equal(codes, code(model, images)):
        yield "encode(x) gives another code each time: return the mean, not a sample"
    if decoded is not None and decoded.pixels.shape != images.shape:
        yield f"decode(code) gave {decoded.pixels.shape} for {len(images)} images, not {images.shape}"
