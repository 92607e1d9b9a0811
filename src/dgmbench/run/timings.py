"""What jobs took on this machine, kept in the cache folder: another results folder, too, then has an estimate."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgmbench.data.download.store import cache_folder
from dgmbench.errors import UserError
from dgmbench.files import write_text

KEPT = 100
"""Jobs of a kind that are kept, the last ones."""
_LARGEST = 500_000  # bytes of a file, which then is made shorter


def note(kind: str, line: Mapping[str, Any]) -> None:
    """Keep what a job took; a cache that cannot be written keeps nothing.

    Args:
        kind: of the job, a name for a file.
        line: plain values.
    """
    path = _path(kind)
    with contextlib.suppress(OSError, UserError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            os.write(file.fileno(), json.dumps(dict(line)).encode() + b"\n")  # one write: others may note theirs
        if path.stat().st_size > _LARGEST:
            write_text(path, "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[-KEPT:]))


def noted(kind: str) -> list[dict[str, Any]]:
    """What was kept of a kind of jobs, the last one last; lines that are broken are left out."""
    try:
        text = _path(kind).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines()[-KEPT:]:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [line for line in found if isinstance(line, dict)]


def _path(kind: str) -> Path:
    return cache_folder() / "timings" / f"{kind}.jsonl"
