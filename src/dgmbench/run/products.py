"""What a stage leaves: size and checksum of each file stand in its record, so that damage is seen before it is used."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger("dgmbench")


def describe(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """``bytes`` and ``sha256`` of each file, by its name."""
    return {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in sorted(paths)}


def left_in(folder: Path) -> list[Path]:
    """The files that a training left in its folder, its record apart."""
    found = folder.iterdir() if folder.is_dir() else ()
    return [path for path in found if path.is_file() and path.name != "training.json" and path.name[0] != "."]


def are_whole(folder: Path, record: Mapping[str, Any]) -> bool:
    """Whether every product of a record is there as it was left; the first one that is not is logged.

    A record of an earlier version, which names no products, is taken as it is.
    """
    for name, expected in record.get("products", {}).items():
        if (problem := problem_of(folder / name, expected)) is not None:
            log.warning("%s is %s", folder / name, problem)
            return False
    return True


def problem_of(path: Path, expected: Mapping[str, Any]) -> str | None:
    """What is wrong with a product, in a word; None where it is as it was left."""
    try:
        whole = path.stat().st_size == expected["bytes"] and _sha256(path) == expected["sha256"]
    except FileNotFoundError:
        return "gone"
    except OSError as error:
        return f"unreadable ({error.strerror})"
    return None if whole else "damaged"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
