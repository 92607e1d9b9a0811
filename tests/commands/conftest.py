"""A folder as a checkout is, and what the jobs of a pipeline leave while they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dgmbench.commands.jobs import Job
from dgmbench.run.trace import Trace, traced
from dgmbench.run.workspace import Workspace
from tests.commands.pipelines import CONFIG

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the workflow's default configuration and presets; modules in it can be imported."""
    for name in ("Snakefile", "config.yaml", "workflow"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """That of `planned`, whose configuration is in the current folder; the clock stands still."""
    monkeypatch.setattr(time, "time", lambda: 1.8e9)
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)
    return Workspace(Path("results/p"))


@pytest.fixture
def leave(workspace: Workspace) -> Iterator[Callable[..., Trace]]:
    """A function that leaves the trace of a job; one without an end is at work until the test ends."""
    with ExitStack() as stack:

        def trace_of(job: Job, seconds: float, end: str = "", error: str = "", killed: bool = False) -> Trace:
            path = workspace.trace(job.rule, "" if job.rule == "page" else job.of)
            started = time.time() - seconds
            if not end and not killed:
                return stack.enter_context(traced(path, started))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            made = Trace(path, started)
            made.close(end, error) if end else made.write()
            return made

        yield trace_of
