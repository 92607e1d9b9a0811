"""A task of two metrics and three rows, with published numbers, and made-up records of its runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import Field

from dgmbench.commands import kept, recorded
from dgmbench.commands.tabulate import tabulate
from dgmbench.names import load_object
from dgmbench.report.cells import Cells, collect
from dgmbench.run.plan import Plan
from dgmbench.run.settings import Settings, evaluation_field
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Task
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks

TABLE = """
from dgmbench.report.curves import curve_figure
from dgmbench.report.table import Metric, MetricTable

class Table(MetricTable):
    def figures(self, cells, workspace):
        curves = curve_figure(cells, "loss", "training loss", "The loss after each epoch.", workspace)
        return super().figures(cells, workspace) + curves

TABLE = Table((
    Metric("error", "error rate", unit="%", digits=1, higher_is_better=False, per_example="wrong"),
    Metric("score", digits=2),
))
"""
PUBLISHED = """place,entrant,error,source
here,plain,12.0,"A paper; table 1"
here,variant,,"A paper; table 1"
there,plain,5.5,"A paper; table 1"
"""
ROWS = {
    "plain": Row("a:B", "the plain one"),
    "variant": Row("a:B", "plain with more", variant_of="plain", compared_with=("rival", "plain")),
    "rival": Row("a:B", "another", compared_with=("plain",)),
}


class ToySettings(Settings):
    epochs: int = Field(4, ge=1)
    train_limit: int = Field(0, ge=0)
    test_limit: int = evaluation_field(0, ge=0)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterable[Task]:
    """The task; its package lies in a temporary folder."""
    folder = tmp_path_factory.mktemp("packages")
    package = folder / "toy_report_task"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "table.py").write_text(TABLE)
    (package / "published.csv").write_text(PUBLISHED)
    sys.path.insert(0, str(folder))
    yield Task(
        name="toy",
        title="Toys",
        about="error and score of toys",
        package="toy_report_task",
        kind="images",
        settings=ToySettings,
        rows=ROWS,
        train="a:b",
        evaluate="a:b",
        check="a:b",
        table="toy_report_task.table:TABLE",
        dataset_word="place",
        datasets_word="places",
        row_word="entrant",
        rows_word="entrants",
        examples="toys",
    )
    sys.path.remove(str(folder))


@pytest.fixture
def known_toy(toy: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task is one of those that there are, for what reads records without a plan."""
    tasks = {**all_tasks(), toy.name: toy}
    monkeypatch.setattr(kept, "all_tasks", lambda: tasks)
    monkeypatch.setattr(recorded, "find_task", tasks.__getitem__)


@pytest.fixture(scope="session")
def plan_of(toy: Task) -> Callable[..., Plan]:
    """A function that plans every row on every dataset."""

    def make(
        seeds: Iterable[int] = (0,),
        datasets: Iterable[str] = ("here", "there"),
        models: Iterable[str] = tuple(ROWS),
        **settings: Any,
    ) -> Plan:
        runs = [
            RunSpec("toy", dataset, model, ToySettings(**settings), seed)
            for dataset in datasets
            for model in models
            for seed in seeds
        ]
        return Plan("trial", {"toy": toy}, tuple(runs))

    return make


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "trial")


@pytest.fixture(scope="session")
def write(write_run: Callable[..., None]) -> Callable[..., None]:
    """A function that leaves a finished run with these errors by example."""

    def write_toy(
        spec: RunSpec, workspace: Workspace, wrong: Any, score: float = 0.5, words: Any = (), **more: Any
    ) -> None:
        wrong = np.asarray(wrong, dtype=float)
        error = float(wrong.mean()) if np.isfinite(wrong).all() else None
        curve = "epoch,loss,learning_rate,seconds\n" + "".join(
            f"{epoch},{2.5 / epoch},0.001,{1.5 * epoch}\n" for epoch in range(1, spec.settings.epochs + 1)
        )
        metrics = {"error": error, "score": score, **dict(words)}
        write_run(spec, workspace, metrics, {"wrong": wrong}, curve=curve, **more)

    return write_toy


@pytest.fixture(scope="session")
def cells_of(toy: Task) -> Callable[[Plan, Workspace], Cells]:
    return lambda plan, workspace: collect(plan, workspace, toy, load_object(toy.table).problem)


@pytest.fixture(scope="session")
def whole(
    tmp_path_factory: pytest.TempPathFactory, plan_of: Callable[..., Plan], write: Callable[..., None]
) -> tuple[Plan, Workspace]:
    """Records for every run of two seeds, tabulated once; read only."""
    plan, place = plan_of(seeds=(0, 1)), Workspace(tmp_path_factory.mktemp("whole") / "trial")
    rng = np.random.default_rng(7)
    for number, spec in enumerate(plan.runs):
        write(spec, place, 100.0 * (rng.random(200) < 0.1 + 0.02 * number), 0.125 * number)
    tabulate(plan, place)
    return plan, place


@pytest.fixture
def no_figures(toy: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables without figures, which take most of the time."""
    monkeypatch.setattr(type(load_object(toy.table)), "figures", lambda *_: [])


@pytest.fixture(scope="session")
def undrawn(
    tmp_path_factory: pytest.TempPathFactory, plan_of: Callable[..., Plan], write: Callable[..., None], toy: Task
) -> Path:
    """The folder of twelve runs of two seeds, tabulated without figures; read only."""
    plan, place = plan_of(seeds=(0, 1)), Workspace(tmp_path_factory.mktemp("undrawn") / "trial")
    rng = np.random.default_rng(8)
    for number, spec in enumerate(plan.runs):
        write(spec, place, 100.0 * (rng.random(200) < 0.1 + 0.02 * number), 0.125 * number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(load_object(toy.table)), "figures", lambda *_: [])
        tabulate(plan, place)
    return place.root
