"""A pipeline that is watched: what is at work, done, failed and left, how it is drawn, and when."""

from __future__ import annotations

import dataclasses
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from rich.console import Console

from dgmbench import cli
from dgmbench.commands import screen, watching
from dgmbench.commands.at_work import keep, kind_of_job
from dgmbench.commands.estimates import Estimate, of_jobs
from dgmbench.commands.jobs import Job, jobs_of
from dgmbench.commands.pipeline import UNSEEN, Failed, Pipeline, Running, Seen
from dgmbench.commands.status import states
from dgmbench.run import provenance, timings
from dgmbench.run.config import plan_of
from dgmbench.run.config_files import read_files
from dgmbench.run.plan import Plan
from dgmbench.run.progress import Step
from dgmbench.run.trace import Part, Trace, traced
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks

CONFIG = """
preset: p
tracking: false
density: {datasets: {mnist: {epochs: 8}}, models: [vae, iwae-5]}
"""
RULES = ("train", "evaluate")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)
    return Workspace(Path("results/p"))


def planned() -> tuple[Plan, dict[tuple[str, str], Job]]:
    """The plan, and its jobs by rule and model, or rule alone."""
    configuration = read_files([Path("c.yaml")])
    plan = plan_of(configuration, all_tasks())
    models = {name: run.model for run in plan.runs for name in (run.run_id, run.training_id)}
    jobs = jobs_of(plan, configuration.content)
    return plan, {(job.rule, models.get(job.of, "")): job for job in jobs if job.rule not in UNSEEN}


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


def test_it_tells_what_is_done_at_work_failed_and_left(workspace: Workspace, leave: Callable[..., Trace]) -> None:
    _, jobs = planned()
    expected = {job: Estimate(10.0) for job in jobs.values()}
    pipeline = Pipeline(workspace, list(jobs.values()), expected, time.time() - 100, at_once=1)
    seen = pipeline.look()
    assert (seen.done, seen.total, seen.running, seen.failed, seen.unknown) == (0, 7, [], [], 0)
    assert seen.left == pytest.approx(70)

    leave(jobs["fetch", ""], 20, "finished")
    leave(jobs["train", "vae"], 4)
    seen = pipeline.look()
    assert [(each.rule, each.of) for each in seen.running] == [("train", jobs["train", "vae"].of)]
    assert seen.done == 1 and seen.running[0].left == pytest.approx(6, abs=0.5)
    # a job took twice the time: that counts as much as it weighs beside a minute as expected
    pace = (60 + 20) / (60 + 10)
    assert seen.left == pytest.approx(6 + 50 * pace, abs=1)

    leave(jobs["train", "iwae-5"], 9, "failed", "out of memory")
    seen = pipeline.look()
    (failed,) = seen.failed
    assert (failed.rule, failed.why) == ("train", "out of memory")
    assert failed.log == workspace.log("train", jobs["train", "iwae-5"].of)
    assert seen.left == pytest.approx(6 + 10 * pace, abs=1), "nothing that needs what failed is started"


def test_one_that_was_killed_has_failed(workspace: Workspace, leave: Callable[..., Trace]) -> None:
    _, jobs = planned()
    leave(jobs["train", "vae"], 5, killed=True)
    seen = Pipeline(workspace, list(jobs.values()), {}, time.time() - 10).look()
    assert [failed.why for failed in seen.failed] == ["its process was killed"] and seen.left is None
    assert Pipeline(workspace, list(jobs.values()), {}, time.time() - 2).look().failed == [], "that was before"


def test_what_is_interrupted_has_not_failed_and_nothing_is_left(
    workspace: Workspace, leave: Callable[..., Trace]
) -> None:
    _, jobs = planned()
    leave(jobs["train", "vae"], 5, "interrupted")
    expected = {job: Estimate(10.0) for job in jobs.values()}
    seen = Pipeline(workspace, list(jobs.values()), expected, time.time() - 10).look()
    assert (seen.failed, seen.left) == ([], None)


def test_earlier_traces_do_not_count_but_what_is_at_work_does(
    workspace: Workspace, leave: Callable[..., Trace]
) -> None:
    _, jobs = planned()
    leave(jobs["fetch", ""], 50, "finished")
    leave(jobs["train", "vae"], 50)
    seen = Pipeline(workspace, list(jobs.values()), {}, time.time() + 1, before=3).look()
    assert (seen.done, seen.total, len(seen.running)) == (3, 3 + len(jobs), 1)
    assert Pipeline(workspace, None, {}, time.time() - 60).look().total is None


@pytest.mark.parametrize(
    ("step", "seconds", "after", "left"),
    [
        (None, 10, {}, 90),
        (Step("epoch", 2, 8, {}), 10, {}, 90),  # heard of once: its pace is not known
        (None, 150, {}, 0),
        (Step("epoch", 8, 8, {}), 10, {"epoch": 30.0}, 90),
    ],
)
def test_what_is_left_of_a_job(
    step: Step | None, seconds: float, after: dict[str, float], left: float, workspace: Workspace, leave: Any
) -> None:
    _, jobs = planned()
    job = jobs["train", "vae"]
    trace = leave(job, seconds)
    if step:
        trace(step)
    (running,) = Pipeline(workspace, [job], {job: Estimate(100.0, 0.0, after)}, 0.0).look().running
    assert running.left == pytest.approx(left, abs=1)


def test_the_pace_of_a_step_and_what_comes_after_it_decide(
    workspace: Workspace, leave: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, jobs = planned()
    job, now = jobs["train", "vae"], time.time()
    trace = leave(job, 0)
    trace.parts = [Part("epoch", 2, 8, 0, now - 10, now)]
    trace.write()
    for after, left in (({"epoch": 7.0}, 37), ({}, 100)):
        (running,) = Pipeline(workspace, [job], {job: Estimate(100.0, 0.0, after)}, 0.0).look().running
        assert running.left == pytest.approx(left, abs=1)
    (running,) = Pipeline(workspace, [job], {}, 0.0).look().running
    assert running.left == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("epochs", "seconds"), [(8, 30), (16, 50), (4, 20), (800, 10 + 20 * 100)]
)  # ten of the thirty are the start
def test_another_results_folder_has_estimates_from_the_cache(epochs: int, seconds: float, workspace: Workspace) -> None:
    plan, jobs = planned()
    (run, _) = plan.runs
    trace = Trace(Path("a.json"), time.time() - 30, phases={"epoch": 28.0})
    record = {"finished": "2099-01-01T00:00:00+00:00", "seconds": 20.0, "peak_memory_mb": 700.0}
    keep(trace, run, "training", record | {"host": provenance.host()})
    keep(trace, run, "training", record | {"finished": "2001-01-01T00:00:00+00:00", "host": provenance.host()})
    timings.note(kind_of_job("tables", "density"), {"host": provenance.host(), "seconds": 4.0})
    timings.note(kind_of_job("page", "p"), {"host": {"processor": "another"}, "seconds": 5.0})
    settings = run.settings.model_copy(update={"epochs": epochs})
    asked = dataclasses.replace(plan, runs=(dataclasses.replace(run, settings=settings, seed=3),))
    training = dataclasses.replace(jobs["train", "vae"], of=asked.runs[0].training_id)
    found = of_jobs(asked, [training, jobs["tables", ""], jobs["page", ""]], Path("results"))
    assert found[training].seconds == pytest.approx(seconds, abs=0.5)
    assert found[training].after["epoch"] == pytest.approx(2, abs=0.5)
    assert found[jobs["tables", ""]].seconds == 4.0 and jobs["page", ""] not in found


def test_status_says_how_far_a_run_is(workspace: Workspace, leave: Callable[..., Trace]) -> None:
    plan, jobs = planned()
    trace = leave(jobs["train", "vae"], 4)
    trace(Step("epoch", 2, 8, {"loss": 101.25, "kl": 3.0}))
    workspace.state(plan.runs[0]).mkdir(parents=True)
    with FileLock(workspace.state(plan.runs[0]) / "lock"):
        state = states(plan, workspace)[0]
    log = workspace.log("train", plan.runs[0].training_id)
    assert (state.word, state.detail) == ("training", f"epoch 2/8  loss 101.2  kl 3 ({log})")


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


@pytest.mark.parametrize(
    ("arguments", "draws", "chosen", "at_once"),
    [
        ("", True, False, None),
        ("--cores 1", True, False, 1),
        ("--cores=3 --keep-going", True, False, 3),
        ("-c2 -k", True, False, 2),
        ("-j 4 --resources gpu=0 mem_mb=9", True, False, 4),
        ("density", True, True, None),
        ("density --cores 1", True, True, 1),
        ("--cores 1 density", True, True, 1),
        ("--forceall", True, True, None),
        ("-n", False, False, None),
        ("-np", False, False, None),
        ("--dry-run", False, False, None),
        ("--unlock", False, False, None),
        ("--lint", False, False, None),
        ("--report r.html", False, True, None),
        ("--cores 1 --verbose", False, False, 1),
    ],
)
def test_there_is_a_display_where_results_are_asked_for(
    arguments: str, draws: bool, chosen: bool, at_once: int | None, workspace: Workspace, monkeypatch: Any
) -> None:
    plan, words = planned()[0], arguments.split()
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert watching.can_draw(words) == draws
    assert watching.chooses(words) == chosen
    assert at_once is None or watching._at_once(plan, words) == at_once
    monkeypatch.setenv("TERM", "dumb")
    assert not watching.can_draw(words)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert not watching.can_draw(words)


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


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("print('quiet')", 0, ""),
        ("print('first'); print('the last words'); raise SystemExit(4)", 4, "first\nthe last words\n"),
        ("print('MLflow was not updated: it is away')", 0, "MLflow was not updated: it is away\n"),
        ("import sys; print(chr(233) * 3); sys.stdout.buffer.write(bytes([255]))", 0, ""),
        ("import sys; sys.exit('dgmbench: error: no')", 1, "dgmbench: error: no\n"),
    ],
)
def test_what_only_snakemake_says_is_not_lost(
    code: str, status: int, said: str, workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    configuration = read_files([Path("c.yaml")])
    plan = plan_of(configuration, all_tasks())
    assert watching.started([sys.executable, "-c", code], plan, configuration.content, ["density"]) == status
    assert capfd.readouterr().err.replace("\n\n", "\n").lstrip().endswith(said)
    assert workspace.log("snakemake").is_file()


def test_an_interrupt_is_one_line_and_waits_for_snakemake(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a terminal Ctrl-C reaches both; here the child sends it, and ends when it has done so."""
    configuration = read_files([Path("c.yaml")])
    plan = plan_of(configuration, all_tasks())
    send = f"os.kill({os.getpid()}, {int(signal.SIGINT)}); time.sleep(0.3)"
    code = f"import os, time; {send}; {send}; print('its last words'); raise SystemExit(1)"
    before = signal.getsignal(signal.SIGINT)
    assert watching.started([sys.executable, "-c", code], plan, configuration.content, ["density"]) == 1
    said = capfd.readouterr().err
    assert said.count("stopping: the jobs at work keep what they have") == 1 and "its last words" not in said
    assert signal.getsignal(signal.SIGINT) == before


def test_watching_needs_a_terminal(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.app(["status", "--config", "c.yaml", "--watch"], prog_name="dgmbench")
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("dgmbench: error: --watch draws on a terminal, and here is none")
