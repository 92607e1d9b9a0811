"""What the report shows of the density analysis: of what is on disk, with captions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dgmbench.report.sheet import Figure, Grid
from dgmbench.run.config import read_plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks
from dgmbench.tasks.density.analysis.shown import shown


@pytest.fixture
def plan():
    config = {"density": {"datasets": ["mnist", "ocr-letters"], "models": ["vae", "mem-vae"]}}
    return read_plan(config, all_tasks())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path)
    place.tables.mkdir()
    place.figures.mkdir()
    return place


def leave(path: Path, rows: list[dict] | None = None) -> None:
    """A table, or a figure and its data."""
    if rows is not None:
        pd.DataFrame(rows).to_csv(path.with_suffix(".csv"), index=False)
    if path.suffix == ".png":
        path.write_bytes(b"picture")


def by_title(found) -> dict[str, Figure | Grid]:
    return {each.title: each for each in found}


def test_nothing_is_shown_of_what_was_not_analysed(plan, workspace) -> None:
    assert shown(plan, workspace) == []


def test_missing_pixels_by_pass_and_in_numbers(plan, workspace) -> None:
    errors = [
        {"dataset": "mnist", "model": model, "seed": 0, "mask": mask, "pass": n, "error": error / (n + 1)}
        for model, error in (("vae", 1.0), ("mem-vae", 0.5))
        for mask in ("square", "left half")
        for n in (0, 1, 2)
    ]
    leave(workspace.figures / "imputation.png", errors)
    row = {"dataset": "mnist", "model": "mem-vae", "seed": 0, "mask": "square", "error_first": 0.25, "error": 0.2}
    more = {"standard_error": 0.01, "twin": "vae", "difference": -0.1, "low": -0.15, "high": -0.05}
    leave(workspace.tables / "imputation.csv", [row | more, row | {"model": "vae", "standard_error": 0.01}])
    found = by_title(shown(plan, workspace))
    panels = found["Missing pixels: error by pass"].chart.panels
    assert [panel.title for panel in panels] == ["mnist, square", "mnist, left half"]
    assert [(line.name, line.x, line.variant) for line in panels[0].lines] == [
        ("vae", [1, 2], 0),
        ("mem-vae", [1, 2], 1),
    ]
    rows = found["Missing pixels"].rows
    assert rows[0][4:] == ("0.2500", "0.2000 ± 0.0100", "vae", "-0.1000 [-0.1500, -0.0500]")
    assert rows[1][6:] == ("–", "–")


def test_the_bound_against_k_has_the_exact_value_where_it_is_known(plan, workspace) -> None:
    rows = [
        {"dataset": "oracle", "model": "linear-gaussian", "seed": 0, "k": k, "bound": -80 + k, "exact": -74.09}
        for k in (1, 5)
    ] + [{"dataset": "mnist", "model": "vae", "seed": 0, "k": k, "bound": -90 + k} for k in (1, 5)]
    leave(workspace.tables / "bound_vs_k.csv", rows)
    assert shown(plan, workspace) == [], "without its picture"
    leave(workspace.figures / "bound_vs_k.png")
    figure, grid = shown(plan, workspace)
    oracle, mnist = figure.chart.panels
    assert len(grid.rows) == 4
    assert (oracle.levels, mnist.levels) == ({"exact log p(x)": -74.09}, {})
    assert oracle.log and mnist.lines[0].y == [-89, -85]


def point_rows(**more: float) -> list[dict]:
    row = {"dataset": "two-moons", "model": "vae-1d", "seed": 0, "points": 2000, "exact": -1.6343, "estimated": -1.6347}
    row |= {"k": 5000.0, "difference": -0.0004, "largest_difference": 0.02, "standard_error": 0.0125}
    mixture = {"exact": -1.5, "estimated": None, "k": None, "difference": None, "largest_difference": None}
    return [row | more, row | {"model": "mixture-of-gaussians"} | mixture]


@pytest.fixture
def points_plan():
    models = ["vae-1d", "mixture-of-gaussians"]
    return read_plan({"density": {"datasets": ["two-moons"], "models": models}}, all_tasks())


def test_densities_of_points_are_shown_with_the_exact_and_the_estimated_value(points_plan, workspace) -> None:
    leave(workspace.figures / "points-two-moons.png")
    leave(workspace.tables / "exact_and_estimated.csv", point_rows())
    figure, grid = shown(points_plan, workspace)
    assert figure.title == "Learnt densities: two-moons"
    assert "vae-1d, seed 0: exactly -1.6343, estimated -1.6347 with k = 5000 nats per point." in figure.text
    assert figure.text.endswith("mixture-of-gaussians, seed 0: exactly -1.5000 nats per point.")
    assert grid.rows[0][4:] == ("-1.6343 ± 0.0125", "-1.6347", "5000", "-0.0004", "0.0200")
    assert grid.rows[1][4:] == ("-1.5000 ± 0.0125", "–", "–", "–", "–")
    assert "nats per point" in grid.note


def test_a_picture_of_points_is_shown_without_its_table_and_the_table_without_its_picture(
    points_plan, workspace
) -> None:
    leave(workspace.figures / "points-two-moons.png")
    (figure,) = shown(points_plan, workspace)
    assert "half" in figure.text and "nats" not in figure.text
    (workspace.figures / "points-two-moons.png").unlink()
    leave(workspace.tables / "exact_and_estimated.csv", point_rows())
    (grid,) = shown(points_plan, workspace)
    assert len(grid.rows) == 2


@pytest.mark.parametrize(
    ("unit", "label"),
    [
        ("nats per point", "bound (nats per point)"),
        ("nats per image", "bound (nats per image)"),
        (None, "bound (nats per image)"),
    ],
)
def test_a_bound_is_shown_in_its_unit(unit: str | None, label: str, points_plan, workspace) -> None:
    row = {"dataset": "two-moons", "model": "vae-1d", "seed": 0, "bound": -1.7, "exact": -1.634}
    leave(workspace.tables / "bound_vs_k.csv", [row | {"k": k} | ({"unit": unit} if unit else {}) for k in (1, 5)])
    leave(workspace.figures / "bound_vs_k.png")
    figure, grid = shown(points_plan, workspace)
    assert figure.chart.panels[0].y == label and figure.chart.panels[0].levels == {"exact log p(x)": -1.634}
    assert grid.header[5] == "exact" and grid.rows[0][5] == "-1.634"


def test_slots_are_ordered_by_use_and_classes_are_names(plan, workspace) -> None:
    preferences = [
        {
            "dataset": "mnist",
            "model": "mem-vae",
            "seed": 0,
            "layer": "next to x",
            "slot": slot,
            "class": name,
            "preference": p,
        }
        for name, values in (("7", (0.1, 0.9)), ("null", (0.3, 0.7)))
        for slot, p in enumerate(values)
    ]
    leave(workspace.figures / "slots-mnist.png", preferences)
    (figure,) = shown(plan, workspace)
    (panel,) = figure.chart.panels
    assert (panel.title, panel.rows, panel.columns) == ("mem-vae, next to x", ["7", "null"], ["1", "0"])
    assert panel.values == [[0.9, 0.1], [0.7, 0.3]]


@pytest.mark.parametrize("name", ["imputation-mnist", "samples-mnist", "samples-ocr-letters", "slot_images-mnist"])
def test_every_picture_has_a_title_and_a_caption(name: str, plan, workspace) -> None:
    leave(workspace.figures / f"{name}.png")
    (figure,) = shown(plan, workspace)
    assert figure.path.stem == name and name.partition("-")[2] in figure.title and len(figure.text) > 60


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "dataset,model\nmnist", "\x00\x01", "dataset,model,seed,mask\n1"]
)
def test_a_broken_table_is_left_out_and_said(content: str, plan, workspace, caplog) -> None:
    (workspace.tables / "imputation.csv").write_text(content)
    assert shown(plan, workspace) == []
    assert "imputation.csv cannot be shown" in caplog.text
