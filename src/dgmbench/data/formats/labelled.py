"""A labelled text of a user's file, and what is asked of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from dgmbench.data.labels import flaw, shown
from dgmbench.errors import UserError

log = logging.getLogger("dgmbench")


class Row(NamedTuple):
    """A text, its class, and the file and line where they stand."""

    text: str
    label: str
    where: str


def read_row(values: Mapping[str, Any], text: str, label: str, where: str) -> Row:
    """The columns ``text`` and ``label`` of a row.

    Raises:
        UserError: one is missing or of another type, or the label has a line break or another control character.
    """
    content = values.get(text)
    if content is None:
        raise UserError(f"{where} has no {text!r}")
    if not isinstance(content, str):
        raise UserError(f"{where}: {text!r} is {_described(content)}; give a text")
    return Row(content, read_label(values.get(label), label, where), where)


def read_label(value: Any, column: str, where: str) -> str:
    """A label as text; numbers, true and false are labels, too.

    Raises:
        UserError: there is none, it is of another type, or it has a line break or another control character.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        raise UserError(f"{where} has no {column!r}")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if not isinstance(value, str):
        raise UserError(f"{where}: {column!r} is {_described(value)}; give a text or a number")
    if found := flaw(value):
        raise UserError(f"{where}: the label {shown(value)} has {found}; take it out")
    return value


def _described(value: Any) -> str:
    return {dict: "an object", list: "a list", bool: "true or false"}.get(type(value), f"the number {value}")


def not_utf8(path: Path, error: UnicodeDecodeError) -> UserError:
    """What is said of a file in another encoding: which, and where the first wrong byte is."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as first:
        error = first
    around = error.object[max(0, error.start - 12) : error.end + 8]
    line = error.object.count(b"\n", 0, error.start) + 1
    return UserError(f"{path}, line {line}: {around!r} is not UTF-8; save the text as UTF-8")


def require_text(line: str, where: str) -> None:
    """Raise a UserError for a NUL, which a text does not hold but UTF-16 and binary files do."""
    if "\0" in line:
        raise UserError(f"{where} holds a NUL character, as no text does; save it as UTF-8 without such characters")


@lru_cache(maxsize=256)
def say_once(level: int, message: str) -> None:
    """Log a message; only once, although a run loads its corpus more than once."""
    log.log(level, "%s", message)
