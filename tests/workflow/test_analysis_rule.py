"""The analysis is a target of its own: asked for by name, no part of the benchmark."""

from __future__ import annotations

import re
from pathlib import Path

from calls import Snakemake


def test_the_analysis_needs_trained_density_models_and_nothing_else(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "density: {datasets: [ocr-letters], models: [vae]}\nclassification: {corpora: [reuters], methods: [bow]}\n"
    )

    def jobs(*target: str) -> set[str]:
        done = snakemake("--dry-run", "--configfile", "one.yaml", "--", *target)
        assert done.returncode == 0, done.stdout
        return set(re.findall(r"^(\w+) +\d+$", done.stdout, flags=re.MULTILINE)) - {"total"}

    assert jobs("analysis") == {"write_config", "fetch", "train_density", "analysis"}
    assert "analysis" not in jobs()
