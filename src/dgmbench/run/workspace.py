"""Where a preset's products lie, and who works on them."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dgmbench.errors import UserError
from dgmbench.files import is_locked, remove_unfinished, writing
from dgmbench.names import file_name
from dgmbench.run.records import FORMAT, read_json, write_json
from dgmbench.run.spec import RunSpec


@dataclass(frozen=True)
class Workspace:
    """``results/<preset>``: trained models, run records, resume states, tables.

    A trained model is kept apart from the runs that evaluate it, so that another k does not train it again.
    """

    root: Path

    def trained(self, spec: RunSpec) -> Path:
        return self.root / "trained" / spec.training_id

    def run(self, spec: RunSpec) -> Path:
        return self.root / "runs" / spec.run_id

    def state(self, spec: RunSpec) -> Path:
        """Not an output of any rule: what resumes an interrupted run, and why a run failed."""
        return self.root / "state" / spec.training_id

    def failure(self, spec: RunSpec) -> dict[str, Any] | None:
        """Why the last attempt at this run failed, or None."""
        path = self.state(spec) / "failure.json"
        return read_json(path) if path.is_file() else None

    def data_failure(self, name: str) -> dict[str, Any] | None:
        """Why a dataset could not be loaded when it was asked for last, or None."""
        path = failure_beside(self.root / "data" / f"{file_name(name)}.json")
        return read_json(path) if path.is_file() else None

    def forget_failure(self, spec: RunSpec, stage: str) -> None:
        """Remove the note of a failed attempt at what is finished now, or was brought back."""
        try:
            failure = self.failure(spec)
        except UserError:  # broken: it says nothing
            failure = {"stage": "training"}
        if failure is not None and hides(failure, spec, stage):
            with writing(self.state(spec)):
                (self.state(spec) / "failure.json").unlink(missing_ok=True)

    def is_claimed(self, training_id: str) -> bool:
        """Whether a process works on a training, or on an evaluation of it."""
        return is_locked(self.root / "state" / training_id / "lock")

    def log(self, rule: str, of: str = "") -> Path:
        """Where the workflow keeps the log of a job.

        Args:
            of: a training id, a run id, a dataset's file name or a task; empty for a rule with one job.
        """
        return self.root / "logs" / (f"{rule}/{of}.log" if of else f"{rule}.log")

    def trace(self, rule: str, of: str = "") -> Path:
        """Where the job says how far it is, see `dgmbench.run.trace`."""
        return self.log(rule, of).with_suffix(".json")

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    @property
    def figures(self) -> Path:
        return self.root / "figures"

    @contextlib.contextmanager
    def claim(self, spec: RunSpec, stage: str) -> Iterator[None]:
        """Hold the run's state for one process, and leave a note there if the work fails.

        What killed processes left of this run's files is removed.

        Raises:
            UserError: another process works on this run, or its folders cannot be written.
        """
        folder = self.state(spec)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / "lock")
            try:
                lock.acquire(timeout=1)
            except Timeout as error:
                raise UserError(f"{spec.training_id}: another process works on it; wait for it or stop it") from error
        note = folder / "failure.json"
        try:
            with self.noting(spec, stage):
                with writing(folder):
                    for place in (folder, self.trained(spec), self.run(spec)):
                        remove_unfinished(place)
                yield
                with writing(note):
                    note.unlink(missing_ok=True)
        finally:
            lock.release()

    @contextlib.contextmanager
    def noting(self, spec: RunSpec, stage: str) -> Iterator[None]:
        """Leave a note in the run's state if the work of the body fails."""
        try:
            yield
        except Exception as error:
            content = {
                "format": FORMAT,
                "stage": stage,
                "run_id": spec.run_id,
                "status": "failed",
                "error": f"{type(error).__name__}: {error}" if not isinstance(error, UserError) else str(error),
                "traceback": None if isinstance(error, UserError) else traceback.format_exc(),
                "at": now(),
            }
            with contextlib.suppress(UserError):  # a full disk must not hide the first error
                write_json(self.state(spec) / "failure.json", content)
            raise


def failure_beside(marker: Path) -> Path:
    """Where it is noted that the data of a marker could not be loaded; the marker itself is not there then."""
    return marker.with_name(f"{marker.stem}.failed.json")


def hides(failure: Mapping[str, Any], spec: RunSpec, *stages: str) -> bool:
    """Whether a failed attempt at one of these stages concerns a run: other evaluations of its training may fail."""
    stage = failure.get("stage")
    return stage in stages and (stage == "training" or failure.get("run_id") == spec.run_id)


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
