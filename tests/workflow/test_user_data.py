"""User-defined data in the workflow."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dgmbench.data.download.store import array_sha256
from dgmbench.names import file_name

Snakemake = Callable[..., subprocess.CompletedProcess[str]]

CONFIG = """
preset: own
tracking: false
density:
  settings: {epochs: 1, batch_size: 20, k: 2}
  datasets: ["own:images"]
  models: {mean: {factory: "own:Mean"}}
"""
MODULE = """
import numpy as np

from dgmbench.data import ImageSplits


def images():
    train = np.load("pixels.npy")
    parts = dict(train=train[:40], valid=train[:0], test=train[40:])
    labels = {f"{part}_labels": np.zeros(len(pixels), np.uint8) for part, pixels in parts.items()}
    return ImageSplits(name="own", shape=(2, 2), binary=True, **parts, **labels)


class Mean:
    pass
"""


def test_data_are_loaded_anew_when_what_the_function_reads_has_changed(snakemake: Snakemake, tmp_path: Path) -> None:
    """The marker is what trainings wait for: it changes with the arrays, and with them alone."""
    (tmp_path / "own.yaml").write_text(CONFIG)
    (tmp_path / "own.py").write_text(MODULE)
    pixels = np.random.default_rng(0).integers(0, 2, (60, 4), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    marker = tmp_path / "results/own/data" / f"{file_name('own:images')}.json"
    arguments = ("--configfile", "own.yaml", "--quiet", "host", "--", str(marker.relative_to(tmp_path)))
    first = snakemake(*arguments)
    assert first.returncode == 0, first.stdout
    before = json.loads(marker.read_text())["arrays"]
    assert before["train"]["sha256"] == array_sha256(pixels[:40])

    np.save(tmp_path / "pixels.npy", pixels)  # the same, written anew
    assert "Nothing to be done" in snakemake(*arguments).stdout

    np.save(tmp_path / "pixels.npy", np.roll(pixels, 7, 0))
    second = snakemake(*arguments)
    assert second.returncode == 0, second.stdout
    assert json.loads(marker.read_text())["arrays"]["train"]["sha256"] == array_sha256(np.roll(pixels, 7, 0)[:40])
