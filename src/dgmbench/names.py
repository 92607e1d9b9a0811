"""Names: how they become objects, hashes and file names, and what was meant by a misspelt one."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dgmbench.errors import UserError

_READABLE = 60
"""Characters of a name that stand in a file name, which has 255 bytes at most, prefixes and suffixes included."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The rest of an error line about an unknown name: a close match, or all there are."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def close_match(name: str, known: Iterable[str]) -> str:
    """The one known name that is nearly this name; empty where there is none."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)), "")


def slug(name: str) -> str:
    """A name as a readable part of a file name; other names may have the same, so it never stands alone as a key."""
    return re.sub(r"[^A-Za-z0-9+_-]+", "-", name).strip("-")[:_READABLE].strip("-") or "unnamed"


def file_name(name: str) -> str:
    """A name as a file name that no other name has, on file systems that ignore case either.

    Itself where it can be one, else readable parts and a hash.
    """
    readable = slug(name)
    if readable == name.lower():
        return name
    return f"{readable}.{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:12]}"


def load_object(name: str) -> Any:
    """Import ``module:object``; modules of the current folder count.

    Raises:
        UserError: the module or the object does not exist, or the module fails when it is imported.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise UserError(f"{name!r} is not module:object")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UserError(f"{name}: no module {error.name!r}; is it in this folder or installed?") from error
    except (Exception, SystemExit) as error:  # whatever the module's own code raises
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{name}: module {module_name!r} cannot be imported: {what}") from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise UserError(f"{name}: module {module_name!r} has no {attribute!r}") from error


def accepted_options(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword arguments that a class takes, by name.

    Raises:
        UserError: it is no class or function.
    """
    if not callable(factory):
        raise UserError(f"{factory!r} is no class that can be called")
    parameters = inspect.signature(factory).parameters
    return {n: p for n, p in parameters.items() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}


def check_options(factory: Callable[..., Any], options: Mapping[str, Any], where: str) -> None:
    """Raise a UserError for an option that the class does not take."""
    accepted = accepted_options(factory)
    for name in options:
        if name not in accepted:
            raise UserError(f"{where}: unknown option {name!r}{did_you_mean(name, accepted)}")
