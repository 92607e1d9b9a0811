"""The whole pipeline on real letters, small: it ends in tables, does nothing twice, and survives a failing model."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
Snakemake = Callable[..., subprocess.CompletedProcess[str]]

CONFIG = """
preset: mini
tracking: false
density:
  settings: {epochs: 1, batch_size: 50, train_limit: 200, test_limit: 20, k: 5}
  datasets: [ocr-letters]
  models:
    vae: {options: {hidden: [8, 8], latent: 2}}
    fragile: {factory: "fragile:Fragile"}
"""
FRAGILE = """
import torch
from torch import nn


class Fragile(nn.Module):
    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(n_pixels))

    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        BREAK
        value = torch.distributions.Bernoulli(logits=self.logits).log_prob(x).sum(1)
        return value.expand(k, len(x))
"""


def statuses(folder: Path) -> dict[str, str]:
    with (folder / "tables/density.csv").open(newline="") as file:
        return {row["model"]: row["status"] for row in csv.DictReader(file) if row["dataset"] == "ocr-letters"}


def problems(folder: Path) -> list[str]:
    command = [sys.executable, str(REPOSITORY / "tests/workflow/check_results.py"), "results/mini"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60)
    return (done.stdout + done.stderr).splitlines() if done.returncode else []


@pytest.mark.network
def test_a_failed_run_is_shown_and_tried_again(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "mini.yaml").write_text(CONFIG)
    (tmp_path / "fragile.py").write_text(FRAGILE.replace("BREAK", "raise ArithmeticError('it broke')"))
    arguments = ("--configfile", "mini.yaml", "--quiet", "host")
    results = tmp_path / "results/mini"

    first = snakemake(*arguments)
    assert first.returncode != 0
    assert "ArithmeticError: it broke" in first.stdout, "the log of a failed job is shown"
    shown = statuses(results)
    assert (shown["vae"], shown["fragile"], shown["iwae-5"]) == ("ok", "failed", "missing")
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "1 run failed" in page and "training: ArithmeticError: it broke" in page
    trained = {path: path.stat().st_mtime_ns for path in results.glob("trained/ocr-letters.vae.*/[!.]*")}
    assert {path.name for path in trained} == {"model.pt", "training.json", "curve.csv"}

    (tmp_path / "fragile.py").write_text(FRAGILE.replace("BREAK", "pass"))
    second = snakemake(*arguments)
    assert second.returncode == 0, second.stdout
    assert statuses(results)["fragile"] == "ok"
    assert {path: path.stat().st_mtime_ns for path in trained} == trained, "what was finished is not done again"
    assert problems(tmp_path) == []

    third = snakemake(*arguments)
    assert third.returncode == 0
    assert "Nothing to be done" in third.stdout
    shown = snakemake("--configfile", "mini.yaml", "--report", "snakemake.html")
    assert shown.returncode == 0, shown.stdout
    whole = (tmp_path / "snakemake.html").read_text(encoding="utf-8")
    for words in ("report.html", "density.html", "density.png", "density_curves.png", "Ours beside the paper"):
        assert words in whole, words

    (tmp_path / "more.yaml").write_text("density: {settings: {k: 6}}\n")
    changed = snakemake("--configfile", "mini.yaml", "more.yaml", "--dry-run")
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", changed.stdout, flags=re.MULTILINE))
    assert "train" not in jobs, "another k trains nothing again"
    assert jobs["evaluate"] == "2"


@pytest.mark.network
def test_a_broken_mlflow_leaves_the_tables_alone(snakemake: Snakemake, tmp_path: Path) -> None:
    config = CONFIG.replace("tracking: false", "tracking: true").replace(
        '    fragile: {factory: "fragile:Fragile"}', ""
    )
    (tmp_path / "mini.yaml").write_text(config)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/mlflow.db").write_text("this is no database")
    done = snakemake("--configfile", "mini.yaml")
    assert done.returncode == 0, done.stdout
    assert "MLflow was not updated: dgmbench: error: " in done.stdout
    assert problems(tmp_path) == []
    marker = json.loads((tmp_path / "results/mini/data/ocr-letters.json").read_text())
    assert marker["name"] == "ocr-letters"
