"""The display of a pipeline on a terminal: a few lines, drawn again about once a second; failures stand above them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dgmbench.commands.pipeline import Failed, Pipeline, Running, Seen
from dgmbench.commands.plan import duration
from dgmbench.commands.status import last_line
from dgmbench.errors import counted
from dgmbench.run.plan import Plan

WIDE = 110
"""Columns from which there is room for a step within a step, and for two values."""
_LOG_LINE = re.compile(r"^\d\d:\d\d:\d\d [A-Z]+ +")  # the time and the level before a message
_VERBS = {"tables": "tabulate", "page": "report"}
_WIDTHS = {"verb": 9, "name": 26, "left": 9}


def names_of(plan: Plan) -> dict[str, str]:
    """What people call the runs of a plan, by run id and training id: its task and seed where there are several."""
    runs = plan.whole
    several = len({run.seed for run in runs}) > 1
    tasks: dict[tuple[str, str], set[str]] = {}
    for run in runs:
        tasks.setdefault((run.dataset, run.model), set()).add(run.task)
    found = {}
    for run in runs:
        words = [run.task] if len(tasks[run.dataset, run.model]) > 1 else []
        name = " ".join([*words, run.dataset, run.model, *([f"seed {run.seed}"] if several else [])])
        found[run.training_id] = found[run.run_id] = name
    return found


def watch(
    pipeline: Pipeline, title: str, names: Mapping[str, str], wait: Callable[[float], bool], console: Console
) -> Seen:
    """Draw a pipeline until it is over, and return what was seen last; nothing of the display is left then.

    Args:
        title: of the first line.
        names: see `names_of`.
        wait: waits so many seconds at most; whether the pipeline is over.
    """
    told: set[Path] = set()
    with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
        while True:
            began = time.monotonic()
            seen = pipeline.look()
            for failed in seen.failed:
                if failed.log not in told:
                    told.add(failed.log)
                    console.print(Text(sentence(failed, names), style="red"), soft_wrap=True)
            lines = drawn(seen, title, names, pipeline, console.width, console.height)
            live.update(Text("\n").join(lines), refresh=True)
            # with thousands of jobs a look takes longer
            if wait(max(1.0, 10 * (time.monotonic() - began))):
                break
    return pipeline.look()


def sentence(failed: Failed, names: Mapping[str, str]) -> str:
    """What failed, why, and the log to read."""
    return f"failed: {_job(failed.rule, failed.of, names)}: {failed.why} ({failed.log})"


def drawn(
    seen: Seen, title: str, names: Mapping[str, str], pipeline: Pipeline, width: int, height: int
) -> Sequence[Text]:
    """The lines of the display, none longer than the terminal is wide."""
    lines = [Text(_first(seen, title, pipeline.since), style="bold")]
    room = max(1, height - 3)
    shown = seen.running if len(seen.running) <= room else seen.running[: room - 1]
    lines += [Text(_line(each, names, pipeline, width)) for each in shown]
    if len(shown) < len(seen.running):
        lines.append(Text(f"  and {len(seen.running) - len(shown)} more"))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def _first(seen: Seen, title: str, since: float) -> str:
    jobs = counted(seen.done, "job") if seen.total is None else f"{seen.done} of {counted(seen.total, 'job')}"
    words = [f"{jobs} done"]
    if seen.failed:
        words.append(f"{len(seen.failed)} failed")
    words.append(f"after {duration(time.time() - since)}")
    if seen.left:
        words.append(f"{'at least' if seen.unknown else 'about'} {duration(seen.left)} left")
    return f"{title}: {', '.join(words)}"


def _line(running: Running, names: Mapping[str, str], pipeline: Pipeline, width: int) -> str:
    """A job: what it does, how far it is, a value of its model, and what is left of it."""
    wide = width >= WIDE
    parts = running.trace.parts
    # all of them have a name of some length: the same columns for all lines
    verb = _fit(_VERBS.get(running.rule, running.rule), _WIDTHS["verb"])
    name = _fit(names.get(running.of, running.of or ""), _WIDTHS["name"] + 8 * wide)
    left = duration(running.left) if running.left else ""
    room = width - len(verb) - len(name) - _WIDTHS["left"] - 6
    if parts:
        middle = ", ".join(part.words for part in (parts if wide else parts[:1]))
        for value in [value for part in reversed(parts) for value in part.numbers][: 2 if wide else 1]:
            middle += f"  {value}" if len(middle) + 2 + len(value) <= room else ""
    else:
        log = pipeline.workspace.log(running.rule, running.of)
        # a download tells its bytes in its log alone
        said = _LOG_LINE.sub("", last_line(log)) if running.rule == "fetch" and log.is_file() else ""
        middle = said or f"started {duration(time.time() - running.trace.started)} ago"
    return f"  {verb} {name} {_fit(middle, room)} {left:>{_WIDTHS['left']}}".rstrip()


def _job(rule: str, of: str, names: Mapping[str, str]) -> str:
    return " ".join(filter(None, [_VERBS.get(rule, rule), names.get(of, of)]))


def _fit(text: str, room: int) -> str:
    room = max(1, room)
    return f"{text:{room}}" if len(text) <= room else f"{text[: room - 1]}…"
