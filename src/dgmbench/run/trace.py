"""The trace of a job: a small file beside its log that says how far it is, for those who look while it runs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dgmbench.errors import UserError
from dgmbench.run.progress import Step, watched

SIZE = 4096
"""Bytes of the file, filled with spaces: one write replaces all of it."""
EVERY_SECONDS = 0.5
"""Between two writes, of steps whose parts are shorter."""
_PHASES = 20  # what is kept of a job with many steps one after the other
_LONGEST = 200  # characters of an error


@dataclass
class Part:
    """A step under way.

    Attributes:
        what: is counted.
        done, total: parts of it.
        first: how many were done at ``since``, which is when this job was first heard of at it.
        at: when the last one was done.
        values: what is known of the model then, by name.
    """

    what: str
    done: int
    total: int
    first: int
    since: float
    at: float
    values: dict[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """How far it is."""
        return f"{self.what} {self.done}/{self.total}"

    @property
    def numbers(self) -> list[str]:
        """What is known of the model, by name."""
        return [f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.values.items()]

    def left(self, now: float) -> float | None:
        """Seconds that the rest of it takes at its pace so far; None before any of it is done."""
        done = self.done - self.first
        if done <= 0:
            return None
        return max(0.0, (self.at - self.since) / done * (self.total - self.done) - (now - self.at))


@dataclass
class Phase:
    """A step that is no part of another, however often it is begun. Times are in seconds after the job's beginning.

    Attributes:
        at: when it was last heard of.
        moving: seconds between its parts; the first one after a beginning is left out, which compiles and reads.
        timed, first: how many parts these are, and how many were left out.
        parts: that it has, of all its beginnings.
        compiles: whether the first part is under way.
    """

    at: float = 0.0
    moving: float = 0.0
    timed: int = 0
    first: int = 0
    parts: int = 0
    compiles: bool = False

    def note(self, step: Step, at: float, parts: int, since: float | None) -> None:
        """Parts are done, or the first one begins.

        Args:
            parts: how many are done since it was last heard of.
            since: seconds since then; None at its beginning.
        """
        if since is None:
            self.parts += step.total
            self.first += not step.begins
        elif self.compiles and parts < step.total:
            self.first += parts
        else:
            self.moving, self.timed = self.moving + since, self.timed + parts
        self.at, self.compiles = at, step.begins

    @property
    def seconds(self) -> float:
        """What all of its parts take at their pace."""
        return self.moving / self.timed * self.parts if self.timed else 0.0


@dataclass
class Trace:
    """What a job says of itself; it is called with each step, and goes to other processes, too. Times are since 1970.

    Attributes:
        path: of the file.
        started: when the job began.
        parts: the steps under way, each a part of the one before.
        phases: the steps that were no part of another.
        end: "finished", "failed" or "interrupted"; empty while it is at work, and for one that was killed.
        error: why it failed.
    """

    path: Path
    started: float
    parts: list[Part] = field(default_factory=list)
    phases: dict[str, Phase] = field(default_factory=dict)
    end: str = ""
    ended: float = 0.0
    error: str = ""
    written: float = 0.0

    def __call__(self, step: Step) -> None:
        """Note how far a step is."""
        now = time.time()
        known = self.parts[step.level] if step.level < len(self.parts) else None
        if known is None or known.what != step.what or step.done <= known.done:
            known, since = Part(step.what, step.done, step.total, step.done, now, now), None
        else:
            since = now - known.at
        if step.level == 0 and (step.what in self.phases or len(self.phases) < _PHASES):
            self.phases.setdefault(step.what, Phase()).note(step, now - self.started, step.done - known.done, since)
        known.done, known.total, known.at = step.done, step.total, now
        known.values = {name: float(value) for name, value in step.values.items()} or known.values
        self.parts[step.level :] = [known]
        if now - self.written >= EVERY_SECONDS or step.done in (known.first, step.total):
            self.write()

    def divided(self, seconds: float) -> tuple[float, float] | None:
        """What a job took in two parts: what does not grow with its work, and what does.

        The beginning and the first part of each step load libraries and compile. All else grows: the parts at their
        pace, those that an earlier process did, too, and what comes after the last step.

        Args:
            seconds: that the job has taken.

        Returns:
            Seconds of both; None where no step was counted.
        """
        phases = [phase for phase in self.phases.values() if phase.timed]
        if not phases:
            return None
        after = seconds - max(phase.at for phase in self.phases.values())
        moving = sum(phase.moving * (1 + phase.first / phase.timed) for phase in phases)
        return max(0.0, seconds - after - moving), sum(phase.seconds for phase in phases) + max(0.0, after)

    def close(self, end: str, error: str = "") -> None:
        """Note how it ended."""
        self.end, self.error, self.ended = end, " ".join(error.split())[:_LONGEST], time.time()
        self.write()

    def write(self) -> None:
        """Write all of it; a disk that is full is told by the work itself."""
        self.written = time.time()
        parts = [vars(part) for part in self.parts[:4]]
        content = {"started": self.started, "parts": parts, "end": self.end, "ended": self.ended, "error": self.error}
        text = json.dumps(content).encode()
        if len(text) >= SIZE:
            content["parts"] = [part | {"what": part["what"][:60], "values": {}} for part in parts]
            text = json.dumps(content).encode()
        with contextlib.suppress(OSError), self.path.open("r+b") as file:
            os.pwrite(file.fileno(), text.ljust(SIZE - 1) + b"\n", 0)


@contextlib.contextmanager
def traced(path: Path, started: float) -> Iterator[Trace]:
    """Within the body, the steps of this process are noted in a file, which is locked meanwhile.

    Where the file cannot be written, or another process writes it, nothing is noted.

    Args:
        started: when the job began.
    """
    trace = Trace(path, started)
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("ab"))
            _lock(file)
            file.truncate(0)
        except OSError:
            yield trace
            return
        trace.write()
        try:
            with watched(trace, beginnings=True):
                yield trace
        except Exception as error:
            trace.close("failed", str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}")
            raise
        except BaseException:  # Ctrl-C, or the end of the process
            trace.close("interrupted")
            raise
        trace.close("finished")


def _lock(file: IO[bytes]) -> None:
    """Take the lock, which those who look whether it is taken have for a moment.

    Raises:
        OSError: another process has it.
    """
    for _ in range(10):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.05)
    raise BlockingIOError


def read(path: Path) -> Trace | None:
    """The trace of a job; None where there is none, or no whole one."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        parts = [Part(**part) for part in content.pop("parts")]
        return Trace(path, parts=parts, **content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
