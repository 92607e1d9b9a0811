"""From a run's specification to its density model, untrained or trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from dgmbench.errors import UserError
from dgmbench.names import accepted_options, check_options, load_object
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.density.settings import density_settings


def build_model(spec: RunSpec, row: Row, n_pixels: int) -> nn.Module:
    """The untrained model of a run, seeded.

    Besides its options, the class gets what it has an argument for: ``n_pixels``, and of the settings
    ``importance_samples``, ``estimator`` and ``local_error``.

    Raises:
        UserError: the class refuses its options, or has no ``log_weights``.
    """
    factory = load_object(row.factory)
    check_options(factory, spec.options, spec.model)
    settings = density_settings(spec)
    offered: dict[str, Any] = {
        "n_pixels": n_pixels,
        "importance_samples": settings.importance_samples,
        "estimator": settings.estimator,
        "local_error": settings.local_error,
    }
    accepted = accepted_options(factory)
    options = {name: value for name, value in offered.items() if name in accepted} | dict(spec.options)
    torch.manual_seed(spec.seed)
    try:
        model = factory(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{spec.model}: {row.factory} refuses its options: {error}") from error
    if not isinstance(model, nn.Module) or not hasattr(model, "log_weights"):
        raise UserError(f"{spec.model}: {row.factory} is no torch module with log_weights(x, k) -> (k, batch)")
    return model


def load_model(spec: RunSpec, row: Row, path: Path, n_pixels: int) -> nn.Module:
    """A trained model, in evaluation mode.

    Raises:
        UserError: the checkpoint does not fit the architecture that the run asks for.
    """
    model = build_model(spec, row, n_pixels)
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True, map_location="cpu")
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        held = ", ".join(f"{name} {tuple(value.shape)}" for name, value in list(state.items())[:3])
        raise UserError(
            f"{path} holds another architecture ({held}, ...) than {spec.model} {dict(spec.options)}; "
            "remove it and train again"
        ) from error
    return model.eval()
