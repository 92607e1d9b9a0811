"""The density table: its columns, the published numbers, what a log-likelihood depends on beside the test images."""

import csv
import math

import numpy as np
import pandas as pd
import pytest

from dgmbench.commands.tabulate import tabulate
from dgmbench.report.cells import collect
from dgmbench.report.published import published
from dgmbench.run.config import read_plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.table import TABLE
from dgmbench.tasks.density.task import DENSITY

COLUMNS = "dataset model n_seeds k ll_mean ll_se ll_sd_seeds paper delta epochs parameters train_seconds status"
ROWS = ["vae", "mem-vae", "iwae-5", "mem-iwae-5", "iwae-50", "mem-iwae-50", "large-vae"]


def plan(**changes):
    section = {"settings": {"epochs": 20, "k": 100}, "datasets": ["mnist", "ocr-letters"], "models": ROWS}
    return read_plan({"preset": "trial", "density": section | changes}, {"density": DENSITY})


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "trial")


@pytest.fixture
def write(write_run):
    def write(spec, workspace, values, status="ok", **metrics):
        values, epochs = np.asarray(values, dtype=float), spec.settings.epochs
        measured = {"log_likelihood": float(values.mean()), "images": len(values), "k": spec.settings.k} | metrics
        training = {"epochs": epochs, "parameters": 1440984, "train_seconds": 120.5, "device": "cpu"}
        curve = "epoch,bound,learning_rate,seconds\n" + "".join(f"{e},{-9 / e},1,{e}\n" for e in range(1, epochs + 1))
        protocol = {"binarisation": "binary data", "batch_norm": "statistics of one pass", "split": "test"}
        arrays = {"log_likelihood": values}
        write_run(spec, workspace, measured, arrays, status, training, curve, protocol=protocol)

    return write


def cells_of(asked, workspace):
    return collect(asked, workspace, DENSITY, TABLE.problem)


def test_published_numbers():
    found = {key: cell.numbers["log_likelihood"] for key, cell in published(DENSITY).items()}
    assert list(found) == [(dataset, row) for dataset in ("mnist", "ocr-letters") for row in ROWS[:-1]]
    assert list(found.values()) == [
        *(-85.69, -84.41, -84.43, -83.26, -83.58, -82.84),
        *(-30.09, -29.09, -28.69, -27.65, -27.60, -26.90),
    ]


def test_one_seed_by_hand(workspace, write):
    asked = plan()
    write(asked.runs[0], workspace, [-80.0, -90.0, -85.0, -89.0])
    row = TABLE.rows(cells_of(asked, workspace))[0]
    # deviations from the mean -86 are 6, -4, 1, -3: variance 62 / 3, over 4 images
    assert row["ll_mean"] == pytest.approx(-86.0)
    assert row["ll_se"] == pytest.approx(math.sqrt(62 / 3 / 4))
    assert row["delta"] == pytest.approx(-86.0 + 85.69)
    assert row["ll_sd_seeds"] is None
    assert (row["n_seeds"], row["k"], row["epochs"], row["parameters"]) == (1, 100, 20, 1440984)
    assert (row["train_seconds"], row["status"]) == (120.5, "ok")


def test_several_seeds_are_averaged_image_by_image_before_the_standard_error(workspace, write):
    asked = plan(seeds=[0, 1])
    write(asked.runs[0], workspace, [-80.0, -90.0])
    write(asked.runs[1], workspace, [-84.0, -88.0])
    row = TABLE.rows(cells_of(asked, workspace))[0]
    # images: -82 and -89, mean -85.5, each 3.5 away; the seeds' means are -85 and -86
    assert (row["n_seeds"], row["ll_mean"], row["ll_se"]) == (2, pytest.approx(-85.5), pytest.approx(3.5))
    assert row["ll_sd_seeds"] == pytest.approx(math.sqrt(0.5))


def test_rows_are_compared_with_those_they_name_at_one_k(workspace, write):
    asked = plan(datasets=["mnist"])
    runs = {run.model: run for run in asked.runs}
    values = np.random.default_rng(0).normal(-90, 20, 50)
    write(runs["vae"], workspace, values)
    write(runs["mem-vae"], workspace, values + 1.0)
    write(runs["iwae-5"], workspace, values)
    write(runs["mem-iwae-5"], workspace, values, k=7)
    write(runs["iwae-50"], workspace, values - 1.0)
    assert [line[1:] for line in TABLE.sheet(cells_of(asked, workspace)).grids[0].rows] == [
        ("mem-vae minus vae", "+1.00 [+1.00, +1.00]", "on these trained models"),
        ("mem-iwae-5 minus iwae-5", "measured with another k", ""),
        ("mem-iwae-50 minus iwae-50", "mem-iwae-50 is missing", ""),
        ("mem-vae minus large-vae", "large-vae is missing", ""),
        ("iwae-5 minus vae", "+0.00 [+0.00, +0.00]", "cannot tell"),
        ("iwae-50 minus vae", "-1.00 [-1.00, -1.00]", "worse on these trained models"),
    ]


def test_files(workspace, write):
    asked = plan()
    rng = np.random.default_rng(7)
    image = rng.normal(-90, 20, 200)
    for number, spec in enumerate(asked.runs):
        write(spec, workspace, image + 0.4 * number + rng.normal(0, 1, 200))
    tabulate(asked, workspace)
    path = workspace.tables / "density.csv"
    with path.open(encoding="utf-8") as file:
        assert next(csv.reader(file)) == COLUMNS.split()
    frame = pd.read_csv(path)
    assert len(frame) == 14 and set(frame["status"]) == {"ok"}
    known = frame[frame["paper"].notna()]
    assert len(known) == 12
    np.testing.assert_allclose(known["ll_mean"] - known["paper"], known["delta"], atol=2e-6)
    curves = pd.read_csv(workspace.figures / "density_curves.csv")
    assert list(curves.columns) == ["dataset", "model", "seed", "epoch", "bound", "seconds"] and len(curves) == 14 * 20
    text = (workspace.tables / "density.md").read_text(encoding="utf-8")
    for fact in (
        *("Preset trial", "k = 100", "paper's 5000", "200 test images", "binarisation", "batch norm", "epochs 20"),
        *("paper: 3000", "seeds 0", "commit ffffffffff", "a registry archive 1.0", "ICML 2016", "difference in nats"),
    ):
        assert fact in text, fact
