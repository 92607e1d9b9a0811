"""From a run's specification to its density model, untrained or trained."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from dgmbench.errors import UserError
from dgmbench.run.rows import build
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.density.images import kind_of_data
from dgmbench.tasks.density.settings import OTHER_DATA, density_settings
from dgmbench.training.trained import read_weights

OFFERED = ("importance_samples", "estimator", "backward_samples", "local_error")
"""Settings of the training loss: they belong to the run, and the loss to the model."""


def build_model(spec: RunSpec, row: Row, n_pixels: int) -> nn.Module:
    """The untrained model of a run, seeded.

    Besides its options, the class gets what it has an argument for: ``n_pixels``, and of the settings those `OFFERED`.

    Raises:
        UserError: the class refuses its options, is no torch module with ``log_weights``, or with ``fit`` and
            ``log_prob``; or it is for other data than the run has.
    """
    settings = density_settings(spec)
    offered = {"n_pixels": n_pixels, **{name: getattr(settings, name) for name in OFFERED}}
    torch.manual_seed(spec.seed)
    model = build(spec, row, offered, {})
    if not isinstance(model, nn.Module):
        raise UserError(f"{spec.model}: {row.factory} is no torch module")
    if not fits_itself(model) and not callable(getattr(model, "log_weights", None)):
        raise UserError(f"{spec.model}: {row.factory} has no method log_weights(x, k) -> (k, batch)")
    require_data(spec, getattr(model, "data", "images"), spec.model)
    return model


def fits_itself(model: object) -> bool:
    """Whether a model has no log-weights to be trained by, but a ``fit`` of its own, and its ``log_prob`` is exact."""
    methods = (callable(getattr(model, name, None)) for name in ("fit", "log_prob"))
    return all(methods) and not hasattr(model, "log_weights")


def require_data(spec: RunSpec, wanted: str, where: str) -> None:
    """Raise a UserError where a model is for other data than the run has."""
    if (found := kind_of_data(spec)) != wanted:
        raise UserError(OTHER_DATA.format(where=where, wanted=wanted, dataset=spec.dataset, found=found))


def load_model(spec: RunSpec, row: Row, path: Path, n_pixels: int) -> nn.Module:
    """A trained model, in evaluation mode.

    Raises:
        UserError: the file is damaged, or does not fit the architecture that the run asks for.
    """
    model = build_model(spec, row, n_pixels)
    read_weights(model, path, f"{spec.model} {dict(spec.options)}")
    return model
