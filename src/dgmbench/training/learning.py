"""Which way of training a model has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from dgmbench.errors import UserError
from dgmbench.training.alternating import alternate
from dgmbench.training.fitted import Fitted


def way_of(model: Any, name: str) -> Callable[..., Fitted]:
    """`alternate` for a model that takes its steps itself, else `dgmbench.training.fit.fit`, which minimises its loss.

    Both have the arguments of the first.

    Args:
        name: of the training, for messages.

    Raises:
        UserError: the model is no torch module, or has no optimisers for its steps.
    """
    takes_steps, kind = hasattr(model, "step"), type(model).__name__
    if not isinstance(model, nn.Module):
        what = "step" if takes_steps else "loss"
        raise UserError(f"{name}: {kind} has {what} and is no torch module: derive it from torch.nn.Module")
    if takes_steps and not hasattr(model, "optimisers"):
        raise UserError(f"{name}: {kind} has step and no optimisers(rate), which gives torch optimisers by name")
    if takes_steps:
        return alternate
    from dgmbench.training.fit import fit  # Lightning takes seconds to import, and games do not need it

    return fit
