"""Run records on disk: written atomically, read with checks, the only source of every table."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np

from dgmbench import provenance
from dgmbench.errors import UserError
from dgmbench.registry import find_entry
from dgmbench.spec import RunSpec, canonical_hash

FORMAT = 1


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


def write_json(path: Path, value: Any) -> None:
    """JSON, indented, atomically; NaN and infinity are refused."""
    text = json.dumps(value, indent=1, sort_keys=False, allow_nan=False, default=_plain)
    with atomic_write(path) as file:
        file.write(text + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
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
    with atomic_write(path, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def fingerprint(spec: RunSpec, stage: str, checksums: dict[str, str]) -> str:
    """What a finished piece of work depends on: specification, data and code."""
    return canonical_hash(
        {
            "spec": spec.canonical("training" if stage == "training" else "evaluation"),
            # the parsed arrays decide, not the archive they came in
            "data": {name: value for name, value in checksums.items() if name.startswith("array:")},
            "code": code_hash(spec, stage),
        }
    )


def code_hash(spec: RunSpec, stage: str) -> str:
    """The hash of the code that a stage of this run executes."""
    return provenance.source_hash(spec.task, stage, find_entry(spec.task, spec.model, spec.factory).factory)


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start = clock()

    @property
    def seconds(self) -> float:
        return round(self._clock() - self._start, 3)
