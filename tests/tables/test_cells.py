"""What the records on disk mean for a cell, and the numbers of a row worked out by hand."""

import json
import math
from importlib import resources

import numpy as np
import pytest
from fake_results import PUBLISHED_METHODS, PUBLISHED_MODELS, fill, plan, write_density, write_failure

from dgmbench.tasks.classification import table as classification

from dgmbench.tasks.density import table as density
from dgmbench.report.cells import collect
from dgmbench.report.published import published


def cell_of(cells, dataset, model):
    return next(cell for cell in cells if (cell.dataset, cell.model) == (dataset, model))


def row_of(plan_, workspace, dataset, model):
    rows = density.rows(collect(plan_, workspace, "density"))
    return next(row for row in rows if (row["dataset"], row["model"]) == (dataset, model))


def test_published_numbers_are_those_of_the_reference_files():
    for task, key, columns in (
        ("density", ("dataset", "model"), {"log_likelihood": "test_log_likelihood_nats"}),
        ("classification", ("corpus", "method"), {name: name for name in ("precision", "recall", "f1")}),
    ):
        text = (resources.files("dgmbench.tables") / "reference" / f"{task}.csv").read_text()
        lines = text.splitlines()
        assert len(published(task)) == len(lines) - 1
        header = lines[0].split(",")
        for line in lines[1:]:
            fields = dict(zip(header, line.split(","), strict=False))
            cell = published(task)[fields[key[0]], fields[key[1]]]
            assert {k: f"{v:.2f}" for k, v in cell.numbers.items()} == {
                name: f"{float(fields[column]):.2f}" for name, column in columns.items()
            }
            assert cell.source
    assert published("density")["mnist", "vae"].numbers == {"log_likelihood": -85.69}
    assert published("density")["ocr-letters", "mem-iwae-50"].numbers == {"log_likelihood": -26.90}
    assert published("classification")["reuters", "topicvec"].numbers == {"precision": 92.5, "recall": 92.1, "f1": 92.2}
    assert [m for d, m in published("classification") if d == "20news"] == PUBLISHED_METHODS


def test_mean_and_standard_error_of_one_seed(workspace):
    asked = plan()
    spec = asked.of("density")[0]
    write_density(spec, workspace, np.array([-80.0, -90.0, -85.0, -89.0]))
    row = row_of(asked, workspace, "mnist", "vae")
    # deviations from the mean -86 are 6, -4, 1, -3: variance 62 / 3, over 4 images
    assert row["ll_mean"] == pytest.approx(-86.0)
    assert row["ll_se"] == pytest.approx(math.sqrt(62 / 3 / 4))
    assert row["delta"] == pytest.approx(-86.0 + 85.69)
    assert row["ll_sd_seeds"] is None
    assert (row["n_seeds"], row["k"], row["epochs"], row["parameters"]) == (1, 100, 20, 1440984)
    assert row["train_seconds"] == 120.5
    assert row["status"] == "ok"


def test_several_seeds_are_averaged_image_by_image_before_the_standard_error(workspace):
    asked = plan(seeds=[0, 1])
    first, second = (run for run in asked.of("density") if (run.dataset, run.model) == ("mnist", "vae"))
    write_density(first, workspace, np.array([-80.0, -90.0]))
    write_density(second, workspace, np.array([-84.0, -88.0]))
    row = row_of(asked, workspace, "mnist", "vae")
    # images: -82 and -89, mean -85.5, each 3.5 away; the seeds' means are -85 and -86
    assert row["ll_mean"] == pytest.approx(-85.5)
    assert row["ll_se"] == pytest.approx(3.5)
    assert row["ll_sd_seeds"] == pytest.approx(math.sqrt(0.5))
    assert row["n_seeds"] == 2


def test_a_cell_has_the_worst_status_of_its_seeds_and_says_of_how_many(workspace):
    asked = plan(seeds=[0, 1, 2])
    runs = [run for run in asked.of("density") if (run.dataset, run.model) == ("mnist", "vae")]
    for run in runs[:2]:
        write_density(run, workspace, np.array([-80.0, -90.0]))
    cell = cell_of(collect(asked, workspace, "density"), "mnist", "vae")
    assert (cell.status, cell.remark) == ("missing", "missing: 1 of 3 seeds")
    write_failure(runs[2], workspace, "RuntimeError: out of memory")
    cell = cell_of(collect(asked, workspace, "density"), "mnist", "vae")
    assert (cell.status, cell.remark) == ("failed", "failed: 1 of 3 seeds")
    row = row_of(asked, workspace, "mnist", "vae")
    assert (row["status"], row["n_seeds"], row["ll_mean"]) == ("failed", 2, -85.0)


def test_a_diverged_run_is_a_result_and_without_a_number_still_a_row(workspace):
    asked = plan()
    vae, mem_vae = asked.of("density")[:2]
    write_density(vae, workspace, np.array([-200.0, -210.0]), status="diverged")
    write_density(mem_vae, workspace, np.array([-100.0, np.nan]), status="diverged")
    row = row_of(asked, workspace, "mnist", "vae")
    assert (row["status"], row["ll_mean"]) == ("diverged", -205.0)
    row = row_of(asked, workspace, "mnist", "mem-vae")
    assert row["status"] == "diverged" and math.isnan(row["ll_mean"]) and math.isnan(row["delta"])


def test_published_cells_appear_without_being_planned_and_planned_ones_without_being_published(workspace):
    asked = plan(density={"datasets": ["mnist"], "models": ["large-vae"]}, classification=None)
    cells = collect(asked, workspace, "density")
    expected = [("mnist", m) for m in [*PUBLISHED_MODELS, "large-vae"]]
    expected += [("ocr-letters", m) for m in PUBLISHED_MODELS]
    assert [(cell.dataset, cell.model) for cell in cells] == expected
    assert {cell.status for cell in cells} == {"missing"}
    row = row_of(asked, workspace, "mnist", "large-vae")
    assert row["paper"] is None and row["delta"] is None
    assert {row["status"] for row in classification.rows(collect(asked, workspace, "classification"))} == {"missing"}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "run.json").write_text("{"), "is broken"),
        (lambda folder: (folder / "run.json").write_text('{"format": 99}'), "another version"),
        (lambda folder: (folder / "run.json").write_text('{"format": 1, "status": "fine"}'), "'fine'"),
        (lambda folder: (folder / "per_example.npz").unlink(), "no "),
        (lambda folder: (folder / "per_example.npz").write_bytes(b"PK\3\4rest"), "is broken"),
        (lambda folder: np.savez(folder / "per_example.npz", log_likelihood=np.zeros(4)), "not of one evaluation"),
    ],
)
def test_a_damaged_record_is_a_failed_cell_with_its_reason(workspace, damage, reason):
    asked = plan()
    spec = asked.of("density")[0]
    write_density(spec, workspace, np.array([-80.0, -90.0, -85.0, -89.0]))
    damage(workspace.run(spec))
    cell = cell_of(collect(asked, workspace, "density"), "mnist", "vae")
    assert cell.status == "failed"
    assert reason in cell.runs[0].reason and "\n" not in cell.runs[0].reason


def test_a_record_that_lacks_what_the_table_shows_is_failed(workspace):
    asked = plan()
    spec = asked.of("density")[0]
    write_density(spec, workspace, np.array([-80.0, -90.0]))
    path = workspace.run(spec) / "run.json"
    record = json.loads(path.read_text())
    del record["training"]["epochs"]
    path.write_text(json.dumps(record))
    cell = cell_of(collect(asked, workspace, "density"), "mnist", "vae")
    assert cell.status == "failed" and "training.epochs" in cell.runs[0].reason


def test_classification_row_by_hand(workspace):
    asked = plan(seeds=[0, 1])
    fill(asked, workspace, images=5, documents=40)
    runs = [run for run in asked.of("classification") if (run.dataset, run.model) == ("reuters", "topicvec")]
    for run, f1 in zip(runs, (91.0, 93.0), strict=True):
        path = workspace.run(run) / "run.json"
        record = json.loads(path.read_text())
        record["metrics"] |= {"f1": f1, "precision": 90.0, "recall": 94.0}
        record["training"]["fit_seconds"], record["evaluation"]["measure_seconds"] = 10.0, 2.5
        path.write_text(json.dumps(record))
    rows = classification.rows(collect(asked, workspace, "classification"))
    row = next(row for row in rows if (row["corpus"], row["method"]) == ("reuters", "topicvec"))
    assert (row["precision"], row["recall"], row["f1"], row["n_seeds"]) == (90.0, 94.0, 92.0, 2)
    assert row["f1_sd_seeds"] == pytest.approx(math.sqrt(2))
    assert (row["paper_f1"], row["delta_f1"]) == (92.2, pytest.approx(-0.2))
    assert (row["seconds"], row["embeddings"], row["features"]) == (12.5, "glove-50d", "counts")
    bow = next(row for row in rows if (row["corpus"], row["method"]) == ("reuters", "bow"))
    assert bow["embeddings"] == "none"
