"""The longer runs beside a preset's numbers: those that are kept, in the figure, its data and its caption."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dgmbench.report.cells import collect
from dgmbench.run.config import read_plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.longer import longer_runs
from dgmbench.tasks.density.table import TABLE
from dgmbench.tasks.density.task import DENSITY

OVERNIGHT = Path(__file__).parents[3] / "results" / "reference" / "overnight"
ROWS = ["vae", "mem-vae", "large-vae"]


def planned(preset="trial", models=ROWS, datasets=("mnist", "ocr-letters"), **settings):
    section = {"settings": {"epochs": 20, "k": 100} | settings, "datasets": list(datasets), "models": models}
    return read_plan({"preset": preset, "density": section}, {"density": DENSITY})


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "trial")


@pytest.fixture
def figure(workspace, write_run):
    """The figure of a plan whose runs are all done, and its data."""

    def draw(plan):
        for spec in plan.runs:
            values = np.linspace(-100, -80, 50)
            metrics = {"log_likelihood": float(values.mean()), "images": 50, "k": spec.settings.k}
            training = {"epochs": spec.settings.epochs, "parameters": 9, "train_seconds": 1.0, "device": "cpu"}
            protocol = {"binarisation": "binary data", "batch_norm": "none", "split": "test"}
            arrays = {"log_likelihood": values}
            write_run(spec, workspace, metrics, arrays, training=training, protocol=protocol)
        found = TABLE.figures(collect(plan, workspace, DENSITY, TABLE.problem), workspace)[0]
        return found, pd.read_csv(found.path.with_suffix(".csv")).set_index(["dataset", "model"])

    return draw


def test_the_numbers_are_those_of_the_kept_table():
    """After a further run is kept, ``docs/published_numbers.py`` writes the file again."""
    table = pd.read_csv(OVERNIGHT / "tables" / "density.csv").query("status == 'ok'").set_index(["dataset", "model"])
    found = pd.DataFrame({key: dataclasses.asdict(run) for key, run in longer_runs().items()}).T
    assert list(found.index) == list(table.index) and len(found)
    columns = ["log_likelihood", "standard_error", "epochs", "k"]
    np.testing.assert_array_equal(found[columns].astype(float), table[["ll_mean", "ll_se", "epochs", "k"]])
    assert set(found["preset"]) == {"overnight"}


def test_the_commits_are_those_of_the_kept_records():
    records = [json.loads(path.read_text(encoding="utf-8")) for path in OVERNIGHT.glob("runs/*/run.json")]
    commits = {(r["spec"]["dataset"], r["spec"]["model"]): r["training"]["code"]["commit"] for r in records}
    assert {key: run.commit for key, run in longer_runs().items()} == commits


def test_three_marks_of_a_model_are_in_the_figure_and_in_its_data(figure):
    found, data = figure(planned())
    known, row = longer_runs()["mnist", "vae"], data.loc[("mnist", "vae")]
    shown = ["overnight", "overnight_error", "overnight_epochs", "overnight_k", "overnight_commit"]
    assert list(row[shown]) == [known.log_likelihood, known.standard_error, known.epochs, known.k, known.commit]
    assert list(row[["ours", "paper", "epochs", "k", "paper_epochs", "paper_k"]]) == [-90, -85.69, 20, 100, 3000, 5000]
    dot = found.chart.panels[0].dots[0]
    assert (dot.ours, dot.paper, dot.other) == (-90, -85.69, known.log_likelihood)
    assert dot.error == pytest.approx(1.96 * row["error"]) and dot.other_error == pytest.approx(
        1.96 * known.standard_error
    )
    assert f"{known.epochs} epochs" in dot.words and known.commit[:10] in dot.words
    for words in ("preset trial", "preset overnight", f"{known.epochs} on mnist", "3000 epochs", "ICML 2016", "95 %"):
        assert words in found.text
    assert "preset overnight: epochs 200, k = 5000" in found.chart.panels[0].below


def test_a_model_that_has_no_longer_run_has_no_mark(figure):
    found, data = figure(planned())
    assert np.isnan(data.loc[("mnist", "large-vae"), "overnight"])
    assert np.isnan(found.chart.panels[0].dots[2].other)


@pytest.mark.parametrize(
    "plan", [planned("overnight"), planned(models=["large-vae"]), planned(datasets=["two-moons"], models=["vae-1d"])]
)
def test_without_longer_runs_nothing_speaks_of_them(plan, figure):
    found, data = figure(plan)
    assert not [name for name in data if "overnight" in name]
    assert "Squares" not in found.text and "preset overnight" not in " ".join(
        panel.below for panel in found.chart.panels
    )


def test_a_users_model_of_the_same_name_has_no_longer_run(figure):
    plan = planned(models=["vae"])
    own = tuple(dataclasses.replace(run, factory="my.models:VAE") for run in plan.runs)
    found, data = figure(dataclasses.replace(plan, runs=own))
    assert "overnight" not in data and "Squares" not in found.text


def test_numbers_on_a_part_of_the_data_are_said_to_be_no_results(figure):
    assert "is no result: the other marks are on all of it" in figure(planned(test_limit=50))[0].text
    assert "no result" not in figure(planned())[0].text
