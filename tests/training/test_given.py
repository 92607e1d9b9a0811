"""What a user-defined model gives, as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dgmbench.errors import UserError
from dgmbench.training.given import numbers_of

GRID = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "given",
    [
        torch.from_numpy(GRID).float().requires_grad_(),
        GRID.astype(np.uint8),
        GRID[::-1, ::-1].copy()[::-1, ::-1],  # a view with negative strides
        GRID.tolist(),
        tuple(map(tuple, GRID.tolist())),
    ],
)
def test_whatever_holds_numbers_is_taken(given: Any) -> None:
    found = numbers_of(given, "(2, 3)", "mine: encode(x)")
    assert found.dtype == torch.float64 and not found.requires_grad and np.array_equal(found.numpy(), GRID)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (None, "NoneType"),
        ((torch.ones(2, 3), torch.ones(2, 3)), "tuple"),
        (["an image"], "list"),
        ([[1.0, 2.0], [3.0]], "list"),
        ({"x": GRID}, "dict"),
        ("an image", "str"),
        (np.array([None]), "ndarray of object"),
        (torch.nn.Linear(1, 1), "Linear"),
    ],
)
def test_what_holds_none_is_said_in_a_line(given: Any, kind: str) -> None:
    with pytest.raises(UserError) as caught:
        numbers_of(given, "(2, 3)", "mine: encode(x)")
    assert str(caught.value) == f"mine: encode(x) gave {kind}, not numbers of shape (2, 3)"
