"""Fit a document method and judge its features by a linear classifier."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

from dgmbench.run import records
from dgmbench.data import checksums, load_embeddings
from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.preparation import Prepared
from dgmbench.run.registry import accepted_options, check_options, find_entry, load_factory
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.classification.documents import document_settings, joined, prepared_corpus
from dgmbench.run.workspace import Workspace, evaluation_fingerprint, is_finished, run_record, stage_record

log = logging.getLogger("dgmbench")


def data_checksums(spec: RunSpec) -> dict[str, str]:
    """Checksums of the corpus and of the embeddings, which decide the vocabulary of every method."""
    corpus, vectors = checksums(spec.dataset), checksums(document_settings(spec).embeddings)
    embeddings = {
        f"array:embeddings:{name.removeprefix('array:')}": value
        for name, value in vectors.items()
        if name.startswith("array:")
    }
    return corpus | embeddings | {"embeddings source": vectors.get("source", "")}


def build_method(spec: RunSpec, threads: int) -> Any:
    """The unfitted method of a run.

    Raises:
        UserError: the class refuses its options or lacks ``fit`` or ``transform``.
    """
    entry = find_entry("classification", spec.model, spec.factory)
    factory = load_factory(entry.factory)
    check_options(factory, spec.options, spec.model)
    offered: dict[str, Any] = {"seed": spec.seed, "threads": threads}
    accepted = accepted_options(factory)
    if "embeddings" in accepted:
        offered["embeddings"] = load_embeddings(document_settings(spec).embeddings)
    given = {name: value for name, value in offered.items() if name in accepted}
    try:
        method = factory(**given, **spec.options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{spec.model}: {entry.factory} refuses its options: {error}") from error
    for needed in ("fit", "transform"):
        if not callable(getattr(method, needed, None)):
            raise UserError(f"{spec.model}: {entry.factory} has no method {needed}(corpus, ...)")
    return method


def train(spec: RunSpec, workspace: Workspace, devices: int = 0, threads: int = 1) -> dict[str, Any]:
    """Fit the method on the training documents and leave the features of both parts, and a record.

    With ``transductive`` it is fitted on the documents of both parts, without labels.

    Returns:
        The training record.
    """
    folder = workspace.trained(spec)
    fingerprint = records.fingerprint(spec, "training", data_checksums(spec))
    if is_finished(folder / "training.json", fingerprint):
        log.info("%s is fitted already", spec.training_id)
        return records.read_json(folder / "training.json")
    with workspace.claim(spec, "training"):
        started, watch = records.now(), records.Stopwatch()
        data = prepared_corpus(spec)
        method = build_method(spec, threads)
        transductive = document_settings(spec).transductive
        fitting = records.Stopwatch()
        if transductive:
            method.fit(joined(data.train, data.test), None)
        else:
            method.fit(data.train, data.train.labels)
        fit_seconds = fitting.seconds
        features = {part: _checked(method.transform(corpus), corpus, spec) for part, corpus in _parts(data)}
        transform_seconds = round(fitting.seconds - fit_seconds, 3)
        write_features(folder / "features.npz", features, data)
        record = stage_record(spec, "training", fingerprint, started, watch) | {
            "training_id": spec.training_id,
            "status": "ok",
            "fit_seconds": fit_seconds,
            "transform_seconds": transform_seconds,
            "threads": threads,
            "method": {
                "features": getattr(method, "feature_set", "default"),
                "n_features": features["train"].shape[1],
                "transductive": transductive or bool(getattr(method, "transductive", False)),
                "embeddings": _embeddings_used(spec, method),
            },
            "corpus": {
                "train_documents": len(data.train),
                "test_documents": len(data.test),
                "dropped_train": data.dropped_train,
                "dropped_test": data.dropped_test,
                "vocabulary": data.train.n_words,
                "train_tokens": data.train.n_tokens,
                "classes": list(data.train.classes),
            },
        }
        records.write_json(folder / "training.json", record)
    log.info("%s: %d features, fitted in %.1f s", spec.training_id, features["train"].shape[1], fit_seconds)
    return record


def evaluate(spec: RunSpec, workspace: Workspace, devices: int = 0, threads: int = 1) -> dict[str, Any]:
    """Classify the held-out documents by their features and leave the run's record and every prediction."""
    from dgmbench.metrics.classification import classify

    folder, trained = workspace.run(spec), workspace.trained(spec)
    data = data_checksums(spec)
    training = records.read_json(trained / "training.json")
    fingerprint = evaluation_fingerprint(spec, data, training)
    if is_finished(folder / "run.json", fingerprint):
        log.info("%s is evaluated already", spec.run_id)
        return records.read_json(folder / "run.json")
    with workspace.claim(spec, "evaluation"):
        started, watch = records.now(), records.Stopwatch()
        features, labels = read_features(trained / "features.npz")
        result = classify(
            features["train"],
            labels["train"],
            features["test"],
            labels["test"],
            seed=spec.seed,
            max_iterations=document_settings(spec).svm_max_iterations,
            threads=threads,
        )
        record = stage_record(spec, "evaluation", fingerprint, started, watch) | {"measure_seconds": result.seconds}
        metrics = {
            "precision": result.precision,
            "recall": result.recall,
            "f1": result.f1,
            "accuracy": result.accuracy,
            "converged": result.converged,
            "solver": result.solver,
            **training["method"],
        }
        run = run_record(spec, fingerprint, training["status"], metrics, data, training, record)
        run |= {"corpus": training["corpus"], "protocol": {"split": document_settings(spec).split}}
        records.write_arrays(folder / "per_example.npz", predictions=result.predictions, labels=labels["test"])
        records.write_json(folder / "run.json", run)
    log.info("%s: macro F1 %.2f (P %.2f, R %.2f)", spec.run_id, result.f1, result.precision, result.recall)
    return run


def write_features(path: Path, features: dict[str, Any], data: Prepared) -> None:
    """Features and labels of both parts as one .npz, sparse ones by their three arrays."""
    arrays: dict[str, np.ndarray] = {}
    for part, corpus in _parts(data):
        assert corpus.labels is not None
        arrays[f"{part}_labels"] = corpus.labels
        matrix = features[part]
        if sparse.issparse(matrix):
            arrays[f"{part}_values"], arrays[f"{part}_columns"] = matrix.data, matrix.indices
            arrays[f"{part}_offsets"], arrays[f"{part}_shape"] = matrix.indptr, np.array(matrix.shape)
        else:
            arrays[f"{part}_dense"] = matrix
    records.write_arrays(path, **arrays)


def read_features(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `write_features` wrote: features and labels, each by part.

    Raises:
        UserError: the file is missing or broken.
    """
    features: dict[str, Any] = {}
    labels: dict[str, np.ndarray] = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for part in ("train", "test"):
                labels[part] = file[f"{part}_labels"]
                if f"{part}_dense" in file:
                    features[part] = file[f"{part}_dense"]
                else:
                    content = (file[f"{part}_values"], file[f"{part}_columns"], file[f"{part}_offsets"])
                    features[part] = sparse.csr_matrix(content, shape=tuple(file[f"{part}_shape"]))
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UserError(f"{path} is missing or broken ({error}); remove its folder and run again") from error
    return features, labels


def _parts(data: Prepared) -> tuple[tuple[str, Corpus], tuple[str, Corpus]]:
    return ("train", data.train), ("test", data.test)


def _checked(features: Any, corpus: Corpus, spec: RunSpec) -> Any:
    if getattr(features, "shape", (0,))[0] != len(corpus) or features.ndim != 2:
        shape = getattr(features, "shape", "no array")
        raise UserError(f"{spec.model}: transform gave {shape} for {len(corpus)} documents, not (documents, features)")
    if sparse.issparse(features):
        return sparse.csr_matrix(features)
    return np.asarray(features, dtype=np.float32 if features.dtype == np.float32 else np.float64)


def _embeddings_used(spec: RunSpec, method: Any) -> str | None:
    """The word vectors that a method takes; None for one that takes none."""
    return document_settings(spec).embeddings if "embeddings" in accepted_options(type(method)) else None
