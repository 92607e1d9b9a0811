"""Show the results in MLflow. The files are the truth: this view can be thrown away and made again at any time."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dgmbench.errors import UserError
from dgmbench.report.shown import find_presets, shown_pipeline, shown_runs

log = logging.getLogger("dgmbench")

# Another process may be writing the runs of a large preset.
_PATIENCE_SECONDS = 600


def create_store(results: Path) -> None:
    """Make the database ``results/mlflow.db``, once, however many processes ask for it at the same time.

    MLflow makes its tables in many steps that collide when several processes start on a fresh file; so one process
    makes them under another name, and the file appears when it is whole.

    Raises:
        UserError: the folder cannot be written, or the file there is no database of this MLflow.
    """
    with _store(results):
        pass


def sync(results: Path, preset: str | None = None) -> int:
    """Make MLflow show what the files hold: a run for each pipeline and, below it, one for each training run.

    What is shown already stays, what has changed is replaced, what is no longer on disk goes. Runs of a user's own in
    the same database are left alone.

    Args:
        results: the folder of all presets.
        preset: only this one; all of them by default.

    Returns:
        How many training runs are shown, of the presets asked for.

    Raises:
        UserError: there is no such preset, or the database cannot be used.
    """
    presets = find_presets(results)
    if preset is not None:
        if preset not in presets and not (results / preset).is_dir():
            known = ", ".join(presets) or "none yet"
            raise UserError(f"no results of preset {preset!r} under {results}; there are: {known}")
        presets = [preset]
    number = 0
    with _store(results) as client:
        from dgmbench.report.mlflow_view import show

        for name in presets:
            folder = results.absolute() / name
            runs = shown_runs(folder)
            show(client, name, shown_pipeline(folder), runs, results.absolute() / "mlartifacts" / name)
            number += len(runs)
    return number


@contextlib.contextmanager
def _store(results: Path) -> Iterator[Any]:
    """A client of the database, held by this process alone."""
    database = results.absolute() / "mlflow.db"
    try:
        results.mkdir(parents=True, exist_ok=True)
        lock = FileLock(results / ".mlflow.lock", timeout=_PATIENCE_SECONDS)
        lock.acquire()
    except Timeout as error:
        raise UserError(
            f"{database} is in use by another process for {_PATIENCE_SECONDS} s; try again later"
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot write {results}: {error.strerror}; the tables need no MLflow, set tracking: false"
        ) from error
    try:
        quiet_mlflow()
        from alembic.util.exc import CommandError
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from sqlalchemy.exc import SQLAlchemyError

        address = f"sqlite:///{database}"
        try:
            if not database.exists():
                _make_database(database)
            elif not database.is_file() or not os.access(database, os.W_OK):
                raise UserError(f"cannot write {database}; make it writable, or move it away to have it made again")
            yield MlflowClient(tracking_uri=address, registry_uri=address)
        except (MlflowException, SQLAlchemyError, CommandError) as error:
            raise UserError(
                f"MLflow cannot use {database} ({_in_short(error)}); move it away and run 'dgmbench sync-mlflow' to "
                "make it again from the files"
            ) from error
        except OSError as error:
            place = error.filename or database
            raise UserError(
                f"cannot show the results in MLflow: {place}: {error.strerror}; the tables need it not"
            ) from error
    finally:
        lock.release()


def _make_database(database: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    unfinished = database.with_name(f".{database.name}.new")
    unfinished.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"sqlite:///{unfinished}", str(database.with_name("mlartifacts")))
    store.engine.dispose()
    os.replace(unfinished, database)


def quiet_mlflow() -> None:
    """No usage statistics over the network, no notes about tables being made; must come before MLflow is imported.

    Connections are not kept: a database that was moved away must not be written to.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _in_short(error: Exception) -> str:
    """The first line of an error; a database's own words where SQLAlchemy wraps them."""
    text = str(getattr(error, "orig", None) or error)
    return text.strip().partition("\n")[0][:200]
