"""What the report shows of the analysis of learned features: of what is on disk, with captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dgmbench.report.mlflow_words import Described
from dgmbench.report.sheet import Figure, Grid
from dgmbench.run.config import read_plan
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks
from dgmbench.tasks.representation.analysis.shown import shown
from dgmbench.tasks.representation.task import REPRESENTATION


@pytest.fixture
def plan() -> Plan:
    config = {"representation": {"datasets": ["mnist", "ocr-letters"], "models": ["pca", "vae"]}}
    return read_plan(config, all_tasks())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path)
    place.tables.mkdir()
    place.figures.mkdir()
    return place


def leave_table(workspace: Workspace, **changes: Any) -> None:
    row = {"dataset": "mnist", "model": "vae", "seed": 0, "noise": "none", "images": 50, "squared_error": 12.34567}
    row |= {"standard_error": 0.25, "of_the_noisy": 0.0}
    rows = [row, row | {"noise": "masking", "squared_error": 20.0, "of_the_noisy": 25.5} | changes]
    pd.DataFrame(rows).to_csv(workspace.tables / "denoising.csv", index=False)


def test_nothing_is_shown_of_what_was_not_analysed(plan: Plan, workspace: Workspace) -> None:
    assert shown(plan, workspace) == []


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({}, ("mnist", "vae", "0", "masking", "50", "20.000 ± 0.250", "25.500")),
        ({"standard_error": None}, ("mnist", "vae", "0", "masking", "50", "20.000", "25.500")),
        ({"squared_error": None}, ("mnist", "vae", "0", "masking", "50", "–", "25.500")),
        ({"model": "1e3"}, ("mnist", "1e3", "0", "masking", "50", "20.000 ± 0.250", "25.500")),
        ({"model": "null"}, ("mnist", "null", "0", "masking", "50", "20.000 ± 0.250", "25.500")),
    ],
)
def test_denoising_in_numbers(changes: dict[str, Any], row: tuple[str, ...], plan: Plan, workspace: Workspace) -> None:
    leave_table(workspace, **changes)
    (grid,) = shown(plan, workspace)
    assert isinstance(grid, Grid) and len(grid.header) == 7 and "lower is better" in grid.note
    assert grid.rows[0] == ("mnist", "vae", "0", "none", "50", "12.346 ± 0.250", "0.000")
    assert grid.rows[1] == row


@pytest.mark.parametrize("name", ["denoising-mnist", "denoising-ocr-letters", "filters-mnist", "filters-ocr-letters"])
def test_every_picture_has_a_title_and_a_caption(name: str, plan: Plan, workspace: Workspace) -> None:
    (workspace.figures / f"{name}.png").write_bytes(b"picture")
    (figure,) = shown(plan, workspace)
    assert isinstance(figure, Figure)
    assert figure.path.stem == name and name.partition("-")[2] in figure.title and len(figure.text) > 60


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "dataset,model\nmnist", "\x00\x01", "dataset,model,seed\n1"])
def test_a_broken_table_is_left_out_and_said(
    content: str, plan: Plan, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace.tables / "denoising.csv").write_text(content)
    (workspace.figures / "filters-mnist.png").write_bytes(b"picture")
    assert [each.title for each in shown(plan, workspace)] == ["Filters of the first layer: mnist"]
    assert "denoising.csv cannot be shown" in caplog.text


@pytest.mark.parametrize(
    "number",
    [
        *("error", "hidden_error", "squared_error", "cross_entropy"),
        *("error_100", "error_1000", "hidden_error_100", "hidden_error_1000"),
        *("loss", "bound", "local_error", "learning_rate", "train_seconds"),
    ],
)
def test_mlflow_says_what_each_number_is(number: str) -> None:
    assert len(Described.of(REPRESENTATION).numbers[number]) > 4
