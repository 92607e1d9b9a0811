"""What a pipeline is doing: from the traces that its jobs leave, and the jobs that were to be started."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dgmbench.commands.estimates import Estimate
from dgmbench.commands.jobs import Job
from dgmbench.commands.schedule import seconds_left
from dgmbench.files import is_locked
from dgmbench.names import file_name
from dgmbench.run import trace as traces
from dgmbench.run.trace import Trace
from dgmbench.run.workspace import Workspace

UNSEEN = ("write_config",)
"""Rules whose jobs leave no trace: they take no time."""
_PRIOR = 60.0  # seconds of work that weigh for the earlier pace, so that a first short job does not decide


@dataclass(frozen=True)
class Running:
    """A job at work.

    Attributes:
        rule, of: as in the name of its log.
        left: seconds; None where nothing is known.
    """

    rule: str
    of: str
    trace: Trace
    left: float | None


@dataclass(frozen=True)
class Failed:
    """A job that failed.

    Attributes:
        why: one line.
        log: the file to read.
    """

    rule: str
    of: str
    why: str
    log: Path


@dataclass(frozen=True)
class Seen:
    """A pipeline at one moment.

    Attributes:
        done, total: jobs; ``total`` is None where it is not known what was asked for.
        left: seconds until all is done; None where nothing is known.
        unknown: jobs that are left and that ``left`` does not count.
    """

    done: int
    total: int | None
    running: list[Running]
    failed: list[Failed]
    left: float | None
    unknown: int


@dataclass
class Pipeline:
    """Looks at a pipeline again and again.

    Attributes:
        jobs: those to be done, None where that is not known.
        expected: how long they take, where that is known.
        since: when it began; what happened before is none of it.
        at_once: jobs that run side by side; None for as many as are seen to.
        before: jobs that were done before.
    """

    workspace: Workspace
    jobs: Collection[Job] | None
    expected: Mapping[Job, Estimate]
    since: float
    at_once: int | None = None
    before: int = 0
    _read: dict[Path, tuple[int, Trace | None]] = field(default_factory=dict)

    def look(self) -> Seen:
        """How far it is now."""
        now = time.time()
        known = self._known
        ended: dict[Path, Trace] = {}
        running, failed = [], []
        for path, trace in self._traces().items():
            if not trace.end and is_locked(path):
                job = known.get(path)
                running.append(Running(*self._name(path), trace, self._left(job, trace, now)))
                continue
            trace = trace if trace.end else traces.read(path) or trace  # it may just have ended
            if max(trace.started, trace.ended) < self.since:
                continue
            ended[path] = trace
            if trace.end in ("failed", ""):
                why = trace.error or "its process was killed"
                failed.append(Failed(*self._name(path), why, path.with_suffix(".log")))
        done = sum(t.end == "finished" and (self.jobs is None or path in known) for path, t in ended.items())
        if self.jobs is None:
            return Seen(done, None, running, failed, None, 0)
        stopping = any(trace.end == "interrupted" for trace in ended.values())
        left, unknown = (None, 0) if stopping else self._all_left(known, ended, running)
        return Seen(self.before + done, self.before + len(known), running, failed, left, unknown)

    def finished(self) -> set[Job]:
        """The jobs that this pipeline has done."""
        ended = {path for path, trace in self._traces().items() if trace.end == "finished"}
        return {job for path, job in self._known.items() if path in ended}

    def _traces(self) -> dict[Path, Trace]:
        """Those of this pipeline, and all that have no end; a file is read when it has changed."""
        folder, found = self.workspace.root / "logs", {}
        for path in sorted([*folder.glob("*.json"), *folder.glob("*/*.json")]):
            try:
                changed = path.stat().st_mtime_ns
            except OSError:
                continue
            if self._read.get(path, (0, None))[0] != changed:
                self._read[path] = (changed, traces.read(path))
            trace = self._read[path][1]
            if trace and (not trace.end or trace.ended >= self.since):
                found[path] = trace
        return found

    @cached_property
    def _known(self) -> dict[Path, Job]:
        return {self._place(job): job for job in self.jobs or () if job.rule not in UNSEEN}

    def _place(self, job: Job) -> Path:
        if job.rule in ("page", "mlflow"):
            return self.workspace.trace(job.rule)
        return self.workspace.trace(job.rule, file_name(job.of) if job.rule == "fetch" else job.of)

    def _name(self, path: Path) -> tuple[str, str]:
        parts = path.relative_to(self.workspace.root / "logs").with_suffix("").parts
        return (parts[0], "") if len(parts) == 1 else (parts[0], path.name.removesuffix(".json"))

    def _left(self, job: Job | None, trace: Trace, now: float) -> float | None:
        """Seconds that a job still takes: from its own pace, and from what such jobs took."""
        outer = trace.parts[0] if trace.parts else None
        by_pace = outer.left(now) if outer else None
        expected = self.expected.get(job) if job else None
        if expected is None:
            return by_pace
        if outer and by_pace is not None and outer.what in expected.after:
            return by_pace + max(0.0, expected.after[outer.what])
        return max(by_pace or 0.0, expected.seconds - (now - trace.started))

    def _all_left(
        self, known: Mapping[Path, Job], ended: Mapping[Path, Trace], running: Collection[Running]
    ) -> tuple[float | None, int]:
        at_work = {self.workspace.trace(each.rule, each.of): each for each in running}
        lost = {job for path, job in known.items() if path in ended and ended[path].end != "finished"}
        waiting = [job for path, job in known.items() if path not in ended and path not in at_work]
        made = {output: job for job in lost for output in job.outputs}
        for job in list(waiting):  # jobs come after those that they need
            if any(path in made for path in job.inputs):
                waiting.remove(job)
                made |= dict.fromkeys(job.outputs, job)
        pace = self._pace(known, ended)
        seconds = {job: pace * self.expected[job].seconds for job in waiting if job in self.expected}
        left = {known[path]: each.left or 0.0 for path, each in at_work.items() if path in known}
        unknown = len(waiting) - len(seconds) + sum(each.left is None for each in running)
        if not waiting and not left:
            return 0.0, 0
        if unknown == len(waiting) + len(running):
            return None, unknown
        return seconds_left(waiting, seconds, left, self.at_once or len(running)), unknown

    def _pace(self, known: Mapping[Path, Job], ended: Mapping[Path, Trace]) -> float:
        """What the jobs of this pipeline took, as a multiple of what was expected."""
        both = [
            (trace.ended - trace.started, self.expected[known[path]].seconds)
            for path, trace in ended.items()
            if trace.end == "finished" and path in known and known[path] in self.expected
        ]
        return (_PRIOR + sum(taken for taken, _ in both)) / (_PRIOR + sum(expected for _, expected in both))
