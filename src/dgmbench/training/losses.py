"""What a training minimises, and whether what a model gives for it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

Loss = Callable[[Tensor], Mapping[str, Tensor]]
"""A batch → scalars by name; ``loss`` is minimised, the others are noted."""


def fault_of_loss(given: Any, call: str) -> str:
    """What is wrong with what a user's loss gave; empty where nothing is, and its gradient was taken.

    Args:
        call: how it was called, for the message.
    """
    if not isinstance(given, dict) or not isinstance(given.get("loss"), Tensor):
        return f"{call} gave no tensor by the name 'loss': return a dictionary of scalars with that key"
    if given["loss"].ndim or not given["loss"].requires_grad:
        return f"{call} gave no scalar that carries a gradient"
    given["loss"].backward()
    return ""
