"""The places that are written, and whether they can be."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from dgmbench.commands.tracking import Store
from dgmbench.data.download.store import cache_folder
from dgmbench.errors import UserError


@dataclass(frozen=True)
class Finding:
    """A line of the report; one that is not ``good`` says what to do, and a ``needed`` one makes the command fail."""

    about: str
    text: str
    good: bool = True
    needed: bool = False


def examined() -> Iterator[Finding]:
    """The data cache, the results and MLflow's database in them, compiled code, figures' settings, temporary files."""
    cache = cache_folder()
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file()) if cache.is_dir() else 0
    yield _place("cache", cache, f", {size / 1e6:.0f} MB", "set DGMBENCH_CACHE to a folder that can", needed=True)
    results = Path("results").absolute()
    yield _place("results", results, "", "work in a folder that can, or name one with --results", needed=True)
    store = Store.of(results)
    yield Finding("MLflow", f"{store.name}, as MLFLOW_TRACKING_URI says") if store.server else _mlflow(store.database)
    yield _compiled_code()
    figures = Path(os.environ.get("MPLCONFIGDIR") or platformdirs.user_config_path("matplotlib"))
    yield _place("matplotlib", figures, "", "it takes a temporary folder each time; MPLCONFIGDIR names a lasting one")
    try:
        yield _place("temporary", Path(tempfile.gettempdir()), "", "set TMPDIR to a folder that can", needed=True)
    except OSError as error:
        yield Finding("temporary", f"{error.strerror}; set TMPDIR to a folder that exists", good=False, needed=True)


def _place(about: str, folder: Path, more: str, advice: str, needed: bool = False) -> Finding:
    writable = can_be_written(folder)
    text = f"{folder}{more}" if writable else f"{folder}{more}: cannot be written; {advice}"
    return Finding(about, text, good=writable, needed=needed)


def can_be_written(folder: Path) -> bool:
    """Whether a file can be made in a folder, or the folder where it is not there yet; nothing is left behind."""
    above = next((place for place in (folder, *folder.absolute().parents) if os.path.lexists(place)), folder)
    try:
        tempfile.TemporaryFile(dir=above).close()
    except OSError:
        return False
    return True


def _compiled_code() -> Finding:
    """Where Numba keeps it; its own note about that would be a second line."""
    log = logging.getLogger("dgmbench")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        from dgmbench.fast.places import keep_compiled_code

        return Finding("compiled code", str(keep_compiled_code()))
    except UserError as error:
        return Finding("compiled code", str(error), good=False, needed=True)
    finally:
        log.setLevel(level)


def _mlflow(database: Path) -> Finding:
    """Whether MLflow's view can be written; the tables are the same without it."""
    if not database.exists():
        if not can_be_written(database.parent):
            return Finding("MLflow", f"{database} cannot be made, as nothing can be in that folder", good=False)
        return Finding("MLflow", f"{database}: made by the first run")
    advice = "remove it, and dgmbench sync-mlflow makes it again; or set tracking: false"
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=1)) as connection:
            connection.execute("begin immediate").connection.rollback()  # as a writer would, and nothing is written
            (sound,) = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return Finding("MLflow", f"{database} cannot be written ({error}); {advice}", good=False)
    if sound != "ok":
        return Finding("MLflow", f"{database} is damaged; {advice}", good=False)
    return Finding("MLflow", f"{database}, {database.stat().st_size / 1e6:.0f} MB")
