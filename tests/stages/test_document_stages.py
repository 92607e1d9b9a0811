"""Fitting and judging a document method, from corpus to record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from dgmbench import records
from dgmbench.config import build_run
from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.topics.preparation import Prepared
from dgmbench.spec import RunSpec
from dgmbench.stages import classification
from dgmbench.stages.documents import prepared_corpus
from dgmbench.stages.workspace import Workspace


def spec(method: str = "mean-wv", **settings: object) -> RunSpec:
    values = {"train_limit": 300, "test_limit": 150, **settings}
    return build_run("classification", "reuters", method, 0, [(values, "test")], "test")


def two_documents() -> Prepared:
    corpus = Corpus.from_tokens([["a", "b", "a"], ["b"]], ["x", "y"])
    return Prepared(corpus, corpus, np.zeros((2, 3), np.float32), 0, 0)


def test_features_come_back_dense_and_sparse(tmp_path: Path) -> None:
    data = two_documents()
    dense, counts = np.array([[1.0, 2.0], [3.0, 4.0]]), data.train.counts
    for features in ({"train": dense, "test": dense + 1}, {"train": counts, "test": counts * 2}):
        classification.write_features(tmp_path / "features.npz", features, data)
        read, labels = classification.read_features(tmp_path / "features.npz")
        for part in ("train", "test"):
            assert sparse.issparse(read[part]) == sparse.issparse(features[part])
            assert abs(read[part] - features[part]).max() == 0
            np.testing.assert_array_equal(labels[part], [0, 1])


def test_broken_features_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "features.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match="run again"):
        classification.read_features(tmp_path / "features.npz")


@pytest.mark.network
def test_limits_take_documents_of_every_class() -> None:
    data = prepared_corpus(spec())
    assert len(data.train) == 300 and len(data.test) == 150
    assert data.train.labels is not None
    assert len(np.unique(data.train.labels)) == 10


@pytest.mark.network
def test_a_run_leaves_its_record_and_every_prediction(tmp_path: Path) -> None:
    workspace, run = Workspace(tmp_path), spec()
    classification.train(run, workspace)
    record = classification.evaluate(run, workspace)
    assert record["status"] == "ok" and record["metrics"]["converged"]
    assert record["metrics"]["embeddings"] == "glove-50d" and record["metrics"]["n_features"] == 50
    with np.load(workspace.run(run) / "per_example.npz") as file:
        accuracy = 100 * np.mean(file["predictions"] == file["labels"])
    assert accuracy == pytest.approx(record["metrics"]["accuracy"])
    assert classification.evaluate(run, workspace) == records.read_json(workspace.run(run) / "run.json")
    assert spec("bow").training_id != run.training_id


@pytest.mark.network
def test_a_failure_is_noted_and_forgotten_after_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, run = Workspace(tmp_path), spec()

    def fails(*_: object) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr("dgmbench.models.topics.mean_wv.MeanWordVectors.fit", fails)
        with pytest.raises(RuntimeError):
            classification.train(run, workspace)
    failure = workspace.failure(run)
    assert failure is not None and "no such luck" in failure["error"]
    classification.train(run, workspace)
    assert workspace.failure(run) is None
