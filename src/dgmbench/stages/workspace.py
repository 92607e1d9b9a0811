"""Where a preset's products lie, and what both stages of every run have in common."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dgmbench import provenance, records
from dgmbench.errors import UserError
from dgmbench.spec import RunSpec

log = logging.getLogger("dgmbench")


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
        return records.read_json(path) if path.is_file() else None

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    @property
    def figures(self) -> Path:
        return self.root / "figures"

    @contextlib.contextmanager
    def claim(self, spec: RunSpec, stage: str) -> Iterator[None]:
        """Hold the run's state for one process, and leave a note there if the work fails.

        Raises:
            UserError: another process works on this run.
        """
        folder = self.state(spec)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(timeout=1)
        except Timeout as error:
            raise UserError(f"{spec.training_id}: another process works on it; wait for it or stop it") from error
        note = folder / "failure.json"
        try:
            yield
            note.unlink(missing_ok=True)
        except Exception as error:
            content = {
                "format": records.FORMAT,
                "stage": stage,
                "status": "failed",
                "error": f"{type(error).__name__}: {error}" if not isinstance(error, UserError) else str(error),
                "traceback": None if isinstance(error, UserError) else traceback.format_exc(),
                "at": records.now(),
            }
            with contextlib.suppress(UserError):  # a full disk must not hide the first error
                records.write_json(note, content)
            raise
        finally:
            lock.release()


def is_finished(path: Path, fingerprint: str) -> bool:
    """Whether this record exists and was made from the same specification, data and code."""
    if not path.is_file():
        return False
    try:
        return records.read_json(path).get("fingerprint") == fingerprint
    except UserError as error:
        log.warning("%s; doing it again", error)
        return False


def stage_record(spec: RunSpec, stage: str, fingerprint: str, started: str, watch: records.Stopwatch) -> dict[str, Any]:
    """What every stage notes about itself."""
    return {
        "format": records.FORMAT,
        "fingerprint": fingerprint,
        "stage": stage,
        "started": started,
        "finished": records.now(),
        "seconds": watch.seconds,
        "cpu_seconds": provenance.cpu_seconds(),
        "peak_memory_mb": provenance.peak_memory_mb(),
        "code": provenance.code() | {"source_hash": records.code_hash(spec, stage)},
        "libraries": provenance.libraries(spec.task),
        "host": provenance.host(),
    }


def evaluation_fingerprint(spec: RunSpec, checksums: dict[str, str], training: dict[str, Any]) -> str:
    """What an evaluation depends on: specification, data, code, and the very training that it measures."""
    own = records.fingerprint(spec, "evaluation", checksums)
    return records.canonical_hash([own, training["fingerprint"], training["finished"]])


def run_record(
    spec: RunSpec,
    fingerprint: str,
    status: str,
    metrics: dict[str, Any],
    checksums: dict[str, str],
    training: dict[str, Any],
    evaluation: dict[str, Any],
) -> dict[str, Any]:
    """The content of ``run.json`` that every task has; ``training`` and ``evaluation`` are the stages' own records."""
    return {
        "format": records.FORMAT,
        "run_id": spec.run_id,
        "training_id": spec.training_id,
        "fingerprint": fingerprint,
        "spec": spec.to_dict(),
        "spec_hash": records.canonical_hash(spec.canonical()),
        "seed": spec.seed,
        "status": status,
        "metrics": metrics,
        "data": {"name": spec.dataset, "checksums": checksums, "source": checksums.get("source")},
        "training": training,
        "evaluation": evaluation,
    }
