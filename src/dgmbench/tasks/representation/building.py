"""From a run's specification to its feature learner, untrained or trained."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from dgmbench.errors import UserError
from dgmbench.run.rows import build
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.representation.settings import representation_settings
from dgmbench.training.trained import read_weights

OFFERED = ("importance_samples", "estimator", "local_error")
"""Settings of the training loss: they belong to the run, and the loss to the model."""


def build_learner(spec: RunSpec, row: Row, n_pixels: int) -> nn.Module:
    """The untrained learner of a run, seeded.

    It is a torch module with ``encode(x)``: (batch, pixels) → (batch, width) the code, or a tuple that begins with it.
    With ``loss(x)`` it is trained by gradient steps, with ``fit(images)`` it learns by itself, with neither there is
    nothing to learn. ``decode(code)`` → logits, or ``reconstruct(code)`` → pixel values, gives the images back.

    Raises:
        UserError: the class refuses its options, or is no torch module with ``encode``.
    """
    settings = representation_settings(spec)
    offered = {"n_pixels": n_pixels, **{name: getattr(settings, name) for name in OFFERED}}
    torch.manual_seed(spec.seed)
    model = build(spec, row, offered, {"encode": "(x) -> (batch, width)"})
    if not isinstance(model, nn.Module):
        raise UserError(f"{spec.model}: {row.factory} is no torch module")
    return model


def load_learner(spec: RunSpec, row: Row, path: Path, n_pixels: int) -> nn.Module:
    """A trained learner, in evaluation mode.

    Raises:
        UserError: the file is damaged, or does not fit the architecture that the run asks for.
    """
    model = build_learner(spec, row, n_pixels)
    read_weights(model, path, f"{spec.model} {dict(spec.options)}")
    return model
