"""A user's functions, named by ``module:function``: whether they can be called, and which line of theirs failed."""

from __future__ import annotations

import inspect
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dgmbench.errors import UserError
from dgmbench.names import load_object

_PACKAGE = str(Path(__file__).parents[1])
_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def load_function(address: str, name: str = "", takes: tuple[str, ...] = ()) -> Callable[..., Any]:
    """The function ``module:function``, which can be called with so many arguments by position.

    Args:
        address: ``module:function``.
        name: what messages call it, if otherwise.
        takes: what it will get, in words.

    Raises:
        UserError: it does not exist, cannot be called, or takes other arguments.
    """
    name, found = name or address, load_object(address)
    wanted = f"a function of {' and '.join(takes)}" if takes else "a function without arguments"
    if not callable(found):
        raise UserError(f"{name} is no function but {_kind(found)}; name {wanted}")
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # of some functions written in C nothing is known
        return found
    try:
        signature.bind(*takes)
    except TypeError as error:
        raise UserError(f"{name} is called with {_given(takes)}: {error}; name {wanted}") from error
    return found


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _given(takes: tuple[str, ...]) -> str:
    return f"{len(takes)} argument{'s' * (len(takes) > 1)} ({', '.join(takes)})" if takes else "no arguments"


def failed(name: str, error: BaseException) -> UserError:
    """What is said of a user's function that raised: the error, and the line of the user's own code that led to it."""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    lines = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith(_PACKAGE)]
    own = [each for each in lines if not each.filename.startswith((*_LIBRARIES, "<"))]
    line = next(reversed(own or lines), None)
    return UserError(f"{name} raised {what}" + (f" ({line.filename}, line {line.lineno})" if line else ""))
