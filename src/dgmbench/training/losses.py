"""What a training minimises and notes, and whether what a model gives for it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

Loss = Callable[[Tensor], Mapping[str, Tensor]]
"""A batch → scalars by name; ``loss`` is minimised, the others are noted, and may be Python's numbers."""


def fault_of_scalars(given: Any) -> str:
    """What is wrong with what a model's ``loss`` or ``step`` gave to be noted; empty where nothing is."""
    if not isinstance(given, Mapping):
        return f"gave {type(given).__name__}, not a dictionary of scalars by name"
    for name, value in given.items():
        if not isinstance(name, str):
            return f"gave a value by the name {name!r}: names are strings"
        if not is_scalar(value):
            what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            return f"gave no scalar for {name!r} but {what}"
    return ""


def is_scalar(value: Any) -> bool:
    """Whether it is a tensor of one element, or one of Python's numbers."""
    return value.numel() == 1 if isinstance(value, Tensor) else isinstance(value, Real)


def noted(value: Any, device: torch.device) -> Tensor:
    """A scalar without its gradient; one of Python's numbers as a tensor on the device."""
    if isinstance(value, Tensor):
        return value.detach()
    return torch.tensor(float(value), dtype=torch.float64, device=device)


def fault_of_minimised(given: Any) -> str:
    """What is wrong with what a model's ``loss`` gave; empty where nothing is."""
    if not isinstance(given, Mapping) or not isinstance(given.get("loss"), Tensor):
        return "gave no tensor by the name 'loss': return a dictionary of scalars with that key"
    if given["loss"].numel() != 1 or not given["loss"].requires_grad:
        return "gave no scalar that carries a gradient"
    return fault_of_scalars(given)


def fault_of_loss(given: Any, call: str) -> str:
    """What is wrong with what a user's loss gave; empty where nothing is, and its gradient was taken.

    Args:
        call: how it was called, for the message.
    """
    if fault := fault_of_minimised(given):
        return f"{call} {fault}"
    given["loss"].backward()
    return ""
