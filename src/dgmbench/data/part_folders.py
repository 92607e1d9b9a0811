"""Parts of a user's data by their names: which folders, or arrays, are for training, validation and testing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dgmbench.errors import UserError

_PART_OF = {"train": "train", "training": "train", "valid": "valid", "val": "valid", "validation": "valid"}
_PART_OF |= {"test": "test", "testing": "test"}


def part_of(name: str) -> str:
    """``train``, ``valid`` or ``test``, which a name stands for in any case; empty for any other name."""
    return _PART_OF.get(name.lower(), "")


def part_folders(folder: Path, inside: Iterable[Path]) -> dict[str, Path]:
    """Those folders inside a folder that are parts, by part.

    Raises:
        UserError: two of them are the same part.
    """
    found: dict[str, Path] = {}
    for each in inside:
        if part := part_of(each.name):
            if part in found:
                raise UserError(f"{folder}: {found[part].name} and {each.name} mean the same part; keep one")
            found[part] = each
    return found
