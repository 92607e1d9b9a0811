"""Which way of training a model has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dgmbench.training.alternating import alternate
from dgmbench.training.fitted import Fitted


def way_of(model: Any) -> Callable[..., Fitted]:
    """`alternate` for a model that takes its steps itself, else `dgmbench.training.fit.fit`, which minimises its loss.

    Both have the arguments of the first.
    """
    if hasattr(model, "step"):
        return alternate
    from dgmbench.training.fit import fit  # Lightning takes seconds to import, and games do not need it

    return fit
