"""A task of another package (examples/image-classes) goes through every step, and nothing of dgmbench is edited."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples/image-classes"
SMALL = "image-classes: {settings: {train_limit: 1000, test_limit: 300}}\n"
ROWS = ("linear", "nearest-neighbours")
RUNS_AND_CODE = """
import pathlib
from dgmbench.run.config import read_config, read_plan
from dgmbench.run.fingerprint import code_hash
from dgmbench.tasks import all_tasks
plan = read_plan(read_config([pathlib.Path("config.yaml")]), all_tasks())
for run in plan.runs:
    print(run.run_id, *(code_hash(plan.task_of(run), run, stage) for stage in ("training", "evaluation")))
"""

Snakemake = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package was installed into, without network."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    python(folder, "-m", "pip", "install", "--quiet", *options, "--target", folder / "site", folder / "source")
    return folder / "site"


@pytest.fixture
def site(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, which every process that the test starts finds."""
    shutil.copytree(installed, tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    return tmp_path / "site"


def python(folder: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=folder, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("site")
@pytest.mark.network
def test_it_is_listed_checked_planned_and_part_of_the_schema(tmp_path: Path) -> None:
    lines = [line.split("\t") for line in python(tmp_path, "-m", "dgmbench", "list").splitlines()]
    assert [line[1] for line in lines if line[0] == "task"][-1] == "image-classes"
    assert [line[1] for line in lines if line[0] == "image-classes model"] == [*ROWS]

    check = python(tmp_path, "-m", "dgmbench", "check", "image-classes", "ocr-letters", "nearest-neighbours")
    assert check == "nearest-neighbours fits the benchmark\n"

    np.save(tmp_path / "mine.npy", np.arange(160, dtype=np.uint8).reshape(10, 4, 4))
    arguments = ("-m", "dgmbench", "check", "image-classes", "file:mine.npy", "linear")
    unlabelled = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert unlabelled.returncode == 2 and unlabelled.stderr.count("\n") == 1, unlabelled.stderr
    assert "dgmbench: error: file:mine.npy has no labels" in unlabelled.stderr

    plan = python(tmp_path, "-m", "dgmbench", "plan", "--config", EXAMPLE / "config.yaml").splitlines()
    assert [line.split(".")[:3] for line in plan] == [["ocr-letters", row, "s0"] for row in ROWS]

    schema = json.loads(python(tmp_path, "-m", "dgmbench", "schema"))
    assert "image-classes" in schema["properties"]


@pytest.mark.network
def test_it_goes_through_the_whole_pipeline(snakemake: Snakemake, site: Path, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    arguments = ("--configfile", EXAMPLE / "config.yaml", "small.yaml")
    first = snakemake(*arguments)
    assert first.returncode == 0, first.stdout
    assert "MLflow was not updated" not in first.stdout
    results = tmp_path / "results/image-classes"

    errors = {}
    for folder in (results / "runs").iterdir():
        with np.load(folder / "per_example.npz") as arrays:
            errors[folder.name.split(".")[1]] = arrays["error"]
    assert errors.keys() == set(ROWS)
    assert all(error.shape == (300,) and set(error) == {0, 100} for error in errors.values())

    with (results / "tables/image-classes.csv").open(encoding="utf-8", newline="") as file:
        cells = {(line["dataset"], line["model"]): line for line in csv.DictReader(file)}
    for row in ROWS:
        line = cells["ocr-letters", row]
        assert (line["status"], line["paper_error_rate"]) == ("ok", "")
        assert float(line["error_rate"]) == pytest.approx(errors[row].mean(), abs=1e-4)
    assert {row: cells["mnist", row]["paper_error_rate"] for row in ROWS} == {ROWS[0]: "12.0", ROWS[1]: "5.0"}

    markdown = (results / "tables/image-classes.md").read_text(encoding="utf-8")
    difference = (errors["nearest-neighbours"] - errors["linear"]).mean()
    assert f"nearest-neighbours minus linear | {difference:+.1f} [" in markdown
    assert "trained on 1,000 images, tested on 300 images" in markdown
    figures = {path.suffix for path in (results / "figures").glob("image-classes*")}
    assert figures == {".png", ".pdf", ".csv"}
    page = (results / "tables/image-classes.html").read_text(encoding="utf-8")
    assert all(word in page for word in ("Image classification", "error rate", "<img", *ROWS))
    assert "image-classes" in (results / "tables/image-classes.tex").read_text(encoding="utf-8")
    assert shown_in_mlflow(tmp_path / "results") == {row: pytest.approx(errors[row].mean()) for row in ROWS}

    second = snakemake(*arguments)
    assert "Nothing to be done" in second.stdout, second.stdout

    module = site / "image_classes/evaluation.py"
    module.write_text(module.read_text(encoding="utf-8").replace("100.0 * (", "50.0 * ("), encoding="utf-8")
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", snakemake(*arguments, "--dry-run").stdout, flags=re.MULTILINE))
    assert jobs.get("evaluate") == "2", "the package's changed code is noticed"
    assert "train" not in jobs


def shown_in_mlflow(results: Path) -> dict[str, float]:
    """The error rates of the runs below the pipeline's, by row."""
    from dgmbench.commands.tracking import quiet_mlflow

    quiet_mlflow()
    from mlflow.tracking import MlflowClient

    address = f"sqlite:///{results / 'mlflow.db'}"
    client = MlflowClient(address, address)
    experiment = client.get_experiment_by_name("dgmbench/image-classes")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    (pipeline,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == pipeline.info.run_id]
    assert len(children) == len(runs) - 1
    return {run.data.params["model"]: run.data.metrics["error_rate"] for run in children}


def test_the_other_tasks_do_not_notice_it(installed: Path) -> None:
    alone = python(REPOSITORY, "-c", RUNS_AND_CODE)
    beside = python(REPOSITORY, "-c", f"import sys; sys.path.insert(0, {str(installed)!r})\n{RUNS_AND_CODE}")
    assert alone == beside
    assert alone.count("\n") > 10
