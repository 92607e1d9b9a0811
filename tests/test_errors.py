"""How an error of a user's own code is said in a line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from dgmbench.errors import raised
from dgmbench.training.given import numbers_of


def said_of(error: BaseException) -> str:
    """As the package says it, where it has called what raised: the test's own frame is left out."""
    assert error.__traceback__ is not None
    return raised(error.with_traceback(error.__traceback__.tb_next))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('too few')", r"ValueError: too few"),
        ("raise ValueError('two\\n  lines')", r"ValueError: two lines"),
        ("raise ValueError('word ' * 100)", r"ValueError: word [word ]+ \.\.\."),
        ("json.loads('{')", r"JSONDecodeError: .*"),  # by Python
        ("torch.distributions.Normal(0.0, -torch.ones(()), validate_args=True)", r"ValueError: .*"),  # by a library
        ("numbers_of(None, '(3,)', 'it')", r"UserError: it gave .*"),  # by this package
    ],
)
def test_the_last_line_of_the_user_s_own_code_is_named(body: str, said: str, tmp_path: Path) -> None:
    space: dict[str, Any] = {"torch": torch, "json": json, "numbers_of": numbers_of}
    exec(compile(f"def f():\n    {body}\n", str(tmp_path / "my_model.py"), "exec"), space)
    with pytest.raises(Exception) as caught:
        space["f"]()
    assert re.fullmatch(said + r" \(my_model\.py, line 2\)", said_of(caught.value))


def test_an_error_that_passed_no_code_of_the_user_has_no_place() -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("{")
    assert said_of(caught.value) == f"JSONDecodeError: {caught.value}"
