"""Runs that take the trained model of another run, and evaluations that need one trained."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest

from dgmbench.commands.arguments import parse_run
from dgmbench.commands.jobs import jobs_of
from dgmbench.errors import UserError
from dgmbench.run import stages
from dgmbench.run.config import read_plan
from dgmbench.run.fingerprint import executed
from dgmbench.run.needs import needed, sources_first
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Source
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks
from tests.run.toy import ToySettings, spec_of, toy_task

TAKING = """
from pathlib import Path
from tests.run.toy import toy_task
from dgmbench.run.task import Evaluation, Training

SEEN = []

def load(spec, row, folder):
    return (spec.training_id, (Path(folder) / "mean.json").read_text())

OTHER = toy_task(load="taking:load")

def train(job):
    SEEN.append([each.model() for each in job.before])
    (job.folder / "out.txt").parent.mkdir(parents=True, exist_ok=True)
    (job.folder / "out.txt").write_text("x")
    return Training({})

def evaluate(job, training):
    SEEN.append([each.record["training_id"] for each in job.before])
    return Evaluation({"mean": 0.0}, 0.1)
"""


def judge(spec: RunSpec) -> tuple[RunSpec, ...]:
    return (RunSpec("taker", spec.dataset, "judge", ToySettings()),)


def taker(**changes: Any) -> Any:
    rows = {
        "taken": Row("toy_module:Mean", "takes one", takes=Source("taking:OTHER", "mean")),
        "judge": Row("toy_module:Mean", "needed by evaluations", in_table=False),
    }
    given = {"name": "taker", "rows": rows, "train": "taking:train", "evaluate": "taking:evaluate"} | changes
    return toy_task(**given)


@pytest.fixture
def two(calls: list[str], tmp_path: Path) -> Any:
    """The module of the task that takes, beside the toy task's; the runs, and where their products are."""
    import sys

    (tmp_path / "taking.py").write_text(TAKING)
    sys.modules.pop("taking", None)
    source = spec_of()
    taken = dataclasses.replace(spec_of(), task="taker", model="taken", source=source)
    yield source, taken, Workspace(tmp_path / "results")
    sys.modules.pop("taking", None)


def test_a_training_reads_what_its_source_left(two: Any) -> None:
    source, taken, workspace = two
    import taking  # type: ignore[import-not-found]

    with pytest.raises(UserError, match=r"is not trained: .*train it first: dgmbench train toy") as caught:
        stages.train(taker(), taken, workspace)
    assert "\n" not in str(caught.value)
    stages.train(taking.OTHER, source, workspace)
    first = stages.train(taker(), taken, workspace)
    ((identity, content),) = taking.SEEN[-1]
    assert identity == source.training_id and '"mean": 0.5' in content
    stages.train(taker(), taken, workspace)
    assert len(taking.SEEN) == 1, "it is finished"
    # the source trained anew is another source
    record = workspace.trained(source) / "training.json"
    record.write_text(record.read_text().replace('"finished": "', '"finished": "9'))
    second = stages.train(taker(), taken, workspace)
    assert len(taking.SEEN) == 2 and second["fingerprint"] != first["fingerprint"]
    (workspace.trained(source) / "mean.json").unlink()
    with pytest.raises(UserError, match="is damaged"):
        stages.train(taker(), taken, workspace)


def test_an_evaluation_needs_what_judges_it_trained(two: Any) -> None:
    source, taken, workspace = two
    import taking

    task = taker(judged_by=judge)
    stages.train(taking.OTHER, source, workspace)
    stages.train(task, taken, workspace)
    with pytest.raises(UserError, match=r"judge\.s0\.\w+ is not trained"):
        stages.evaluate(task, taken, workspace)
    stages.train(task, judge(taken)[0], workspace)
    record = stages.evaluate(task, taken, workspace)
    assert taking.SEEN[-1] == [judge(taken)[0].training_id]
    assert record["spec"]["source"] == source.canonical("training")


def test_the_code_of_a_training_has_that_of_its_source(two: Any) -> None:
    _, taken, _ = two
    assert "taking" in executed(taker(), taken, "training")
    assert {each.spec.training_id for each in needed(taker(), taken, "training")} == {taken.source.training_id}
    assert needed(taker(), taken, "evaluation") == ()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"seed": 1}, False),
        ({"settings": ToySettings(width=2)}, False),
        ({"options": {"a": 1}}, False),
        ({"dataset": "other"}, False),
        ({"settings": ToySettings(k=9)}, True),  # of its evaluation nothing depends
    ],
)
def test_another_source_is_another_run(change: dict[str, Any], same: bool) -> None:
    run = dataclasses.replace(spec_of(), source=spec_of())
    other = dataclasses.replace(run, source=dataclasses.replace(spec_of(), **change))
    assert (run.run_id == other.run_id, run.training_id == other.training_id) == (same, same)
    assert spec_of().run_id != run.run_id
    assert "source" not in spec_of().to_dict()


CONFIG: dict[str, Any] = {
    "density": {"datasets": {"ocr-letters": {"epochs": 3, "k": 7}}, "models": ["vae", "iwae-50"]},
    "generation": {"datasets": ["ocr-letters"], "models": ["noise", "vae", "iwae-50"]},
    "seeds": [0, 3],
}


def test_a_plan_gives_each_run_its_source() -> None:
    plan = read_plan(CONFIG, all_tasks())
    taken = [run for run in plan.of("generation") if run.source]
    assert [(run.model, run.seed) for run in taken] == [("vae", 0), ("vae", 3), ("iwae-50", 0), ("iwae-50", 3)]
    for run in taken:
        assert run.source in plan.of("density")
        assert (run.source.model, run.source.seed) == (run.model, run.seed)
        assert run.source.settings.departures()["epochs"] == 3
    (part,) = plan.parts
    assert part.model == "classifier" and part not in plan.runs
    order = sources_first((*plan.runs, *plan.parts))
    assert all(order.index(run.source) < order.index(run) for run in taken if run.source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"density": False}, "generation.models.vae: it takes the trained model of vae on ocr-letters, seed 0"),
        (
            {"density": {"datasets": ["mnist"], "models": ["vae"]}},
            "on ocr-letters, seed 0, which the configuration does",
        ),
        ({"density": {"datasets": ["ocr-letters"], "models": ["iwae-50"]}}, "ask for it under density.models"),
        ({"generation": {**CONFIG["generation"], "seeds": [7]}}, "seed 7"),
        ({"generation": {**CONFIG["generation"], "models": ["classifier"]}}, "classifier is no row of the table"),
    ],
)
def test_a_source_that_is_not_planned_is_said(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_plan(CONFIG | change, all_tasks())
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("index", range(4))
def test_the_arguments_of_a_run_name_its_source(index: int) -> None:
    run = [run for run in read_plan(CONFIG, all_tasks()).of("generation") if run.source][index]
    words = shlex.split(run.to_arguments("training"))
    given = dict(zip(words[3::2], words[4::2], strict=True))
    settings = [value for key, value in zip(words[3::2], words[4::2], strict=True) if key == "--set"]
    again = parse_run(*words[:3], int(given["--seed"]), "", settings, [], given["--source"])
    assert again.training_id == run.training_id


@pytest.mark.parametrize(
    ("model", "source", "message"),
    [
        ("noise", "density ocr-letters vae", "noise takes no trained model"),
        ("vae", "density ocr-letters", "write TASK DATASET MODEL"),
        ("vae", "density ocr-letters vae --set", "write TASK DATASET MODEL"),
        ("vae", "density ocr-letters vae --results x", "write TASK DATASET MODEL"),
        ("vae", "density ocr-letters iwae-50", "it takes the trained model of density DATASET vae"),
        ("vae", "density ocr-letters vae --seed x", "is no whole number"),
        ("vae", "density ocr-letters vae --set epoch=3", "unknown setting"),
    ],
)
def test_mistakes_in_a_source_are_said(model: str, source: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_run("generation", "ocr-letters", model, 0, "", [], [], source)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_without_a_source_it_is_the_one_of_the_published_settings() -> None:
    run = parse_run("generation", "ocr-letters", "vae", 5, "", [], [])
    assert run.source == parse_run("density", "ocr-letters", "vae", 5, "", [], [])


def test_the_jobs_know_what_is_trained_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = read_plan(CONFIG | {"seeds": [0]}, all_tasks())
    jobs = {(job.rule, job.of): job for job in jobs_of(plan, CONFIG)}
    (taken,) = (run for run in plan.of("generation") if run.model == "vae")
    assert taken.source
    assert f"results/default/trained/{taken.source.training_id}" in jobs["train", taken.training_id].inputs
    (part,) = plan.parts
    assert ("train", part.training_id) in jobs and ("evaluate", part.run_id) not in jobs
    for run in plan.of("generation"):
        assert f"results/default/trained/{part.training_id}" in jobs["evaluate", run.run_id].inputs
