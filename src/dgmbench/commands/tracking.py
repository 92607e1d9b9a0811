"""Where MLflow keeps its runs: a database in the results folder, or the server that the usual variables name."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dgmbench.errors import UserError
from dgmbench.report.mlflow_page import address_of as page_of

_LOCAL = "http://127.0.0.1:5000"  # where `mlflow ui` answers
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
_SERVER = f"look at MLFLOW_TRACKING_URI and the server, or unset it to use a database in the results, {_AGAIN}"
# What a server that does not answer may cost, unless the user has set these: MLflow itself tries for minutes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}


@dataclass(frozen=True)
class Store:
    """Where the runs of a results folder are.

    Attributes:
        results: the folder of all presets.
        server: what MLFLOW_TRACKING_URI says; empty for the database in the folder.
    """

    results: Path
    server: str = ""

    @classmethod
    def of(cls, results: Path) -> Store:
        return cls(results.absolute(), os.environ.get("MLFLOW_TRACKING_URI", "").strip())

    @property
    def database(self) -> Path:
        return self.results / "mlflow.db"

    @property
    def name(self) -> str:
        """In messages, without a password."""
        return _without_password(self.server) or str(self.database)

    def page(self, preset: str) -> str:
        """The address of a preset's runs in the browser; empty where it is not known without asking a server."""
        if self.server:
            return ""
        try:
            address = f"{self.database.as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(address, uri=True, timeout=1)) as connection:
                asked = "select experiment_id from experiments where name = ? and lifecycle_stage = 'active'"
                (found,) = connection.execute(asked, (f"dgmbench/{preset}",)).fetchone() or ("",)
        except sqlite3.Error:
            return ""
        return page_of(_LOCAL, str(found)) if found else ""

    def artifacts(self, preset: str) -> Path | None:
        """Where the files of a preset's runs are kept; None where a server decides."""
        return None if self.server.startswith(("http:", "https:")) else self.results / "mlartifacts" / preset

    @contextlib.contextmanager
    def client(self, alone: bool = True) -> Iterator[Any]:
        """A client; of the database, which is made when there is none.

        Args:
            alone: whether other processes of ours wait meanwhile.

        Raises:
            UserError: it cannot be used; what happens in the body counts, too.
        """
        with _in_one_line(self), contextlib.ExitStack() as stack:
            quiet_mlflow()
            from mlflow.tracking import MlflowClient  # takes seconds, for which nobody has to wait

            lock = stack.enter_context(self.lock())
            address = self.server or address_of(self.database)
            if not self.server:
                _require_database(self.database)
            if not alone:
                lock.release()
            yield MlflowClient(address, address)

    @contextlib.contextmanager
    def lock(self) -> Iterator[FileLock]:
        """Held by one process of ours at a time.

        Raises:
            UserError: another one has held it for minutes, or the folder cannot be written.
        """
        try:
            self.results.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.results / ".mlflow.lock")
            lock.acquire(timeout=_WAIT_SECONDS)
        except Timeout as error:
            raise UserError(
                f"{self.name}: another process has used it for {_WAIT_SECONDS} s; try again later"
            ) from error
        except OSError as error:
            raise UserError(
                f"cannot write {self.results}: {error.strerror}; the tables need no MLflow, set tracking: false"
            ) from error
        try:
            yield lock
        finally:
            lock.release()


@contextlib.contextmanager
def _in_one_line(store: Store) -> Iterator[None]:
    """What goes wrong with MLflow in the body, as a UserError."""
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        if error.filename is None and store.server:  # no file, but the network
            raise UserError(
                f"MLflow cannot use {store.name} ({error}); {_SERVER}; the tables do not need it"
            ) from error
        raise UserError(
            f"cannot show the results in MLflow: {error.filename or store.name}: {error.strerror}; the tables do not "
            "need it"
        ) from error
    except Exception as error:
        from alembic.util.exc import CommandError
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        if not isinstance(error, MlflowException | SQLAlchemyError | CommandError):
            raise
        # a database's own words where SQLAlchemy wraps them
        words = _without_password(str(getattr(error, "orig", None) or error)).strip().partition("\n")[0][:200]
        # MLflow's own exceptions hold the database's words somewhere within
        of_database = next((text for said, text in _ADVICE.items() if said in str(error)), _MADE_AGAIN)
        advice = _SERVER if store.server else of_database
        raise UserError(f"MLflow cannot use {store.name} ({words}); {advice}; the tables do not need it") from error


def _without_password(text: str) -> str:
    return re.sub(r"(\w://)[^/@\s]*@", r"\1", text)


def _require_database(database: Path) -> None:
    if not database.exists():
        _make_database(database)
    elif not database.is_file() or not os.access(database, os.W_OK):
        raise UserError(f"cannot write {database}; make it writable, or move it away to have it made again")


def address_of(database: Path) -> str:
    """A database as SQLAlchemy's address of it, whatever characters are in its path: SQLite decodes a file's URI.

    With the name of its driver: of an address without it MLflow makes the folders, taking the URI for a path.
    """
    return f"sqlite+pysqlite:///{database.absolute().as_uri()}?uri=true"


def _make_database(database: Path) -> None:
    """Make it under another name first: MLflow makes its tables in many steps, which must not be seen half done."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    unfinished = database.with_name(f".{database.name}.new")
    unfinished.unlink(missing_ok=True)
    store = SqlAlchemyStore(address_of(unfinished), database.with_name("mlartifacts").as_uri())
    store.engine.dispose()
    os.replace(unfinished, database)


def quiet_mlflow() -> None:
    """No usage statistics over the network, no notes and addresses; must come before MLflow is imported.

    Connections are not kept: a database that was moved away must not be written to.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # for each run a line, with the server's password
    os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    for name, level in {"mlflow": logging.WARNING, "alembic": logging.WARNING, "urllib3": logging.ERROR}.items():
        logging.getLogger(name).setLevel(level)
