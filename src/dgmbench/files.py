"""Files that appear under their names only when they are whole."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dgmbench.errors import UserError

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
"""Of the JSON records; another one was written by another version of this package."""


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A file that appears under its name only when it is whole.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; free some space or choose another folder") from error
    try:
        with open(descriptor, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; free some space or choose another folder") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def write_text(path: Path, text: str) -> None:
    """Text, atomically."""
    with atomic_write(path) as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """JSON, indented, atomically; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=1, sort_keys=False, allow_nan=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    """A numpy scalar or array as plain values."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        UserError: the file is missing, broken, or from another version of this package.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"no file {path}") from error
    except ValueError as error:
        raise UserError(f"{path} is broken ({error}); remove it and run again") from error
    if not isinstance(value, dict) or value.get("format", FORMAT) != FORMAT:
        raise UserError(f"{path} was written by another version of dgmbench; remove its folder and run again")
    return value


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Arrays as .npz, atomically."""
    import numpy as np

    with atomic_write(path, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
