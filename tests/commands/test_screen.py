"""How a pipeline is drawn: a few lines that fit, what a reader looks for, each failure once."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from dgmbench.commands import screen
from dgmbench.commands.pipeline import Failed, Pipeline, Running, Seen
from dgmbench.run.trace import Part, Trace
from dgmbench.run.workspace import Workspace
from tests.commands.pipelines import planned


def some(rule: str = "train", of: str = "x", left: float | None = 240.0, parts: int = 1) -> Running:
    values = {"bound_nats": -91.25, "kl": 3.0}
    steps = [Part("what is counted", 3, 12, 0, 1.0, 2.0, values) for _ in range(parts)]
    return Running(rule, of, Trace(Path("x.json"), time.time(), steps), left)


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
@pytest.mark.parametrize("height", [4, 10, 24])
def test_no_line_is_longer_than_the_terminal_and_there_are_few(width: int, height: int, workspace: Workspace) -> None:
    names = {"x": "density a-dataset-with-a-long-name a-model-with-a-very-long-name seed 12"}
    running = [some(), some(parts=2), some("analysis", "y", None, 0), *[some(left=None)] * 20]
    seen = Seen(7, 20, running, [], 900.0, 1)
    lines = screen.drawn(seen, "p", names, Pipeline(workspace, [], {}, time.time()), width, height)
    assert all(len(line.plain) <= width for line in lines) and len(lines) <= height - 1
    if height == 24:
        assert lines[-1].plain.strip().startswith("and 3 more")


def test_the_lines_say_what_a_reader_looks_for(workspace: Workspace) -> None:
    pipeline = Pipeline(workspace, [], {}, time.time() - 600)
    first, line, other = screen.drawn(
        Seen(7, 20, [some(), some("page", "", None, 0)], [Failed("train", "x", "it broke", Path("x.log"))], 900.0, 0),
        "smoke", {"x": "mnist vae"}, pipeline, 120, 24,
    )  # fmt: skip
    assert first.plain == "smoke: 7 of 20 jobs done, 1 failed, after 10 min, about 15 min left"
    assert " ".join(line.plain.split()) == "train mnist vae what is counted 3/12 bound nats -91.25 kl 3 4 min"
    assert " ".join(other.plain.split()) == "report started 1 s ago"
    (first,) = screen.drawn(Seen(1, None, [], [], None, 0), "p", {}, pipeline, 80, 24)
    assert first.plain == "p: 1 job done, after 10 min"
    (first,) = screen.drawn(Seen(1, 3, [], [], 60.0, 2), "p", {}, pipeline, 80, 24)
    assert first.plain == "p: 1 of 3 jobs done, after 10 min, at least 60 s left"


def test_runs_are_named_by_what_tells_them_apart(workspace: Workspace) -> None:
    plan, _ = planned()
    run = plan.runs[0]
    assert screen.names_of(plan)[run.run_id] == screen.names_of(plan)[run.training_id] == "mnist vae"
    Path("c.yaml").write_text("density: {datasets: [ocr-letters], models: [vae]}\nseeds: [0, 1]\n"
                              "generation: {datasets: [ocr-letters], models: [vae]}\n")  # fmt: skip
    plan, _ = planned()
    found = {screen.names_of(plan)[run.run_id] for run in plan.runs}
    assert {"density ocr-letters vae seed 1", "generation ocr-letters vae seed 0"} <= found


def test_failures_stand_above_the_display_once(workspace: Workspace, leave: Callable[..., Trace]) -> None:
    plan, jobs = planned()
    leave(jobs["train", "vae"], 5, "failed", "it broke [bold]here[/]")
    looks = iter([False, False, True])
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=24, color_system=None)
    pipeline = Pipeline(workspace, list(jobs.values()), {}, time.time() - 60)
    screen.watch(pipeline, "p", screen.names_of(plan), lambda _: next(looks), console)
    assert out.getvalue().count("failed: train mnist vae: it broke [bold]here[/] (results/p/logs/train/") == 1
    assert out.getvalue().count("p: 0 of 7 jobs done, 1 failed") >= 3
