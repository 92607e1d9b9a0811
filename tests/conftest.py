"""Run records as the stages write them, with made-up numbers: results folders without training anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from dgmbench.files import write_text
from dgmbench.run.records import FORMAT, write_arrays, write_json
from dgmbench.run.spec import RunSpec, canonical_hash
from dgmbench.run.workspace import Workspace

# a machine may be busy: no test is about seconds
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

CHECKSUMS = {"source": "a registry archive 1.0", "archive:a.zip": "aa", "array:train": "bb", "array:test": "cc"}


def stage(name: str, **more: Any) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fingerprint": "0123456789ab",
        "stage": name,
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:14:05+00:00",
        "seconds": 600.0,
        "cpu_seconds": 590.0,
        "peak_memory_mb": 512.0,
        "code": {"version": "0.1.0", "commit": "f" * 40, "dirty": False, "source_hash": "00"},
        "libraries": {"python": "3.11.2", "numpy": "2.4.0"},
        "host": {"system": "Linux", "machine": "x86_64", "processor": "Some CPU", "cores": 2},
    } | more


@pytest.fixture(autouse=True)
def timings_apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What jobs took on this machine is not read by a test, and none adds to it."""
    made: list[Path] = []

    def folder() -> Path:
        if not made:
            made.append(tmp_path_factory.mktemp("cache"))
        return made[0]

    monkeypatch.setattr("dgmbench.run.timings.cache_folder", folder)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run, to be copied: making it takes seconds."""
    from dgmbench.commands.tracking import Store

    store = Store(tmp_path_factory.mktemp("database"))
    with store.client():
        return store.database


@pytest.fixture(scope="session")
def write_run() -> Callable[..., None]:
    """A function that leaves a finished run's record and arrays, and its curve where it has one."""

    def write(
        spec: RunSpec,
        workspace: Workspace,
        metrics: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        status: str = "ok",
        training: Mapping[str, Any] | None = None,
        curve: str = "",
        **more: Any,
    ) -> None:
        record = {
            "format": FORMAT,
            "run_id": spec.run_id,
            "training_id": spec.training_id,
            "fingerprint": canonical_hash([spec.run_id, dict(metrics)]),
            "spec": spec.to_dict(),
            "spec_hash": canonical_hash(spec.canonical()),
            "seed": spec.seed,
            "status": status,
            "metrics": dict(metrics),
            "data": {"name": spec.dataset, "checksums": CHECKSUMS, "source": CHECKSUMS["source"]},
            "training": stage("training", **({"status": status, "threads": 1} | dict(training or {}))),
            "evaluation": stage("evaluation", measure_seconds=3.0),
        }
        write_arrays(workspace.run(spec) / "per_example.npz", **arrays)
        write_json(workspace.run(spec) / "run.json", record | more)
        if curve:
            write_text(workspace.trained(spec) / "curve.csv", curve)

    return write


@pytest.fixture(scope="session")
def write_failure() -> Callable[[RunSpec, Workspace, str], None]:
    """A function that leaves the note of a failed attempt."""

    def write(spec: RunSpec, workspace: Workspace, error: str) -> None:
        note = {"format": FORMAT, "stage": "training", "status": "failed", "error": error, "at": "2026-01-02"}
        write_json(workspace.state(spec) / "failure.json", note)

    return write
