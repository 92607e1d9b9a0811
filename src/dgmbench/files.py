"""Files that appear under their names only when they are whole."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from dgmbench.errors import UserError

_UNFINISHED = ".part"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A file that appears under its name only when it is whole.

    A process that is killed meanwhile leaves its part of the file, see `remove_unfinished`.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED)
        try:
            with open(descriptor, mode, encoding=None if "b" in mode else "utf-8") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Says in one line that a path cannot be written, and what to do.

    Raises:
        UserError: in place of an `OSError` of the body.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        advice = f"make {_not_writable(path)} writable or choose another folder"
        if obstacle := _obstacle(path, error):
            advice = obstacle
        elif error.errno in _NO_ROOM:
            place = next(folder for folder in path.absolute().parents if folder.is_dir())
            left = shutil.disk_usage(place).free / 1e6
            advice = f"free some space ({left:,.1f} MB are left in {place}) or choose another folder, then run it again"
        raise UserError(f"cannot write {path}: {reason}; {advice}") from error


def _not_writable(path: Path) -> str:
    """Which of a file and the folders above it cannot be written; ``it`` where the system does not say so."""
    there = [each for each in (path, *path.parents) if os.path.lexists(each)]
    closed = next((each for each in there if not os.access(each, os.W_OK)), None)
    return "it" if closed is None else "this folder" if closed == Path() else str(closed)


def _obstacle(path: Path, error: OSError) -> str:
    """What lies where a file, or a folder, has to be, and what to do about it; empty where nothing does."""
    target = error.filename2 or error.filename  # a file is renamed to its name
    if error.errno == errno.EISDIR:
        place = Path(os.fsdecode(target)) if target is not None else path
        return f"{place} is a folder, and a file has to be there: move it away or remove it" if place.is_dir() else ""
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        above = next((each for each in (path, *path.parents) if os.path.lexists(each)), path)
        if not above.is_dir():
            return f"{above} is no folder, and one has to be there: move it away or choose another folder"
    return ""


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes left of files in a folder; nobody may be writing there."""
    for path in folder.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def missing_folders(path: Path) -> list[Path]:
    """The folders above a path that are not there, the lowest first."""
    return [folder for folder in path.absolute().parents if not folder.exists()]


def take_back(path: Path, folders: Iterable[Path]) -> None:
    """Remove a file, and folders that were made for it, the lowest first, as far as nothing else is in them."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        for folder in folders:
            folder.rmdir()


def write_text(path: Path, text: str) -> None:
    """Text, atomically."""
    with atomic_write(path) as file:
        file.write(text)


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of a file; it is taken for a moment, for which who wants it should wait."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
