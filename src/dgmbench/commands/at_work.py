"""A job at work: how far it is stands beside its log, and what it took is kept for estimates."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

import psutil

from dgmbench.errors import UserError
from dgmbench.files import missing_folders, take_back
from dgmbench.names import file_name
from dgmbench.run import timings
from dgmbench.run.provenance import host
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec
from dgmbench.run.trace import Trace, traced
from dgmbench.run.workspace import Workspace

RULES: Mapping[Stage, str] = {"training": "train", "evaluation": "evaluate"}
_STARTING = 60.0  # seconds: a process that has lived longer before a job began was not started for it


@contextmanager
def at_work(workspace: Workspace, rule: str, of: str = "", kind: str = "") -> Iterator[Trace]:
    """Within the body, the steps of this process stand in the trace of a job.

    A mistake of a user, not of the workflow, leaves no trace, nor a folder of results that had none before.

    Args:
        rule: of the workflow.
        of: what the job is for, as in the name of its log.
        kind: what the time that it took is kept under, see `kind_of_job`; the time of a run's stage is kept by `keep`.
    """
    path = workspace.trace(rule, of)
    is_new, folders = not path.exists() and not workspace.log(rule, of).exists(), missing_folders(path)
    try:
        with traced(path, _beginning()) as trace:
            yield trace
    except UserError:
        if is_new:
            take_back(path, folders)
        raise
    if kind:
        line = {"host": host(), "seconds": round(time.time() - trace.started, 2), "at": round(time.time())}
        timings.note(kind, line)


def keep(trace: Trace, run: RunSpec, stage: Stage, record: Mapping[str, Any]) -> None:
    """Keep what a stage of a run took, with the start of its process; nothing where it was done already.

    Args:
        record: of the stage.
    """
    finished = record.get("finished")
    if finished is None or datetime.fromisoformat(finished).timestamp() < int(trace.started):
        return
    seconds, earlier = time.time() - trace.started, record.get("resumed_after_seconds", 0.0)
    starting, growing = trace.divided(seconds) or (seconds + earlier - record["seconds"], record["seconds"])
    line = {
        "spec": run.to_dict(),
        "stage": stage,
        "host": record["host"],
        "seconds": round(seconds + earlier, 2),
        "starting": round(starting, 3),
        "growing": round(growing, 3),
        "peak_memory_mb": record["peak_memory_mb"],
        "after": {what: round(seconds - phase.at, 2) for what, phase in trace.phases.items()},
        "at": round(time.time()),
    }
    timings.note(kind_of_stage(run, stage), line)


def kind_of_stage(run: RunSpec, stage: Stage) -> str:
    """What the times of a stage of a row's runs on a dataset are kept under."""
    return f"{RULES[stage]}.{run.task}.{file_name(run.dataset)}.{file_name(run.model)}"


def kind_of_job(rule: str, of: str) -> str:
    """What the time of another job is kept under."""
    return f"{rule}.{file_name(of)}"


@lru_cache(maxsize=1)
def _start_of_process() -> float:
    return psutil.Process().create_time()


def _beginning() -> float:
    """When this job began: with the process, if that was started for it."""
    now = time.time()
    return _start_of_process() if now - _start_of_process() < _STARTING else now
