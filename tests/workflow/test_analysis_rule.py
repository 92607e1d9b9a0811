"""The analysis: part of the benchmark where the configuration says so, and a target of its own everywhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
Snakemake = Callable[..., subprocess.CompletedProcess[str]]


def test_the_analysis_needs_trained_density_models_and_nothing_else(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "density: {datasets: [ocr-letters], models: [vae]}\nclassification: {corpora: [reuters], methods: [bow]}\n"
    )

    def jobs(*target: str) -> set[str]:
        done = snakemake("--dry-run", "--configfile", "one.yaml", "--", *target)
        assert done.returncode == 0, done.stdout
        return set(re.findall(r"^(\w+) +\d+$", done.stdout, flags=re.MULTILINE)) - {"total"}

    assert jobs("results/default/analysis/density") == {"write_config", "fetch", "train", "analyse"}
    assert {"analyse", "analysis"} <= jobs("analysis")
    assert "analyse" not in jobs()
    (tmp_path / "one.yaml").write_text(f"analyses: true\n{(tmp_path / 'one.yaml').read_text()}")
    assert "analyse" in jobs() and "analyse" not in jobs("density")


def test_the_topic_analysis_has_a_job_for_each_number_of_topics(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(
        "density: {datasets: [ocr-letters], models: [vae]}\n"
        "classification:\n  corpora: [reuters]\n  methods: [lda, bow]\n  analysis: {topics: {lda: [10, 50]}}\n"
    )
    done = snakemake("--dry-run", "--configfile", "two.yaml", "--", "results/default/analysis/classification")
    assert done.returncode == 0, done.stdout
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE))
    assert int(counts.pop("total")) == sum(map(int, counts.values()))
    assert counts == {"write_config": "1", "fetch": "2", "train": "2", "evaluate": "2", "analyse": "1"}
    whole = snakemake("--dry-run", "--configfile", "two.yaml").stdout
    assert re.search(r"^train +3$", whole, flags=re.MULTILINE), whole
    assert not re.search(r"^analyse +\d+$", whole, flags=re.MULTILINE)
