"""Data that cannot be loaded any more: the tables say so, and show no results of earlier data in their place."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dgmbench.commands.fetch import fetch
from dgmbench.errors import UserError
from dgmbench.names import file_name
from dgmbench.report.cells import Run, collect
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace

FINISHED = "2026-01-02T03:14:05+00:00"  # of the made-up records
FILE, FUNCTION, VECTORS = "file:reviews.csv", "my_data:make", "my_vectors.txt"
TEXTS = "text,label\n" + "cat,a\ndog,b\n" * 5


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DGMBENCH_CACHE", str(tmp_path / "cache"))
    yield tmp_path


def marker(workspace: Workspace, name: str) -> Path:
    return workspace.root / "data" / f"{file_name(name)}.json"


def runs(plan: Plan, workspace: Workspace) -> list[Run]:
    (task,) = plan.tasks.values()
    return [run for cell in collect(plan, workspace, task, lambda record, arrays: "") for run in cell.runs]


def reading(plan: Plan, name: str) -> Plan:
    """The plan, its runs reading a further dataset."""
    tasks = {key: replace(task, reads=lambda spec: (spec.dataset, name)) for key, task in plan.tasks.items()}
    return replace(plan, tasks=tasks)


def broken() -> None:
    raise ValueError("no such\ntable")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (FILE, None, "file:reviews.csv: no file or folder reviews.csv"),
        (FILE, "text,label\nx,a\ny\n", "reviews.csv, line 3 has no 'label'"),
        (FUNCTION, broken, "my_data:make raised ValueError: no such table"),
        (FUNCTION, 3, "my_data:make is no function but of type int"),
        (VECTORS, "a 1 2\nb 3\nc 4 5\n", "my_vectors.txt, line 2 has 1 number"),
        (VECTORS, None, "my_vectors.txt: no file my_vectors.txt"),
    ],
)
def test_a_run_whose_data_cannot_be_loaded_any_more_has_failed(
    name: str,
    content: Any,
    said: str,
    here: Path,
    plan_of: Callable[..., Plan],
    write: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan, workspace = reading(plan_of(), name), Workspace(here / "results")
    write(plan.runs[0], workspace, [0, 100])
    assert runs(plan, workspace)[0].status == "ok"
    if name == FUNCTION:
        monkeypatch.setitem(sys.modules, "my_data", SimpleNamespace(make=content))
    elif content is not None:
        (here / name.removeprefix("file:")).write_text(content)
    with pytest.raises(UserError):
        fetch(name, marker(workspace, name))
    for run in runs(plan, workspace):
        assert (run.status, run.record) == ("failed", {})
        assert re.match(f"data: .*{said}", run.reason) and "\n" not in run.reason


def test_data_that_load_again_are_no_failure(
    here: Path, plan_of: Callable[..., Plan], write: Callable[..., None]
) -> None:
    plan, workspace = reading(plan_of(), FILE), Workspace(here / "results")
    write(plan.runs[0], workspace, [0, 100])
    for _ in range(2):
        with pytest.raises(UserError):
            fetch(FILE, marker(workspace, FILE))
        assert runs(plan, workspace)[0].status == "failed"
        (here / "reviews.csv").write_text(TEXTS)
        fetch(FILE, marker(workspace, FILE))
        assert runs(plan, workspace)[0].status == "ok"
        assert [path.name for path in (workspace.root / "data").iterdir()] == [marker(workspace, FILE).name]
        (here / "reviews.csv").unlink()


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2025-12-31T23:59:59+00:00", "ok"),
        ("2026-01-02T03:14:04+00:00", "ok"),
        (FINISHED, "failed"),
        ("2026-01-02T03:14:06+00:00", "failed"),
        ("2027-01-01T00:00:00+00:00", "failed"),
    ],
)
def test_what_was_measured_since_counts(
    at: str,
    status: str,
    here: Path,
    plan_of: Callable[..., Plan],
    write: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dgmbench.commands.fetch.now", lambda: at)
    plan, workspace = reading(plan_of(), FILE), Workspace(here / "results")
    write(plan.runs[0], workspace, [0, 100])
    with pytest.raises(UserError):
        fetch(FILE, marker(workspace, FILE))
    assert runs(plan, workspace)[0].status == status


def test_other_runs_and_other_data_are_as_they_were(
    here: Path, plan_of: Callable[..., Plan], write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, workspace = reading(plan_of(), FUNCTION), Workspace(here / "results")
    write(plan.runs[0], workspace, [0, 100])
    with pytest.raises(UserError):
        fetch(FILE, marker(workspace, FILE))
    with pytest.raises(UserError):
        fetch(FUNCTION)  # without a marker nothing is noted
    assert runs(plan, workspace)[0].status == "ok"

    def refused(*_: Any, **__: Any) -> None:
        raise UserError("no network")

    # a built-in dataset is the same one whenever it is fetched
    monkeypatch.setattr("dgmbench.commands.fetch.stored", refused)
    with pytest.raises(UserError):
        fetch("mnist", marker(workspace, "mnist"))
    assert runs(reading(plan, "mnist"), workspace)[0].status == "ok"
    assert [json.loads(path.read_text())["name"] for path in (workspace.root / "data").iterdir()] == [FILE]
