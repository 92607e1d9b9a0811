"""Show the results in MLflow. The view can be deleted and made again from the files at any time."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dgmbench.errors import UserError

# Another process may be writing the runs of a large preset.
_WAIT_SECONDS = 600
_AGAIN = "then run 'dgmbench sync-mlflow'"
_MADE_AGAIN = "move it away and run 'dgmbench sync-mlflow' to make it again from the files"
# By what SQLite says: these are no damage of the database.
_ADVICE = {
    "locked": f"another program has locked it: close that or wait, {_AGAIN}",
    "disk is full": f"free some space, {_AGAIN}",
    "readonly": f"make it and its folder writable, {_AGAIN}",
    "disk I/O error": f"look whether the disk is full or damaged, {_AGAIN}",
}


def sync(results: Path, preset: str | None = None) -> int:
    """Make MLflow show what the files hold: a run for each pipeline and, below it, one for each training run.

    What was shown before is dropped and logged again, of one preset or of all in the folder. Runs of users in the same
    database are left alone.

    Returns:
        How many training runs are shown, of the presets asked for.

    Raises:
        UserError: there is no such preset, or the database cannot be used.
    """
    presets = sorted({path.parents[2].name for path in results.glob("*/runs/*/run.json")})
    if preset is not None:
        if not (results / preset).is_dir():
            known = ", ".join(presets) or "none yet"
            raise UserError(f"no results of preset {preset!r} under {results}; there are: {known}")
        presets = [preset]
    whole = results.absolute()
    with _client(results, whole / "mlflow.db") as client:
        from dgmbench.report.mlflow_view import show

        return sum(show(client, whole / name, whole / "mlartifacts" / name) for name in presets)


@contextlib.contextmanager
def _client(results: Path, database: Path) -> Iterator[Any]:
    """A client of the database, which this process alone uses, and which is made when there is none."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        lock = FileLock(results / ".mlflow.lock").acquire(timeout=_WAIT_SECONDS)
    except Timeout as error:
        raise UserError(f"{database}: another process has used it for {_WAIT_SECONDS} s; try again later") from error
    except OSError as error:
        raise UserError(
            f"cannot write {results}: {error.strerror}; the tables need no MLflow, set tracking: false"
        ) from error
    with lock:
        quiet_mlflow()
        from alembic.util.exc import CommandError
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if not database.exists():
                _make_database(database)
            elif not database.is_file() or not os.access(database, os.W_OK):
                raise UserError(f"cannot write {database}; make it writable, or move it away to have it made again")
            yield MlflowClient(address_of(database), address_of(database))
        except (MlflowException, SQLAlchemyError, CommandError) as error:
            # a database's own words where SQLAlchemy wraps them
            reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0][:200]
            # MLflow's own exceptions hold the database's words somewhere within
            advice = next((words for said, words in _ADVICE.items() if said in str(error)), _MADE_AGAIN)
            raise UserError(f"MLflow cannot use {database} ({reason}); {advice}; the tables do not need it") from error
        except OSError as error:
            raise UserError(
                f"cannot show the results in MLflow: {error.filename or database}: {error.strerror}; the tables do not "
                "need it"
            ) from error


def address_of(database: Path) -> str:
    """A database as SQLAlchemy's address of it, whatever characters are in its path: SQLite decodes a file's URI."""
    return f"sqlite:///{database.absolute().as_uri()}?uri=true"


def _make_database(database: Path) -> None:
    """Make it under another name first: MLflow makes its tables in many steps, which must not be seen half done."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    unfinished = database.with_name(f".{database.name}.new")
    unfinished.unlink(missing_ok=True)
    store = SqlAlchemyStore(address_of(unfinished), database.with_name("mlartifacts").as_uri())
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
