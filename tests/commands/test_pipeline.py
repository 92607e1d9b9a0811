"""A pipeline that is looked at: what is at work, done, failed and left."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from dgmbench.commands.at_work import keep, kind_of_job
from dgmbench.commands.estimates import Estimate, of_jobs
from dgmbench.commands.pipeline import Pipeline
from dgmbench.commands.status import states
from dgmbench.run import provenance, timings
from dgmbench.run.progress import Step
from dgmbench.run.trace import Part, Phase, Trace
from dgmbench.run.workspace import Workspace
from tests.commands.pipelines import planned


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
    assert seen.done == 1 and seen.running[0].left == pytest.approx(6)
    # a job took twice the time: that counts as much as it weighs beside a minute as expected
    pace = (60 + 20) / (60 + 10)
    assert seen.left == pytest.approx(6 + 50 * pace)

    leave(jobs["train", "iwae-5"], 9, "failed", "out of memory")
    seen = pipeline.look()
    (failed,) = seen.failed
    assert (failed.rule, failed.why) == ("train", "out of memory")
    assert failed.log == workspace.log("train", jobs["train", "iwae-5"].of)
    assert seen.left == pytest.approx(6 + 10 * pace), "nothing that needs what failed is started"


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
    assert running.left == pytest.approx(left)


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
        assert running.left == pytest.approx(left)
    (running,) = Pipeline(workspace, [job], {}, 0.0).look().running
    assert running.left == pytest.approx(30)


@pytest.mark.parametrize(
    ("epochs", "seconds", "resumed", "phase"),
    [
        *((epochs, 10 + 20 * epochs / 8, 0.0, Phase(28.0)) for epochs in (4, 8, 16, 800)),  # ten are the start
        (8, 130, 100.0, Phase(28.0)),
        (16, 250, 100.0, Phase(28.0)),
        (8, 12 + 34, 40.0, Phase(28.0, moving=16.0, timed=4, parts=8)),  # eight at the pace of four, and two after them
    ],
)
def test_another_results_folder_has_estimates_from_the_cache(
    epochs: int, seconds: float, resumed: float, phase: Phase, workspace: Workspace
) -> None:
    plan, jobs = planned()
    (run, _) = plan.runs
    trace = Trace(Path("a.json"), time.time() - 30, phases={"epoch": phase})
    times = {"seconds": 20.0} if not resumed else {"seconds": 20.0 + resumed, "resumed_after_seconds": resumed}
    record = {"finished": "2099-01-01T00:00:00+00:00", "peak_memory_mb": 700.0, **times}
    keep(trace, run, "training", record | {"host": provenance.host()})
    keep(trace, run, "training", record | {"finished": "2001-01-01T00:00:00+00:00", "host": provenance.host()})
    timings.note(kind_of_job("tables", "density"), {"host": provenance.host(), "seconds": 4.0})
    timings.note(kind_of_job("page", "p"), {"host": {"processor": "another"}, "seconds": 5.0})
    settings = run.settings.model_copy(update={"epochs": epochs})
    asked = dataclasses.replace(plan, runs=(dataclasses.replace(run, settings=settings, seed=3),))
    training = dataclasses.replace(jobs["train", "vae"], of=asked.runs[0].training_id)
    found = of_jobs(asked, [training, jobs["tables", ""], jobs["page", ""]], Path("results"))
    assert found[training].seconds == pytest.approx(seconds)
    assert found[training].after["epoch"] == pytest.approx(2)
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
