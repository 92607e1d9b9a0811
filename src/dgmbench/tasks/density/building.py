"""From a run's specification to its untrained density model."""

from __future__ import annotations

import torch
from torch import nn

from dgmbench.errors import UserError
from dgmbench.run.registry import accepted_options, check_options, find_entry, load_factory
from dgmbench.run.spec import RunSpec


def build_model(spec: RunSpec, n_pixels: int) -> nn.Module:
    """The untrained model of a run, seeded.

    Raises:
        UserError: the class refuses its options or has no ``log_weights``.
    """
    entry = find_entry("density", spec.model, spec.factory)
    factory = load_factory(entry.factory)
    check_options(factory, spec.options, spec.model)
    options = dict(spec.options)
    if "n_pixels" in accepted_options(factory):
        options["n_pixels"] = n_pixels
    torch.manual_seed(spec.seed)
    try:
        model = factory(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{spec.model}: {entry.factory} refuses its options: {error}") from error
    if not isinstance(model, torch.nn.Module) or not hasattr(model, "log_weights"):
        raise UserError(f"{spec.model}: {entry.factory} is no torch module with log_weights(x, k) -> (k, batch)")
    return model
