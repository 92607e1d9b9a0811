"""A JSON-lines file of labelled texts: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dgmbench.data.formats.labelled import Row, read_row
from dgmbench.errors import UserError


def read_json_lines(path: Path, text: str, label: str) -> Iterator[Row]:
    """The objects of a file, one a line; blank lines are none.

    Raises:
        UserError: a line is no object, names a key twice, or has no text or label.
    """
    with path.open(encoding="utf-8-sig") as stream:
        first = True
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            if first and line.lstrip().startswith("["):
                raise UserError(
                    f"{where} begins a JSON array; give one object a line, without brackets around the objects and "
                    "commas between them"
                )
            first = False
            try:
                found = json.loads(line, object_pairs_hook=_object)
            except json.JSONDecodeError as error:
                raise UserError(f"{where} is not JSON: {error.msg}; give one object a line") from error
            except (ValueError, RecursionError) as error:
                raise UserError(f"{where} cannot be read: {error}") from error
            if not isinstance(found, dict):
                raise UserError(f"{where} is not an object with {text!r} and {label!r}")
            yield read_row(found, text, label, where)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return found
