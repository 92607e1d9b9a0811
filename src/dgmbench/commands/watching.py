"""Watching a pipeline on a terminal: the one that was started here, or one that runs elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dgmbench.commands.estimates import of_jobs
from dgmbench.commands.jobs import Job, jobs_of, to_start
from dgmbench.commands.pipeline import UNSEEN, Pipeline
from dgmbench.commands.status import states, tally
from dgmbench.errors import UserError
from dgmbench.files import writing
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace

# Options of Snakemake with which there is a display, and how many values they have; with others its output is what was
# asked for.
_VALUES = {
    **dict.fromkeys(("--cores", "-c", "--jobs", "-j", "--profile", "--executor", "-e", "--latency-wait", "-w"), 1),
    **dict.fromkeys(("--retries", "-T", "--scheduler", "--slurm-status-command"), 1),
    **dict.fromkeys(("--keep-going", "-k", "--rerun-incomplete", "--ri", "--nolock", "--"), 0),
    **dict.fromkeys(("--resources", "--res", "--set-resources", "--set-threads", "--default-resources"), 1000),
}
# With these other jobs are started than are missing.
_CHOOSING = {
    **dict.fromkeys(("--force", "-f", "--forceall", "-F"), 0),
    **dict.fromkeys(("--forcerun", "-R", "--until", "-U", "--omit-from", "-O"), 1000),
}
_QUIET_LOOKS = 3
"""Looks at which nothing is at work: between two jobs there is a moment."""
_TOLD = ("MLflow was not updated",)
"""Beginnings of lines that Snakemake's output has and nothing else."""


def can_draw(arguments: Sequence[str] = ()) -> bool:
    """Whether the streams are a terminal that can be drawn on, and Snakemake is asked for results alone."""
    terminal = sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "")
    return terminal and {name for name, _ in _options(arguments)} <= {*_VALUES, *_CHOOSING}


def jobs_asked_for(plan: Plan, content: Mapping[str, Any], arguments: Sequence[str]) -> list[Job] | None:
    """The jobs that Snakemake starts; None where options or targets, other than names of tasks, choose them."""
    options = list(_options(arguments))
    targets = [target for name, values in options if name == "--" for target in values]
    if any(name in _CHOOSING for name, _ in options) or not plan.tasks.keys() >= set(targets):
        return None
    starting = list(to_start(jobs_of(plan, content)))
    made_by = {output: job for job in starting for output in job.outputs}
    needed = dict.fromkeys(job for job in starting if not targets or (job.rule == "tables" and job.of in targets))
    queue = deque(needed)
    while queue:
        before = [made_by[path] for path in queue.popleft().inputs if path in made_by]
        queue += [job for job in dict.fromkeys(before) if job not in needed]
        needed |= dict.fromkeys(before)
    return [job for job in starting if job in needed]


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Options with their values, as far as they are known; targets have an empty name's place, "--"."""
    words = deque(arguments)
    while words:
        word = words.popleft()
        if not word.startswith("-"):
            yield "--", [word]
            continue
        name, _, value = word.partition("=")
        if not word.startswith("--") and len(word) > 2:
            name, value = word[:2], word[2:]
        values = [value] if value else []
        while words and not words[0].startswith("-") and len(values) < (_VALUES | _CHOOSING).get(name, 0):
            values.append(words.popleft())
        yield name, values


def _at_once(plan: Plan, arguments: Sequence[str]) -> int | None:
    """Jobs that run side by side on this machine; None where a profile or an executor may send them elsewhere."""
    if {"--profile", "--executor", "-e"} & {name for name, _ in _options(arguments)}:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name, values in _options(arguments):
        if name in ("--cores", "-c", "--jobs", "-j") and values and values[0].isdigit():
            cores = int(values[0])
    return max(1, cores // plan.threads)


def log_of(workspace: Workspace) -> Path:
    """Where Snakemake's own output goes while there is a display."""
    return workspace.log("snakemake")


def started(command: Sequence[str], plan: Plan, content: Mapping[str, Any], arguments: Sequence[str]) -> int:
    """Start Snakemake, draw what it does until it ends, and return its exit status.

    Args:
        command: that starts it.
        content: the configuration that the plan was read from.
        arguments: of Snakemake, as the user gave them.
    """
    from rich.console import Console

    from dgmbench.commands.screen import names_of, watch

    workspace, console = Workspace(Path("results") / plan.preset), Console(stderr=True, highlight=False)
    log = log_of(workspace)
    with writing(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        output = log.open("wb")
    with output, _interrupts_noted() as interrupts:
        since = time.time()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        jobs = jobs_asked_for(plan, content, arguments)
        expected = of_jobs(plan, jobs or (), workspace.root.parent)
        pipeline = Pipeline(workspace, jobs, expected, since, _at_once(plan, arguments))

        told: list[float] = []

        def wait(seconds: float) -> bool:
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            if interrupts and not told:
                told.append(interrupts[0])
                console.print("stopping: the jobs at work keep what they have; the same command goes on from there")
            return process.returncode is not None

        seen = watch(pipeline, plan.preset, names_of(plan), wait, console)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if process.returncode and not seen.failed and not interrupts:
        lines = list(deque((line for line in lines if line.strip()), maxlen=15))
        print("\n".join(lines), file=sys.stderr)
    else:
        print("".join(f"{line}\n" for line in lines if line.startswith(_TOLD)), end="", file=sys.stderr)
    return process.returncode


def elsewhere(plan: Plan, content: Mapping[str, Any]) -> None:
    """Draw what the pipeline of a plan does that another terminal, or machine, has started, until it is over.

    Ctrl-C ends the display alone.

    Raises:
        UserError: there is no terminal to draw on.
    """
    from rich.console import Console

    from dgmbench.commands.screen import names_of, watch

    if not can_draw():
        raise UserError("--watch draws on a terminal, and here is none; without it a line per run is printed")
    workspace, since = Workspace(Path("results") / plan.preset), _since()
    every = [job for job in jobs_of(plan, content) if job.rule not in UNSEEN]
    to_do = set(to_start(every))
    done = Pipeline(workspace, every, {}, since).finished()
    jobs = [job for job in every if job in to_do or job in done]
    expected = of_jobs(plan, jobs, workspace.root.parent)
    pipeline = Pipeline(workspace, jobs, expected, since, before=len(every) - len(jobs))

    quiet = 0

    def wait(seconds: float) -> bool:
        nonlocal quiet
        time.sleep(seconds)
        seen = pipeline.look()
        quiet = 0 if seen.running or (_locks() and seen.done != seen.total) else quiet + 1
        return quiet >= _QUIET_LOOKS

    watch(pipeline, plan.preset, names_of(plan), wait, Console(stderr=True, highlight=False))
    print(f"{workspace.root}: {tally(states(plan, workspace))}; nothing is at work")


def _since() -> float:
    """When the pipeline of this folder began; now where there is none."""
    return min(_locks(), default=time.time())


def _locks() -> list[float]:
    """When Snakemake made its locks, which it has in a folder while it works there."""
    times = []
    for path in Path(".snakemake/locks").glob("*"):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return times


@contextmanager
def _interrupts_noted() -> Iterator[list[float]]:
    """Within the body, Ctrl-C ends nothing here: Snakemake and its jobs get it, too, and end.

    Yields:
        When it was pressed.
    """
    interrupts: list[float] = []
    before = signal.signal(signal.SIGINT, lambda *_: interrupts.append(time.time()))
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
