"""Run records as the stages write them, with made-up numbers: a results folder without training anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from dgmbench.run import records
from dgmbench.run.config import Plan, read_plan
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace

CHECKSUMS = {"source": "a registry archive 1.0", "archive:a.zip": "aa", "array:train": "bb", "array:test": "cc"}
PUBLISHED_MODELS = ["vae", "mem-vae", "iwae-5", "mem-iwae-5", "iwae-50", "mem-iwae-50"]
PUBLISHED_METHODS = [
    *("bow", "lda", "slda", "lftm", "mean-wv", "doc2vec", "twe", "gaussian-lda", "topicvec"),
    "topicvec+mean-wv",
]


def plan(**changes: Any) -> Plan:
    """The published cells (and large-vae), one seed, unless changed."""
    config: dict[str, Any] = {
        "preset": "trial",
        "density": {
            "settings": {"epochs": 20, "k": 100},
            "datasets": ["mnist", "ocr-letters"],
            "models": [*PUBLISHED_MODELS, "large-vae"],
        },
        "classification": {"corpora": ["20news", "reuters"], "methods": PUBLISHED_METHODS},
    }
    return read_plan(config | changes)


def stage(name: str, **more: Any) -> dict[str, Any]:
    return {
        "format": records.FORMAT,
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


def record(spec: RunSpec, metrics: dict[str, Any], training: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "format": records.FORMAT,
        "run_id": spec.run_id,
        "training_id": spec.training_id,
        "fingerprint": records.canonical_hash([spec.run_id, metrics]),
        "spec": spec.to_dict(),
        "spec_hash": records.canonical_hash(spec.canonical()),
        "seed": spec.seed,
        "status": "ok",
        "metrics": metrics,
        "data": {"name": spec.dataset, "checksums": CHECKSUMS, "source": CHECKSUMS["source"]},
        "training": stage("training", status="ok", threads=1, **training),
        "evaluation": stage("evaluation", measure_seconds=3.0),
    } | more


def write_density(spec: RunSpec, workspace: Workspace, values: np.ndarray, status: str = "ok", **metrics: Any) -> None:
    """A finished density run with these log-likelihoods, and its curve."""
    values = np.asarray(values, dtype=float)
    epochs = spec.settings.epochs
    finite = bool(np.isfinite(values).all())
    measured = {
        "log_likelihood": float(values.mean()) if finite else None,
        "standard_error": float(values.std(ddof=1) / np.sqrt(len(values))) if finite else None,
        "images": len(values),
        "k": spec.settings.k,
        "final_bound": -100.0,
    } | metrics
    protocol = {"binarisation": "binary data", "batch_norm": "statistics of one pass", "split": "test"}
    training = {
        "epochs": epochs,
        "diverged_at": None if status == "ok" else 3,
        "parameters": 1440984,
        "fit_seconds": 125.5,
        "train_seconds": 120.5,
        "device": "cpu",
    }
    folder = workspace.run(spec)
    records.write_arrays(folder / "per_example.npz", log_likelihood=values)
    records.write_json(folder / "run.json", record(spec, measured, training, status=status, protocol=protocol))
    rng = np.random.default_rng(spec.seed)
    with records.atomic_write(workspace.trained(spec) / "curve.csv") as file:
        file.write("epoch,bound,learning_rate,seconds\n")
        for epoch in range(1, epochs + 1):
            bound = float(values.mean()) - 60 / epoch + rng.normal(0, 0.1)
            file.write(f"{epoch},{bound!r},0.001,{1.5 * epoch}\n")


def write_classification(
    spec: RunSpec, workspace: Workspace, labels: np.ndarray, predictions: np.ndarray, **metrics: Any
) -> None:
    """A finished document classification with these predictions."""
    measured = {
        "precision": 90.25,
        "recall": 89.75,
        "f1": 90.0,
        "accuracy": 93.5,
        "converged": True,
        "features": "counts",
        "n_features": 91,
        "transductive": False,
        "embeddings": "glove-50d",
    } | metrics
    corpus = {
        "train_documents": 5753,
        "test_documents": len(labels),
        "dropped_train": 1,
        "dropped_test": 2,
        "vocabulary": 20000,
    }
    folder = workspace.run(spec)
    records.write_arrays(folder / "per_example.npz", labels=labels, predictions=predictions)
    content = record(spec, measured, {"fit_seconds": 20.5, "transform_seconds": 1.0}, corpus=corpus)
    records.write_json(folder / "run.json", content)


def write_failure(spec: RunSpec, workspace: Workspace, error: str) -> None:
    """The note that a failed attempt leaves."""
    note = {"format": records.FORMAT, "stage": "training", "status": "failed", "error": error, "at": "2026-01-02"}
    records.write_json(workspace.state(spec) / "failure.json", note)


def fill(plan: Plan, workspace: Workspace, images: int = 200, documents: int = 300) -> None:
    """Plausible records for every run of a plan."""
    rng = np.random.default_rng(7)
    image = {dataset: rng.normal(0, 20, images) for dataset in ("mnist", "ocr-letters")}
    for number, spec in enumerate(plan.of("density")):
        level = {"mnist": -88.0, "ocr-letters": -32.0}[spec.dataset] + 0.4 * (number % 7)
        write_density(spec, workspace, level + image[spec.dataset] + rng.normal(0, 1, images))
    for number, spec in enumerate(plan.of("classification")):
        labels = rng.integers(0, 10, documents)
        noise = rng.random(documents) < 0.05 * (1 + number % 10)
        predictions = np.where(noise, rng.integers(0, 10, documents), labels)
        f1 = 90.0 - 2 * (number % 10)
        embeddings = None if spec.model in ("bow", "lda") else "glove-50d"
        write_classification(spec, workspace, labels, predictions, f1=f1, embeddings=embeddings)
