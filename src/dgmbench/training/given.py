"""What a user-defined model gives, as numbers; an error of one line where it gives none."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgmbench.errors import UserError


def numbers_of(given: Any, wanted: str, call: str) -> Tensor:
    """What a call of a user's gave, float64 on the CPU and without a gradient, of whatever shape it has.

    Args:
        given: a tensor, an array, or lists of numbers.
        wanted: the shape that is asked for, for the message.
        call: the model and what was called, for the message: ``mine: sample(n, seed)``.

    Raises:
        UserError: it is none of these.
    """
    is_array = isinstance(given, np.ndarray)
    try:
        found = torch.as_tensor(np.ascontiguousarray(given) if is_array else given)  # torch takes no negative strides
    except (TypeError, ValueError, RuntimeError) as error:
        kind = type(given).__name__ + (f" of {given.dtype}" if is_array else "")
        raise UserError(f"{call} gave {kind}, not numbers of shape {wanted}") from error
    return found.detach().cpu().double()
