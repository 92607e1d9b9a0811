"""Fitting and judging a document method, from corpus to record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from dgmbench.run import records
from dgmbench.run.config import build_run
from dgmbench.data.corpora import Corpus
from dgmbench.data.embeddings import Embeddings
from dgmbench.errors import UserError
from dgmbench.models.text.preparation import Prepared
from dgmbench.run.registry import METHODS
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.classification import stages as classification
from dgmbench.tasks.classification.documents import joined, prepared_corpus, validation_parts
from dgmbench.run.workspace import Workspace


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


def test_validation_parts_have_their_share_of_every_class() -> None:
    labels = np.repeat([0, 1, 2, 3], [500, 51, 3, 1])
    parts = validation_parts(labels)
    for c, size in enumerate((500, 51, 3)):
        shares = np.bincount(parts[labels == c], minlength=5)
        assert shares.sum() == size and shares.max() - shares.min() <= 1
    assert parts[-1] == -1  # a class's only document is always trained on
    np.testing.assert_array_equal(parts, validation_parts(labels))


def test_joined_documents_are_those_of_both_without_labels() -> None:
    first = Corpus.from_tokens([["a", "b"], ["c"]], ["x", "y"], vocabulary=["a", "b", "c"])
    second = Corpus.from_tokens([["c", "b", "b"]], ["x"], vocabulary=["a", "b", "c"])
    both = joined(first, second)
    assert [both.document(i).tolist() for i in range(3)] == [[0, 1], [2], [2, 1, 1]]
    assert both.labels is None


def own_files(folder: Path, documents: list[tuple[str, str]], test: list[tuple[str, str]] | None = None) -> str:
    """The name of a corpus of JSON lines, label and text of each document."""
    for name, part in (("train.jsonl", documents), ("test.jsonl", test or documents)):
        rows = (json.dumps({"label": label, "text": text}) for label, text in part)
        (folder / name).write_text("\n".join(rows), encoding="utf-8")
    return f"file:{folder}/train.jsonl?test={folder}/test.jsonl"


def own_spec(corpus: str, method: str, options: dict[str, Any] | None = None, **settings: Any) -> RunSpec:
    layers = [(settings | {"options": options or {}}, "test")]
    return build_run("classification", corpus, method, 0, layers, "test")


@pytest.fixture
def few_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Embeddings of ten animals and plants instead of 400,000 words."""
    words = [*ANIMALS, *PLANTS]
    vectors = np.random.default_rng(0).standard_normal((len(words), 4)).astype(np.float32)
    known = Embeddings("few", words, vectors)
    for module in ("dgmbench.tasks.classification.documents", "dgmbench.tasks.classification.stages"):
        monkeypatch.setattr(f"{module}.load_embeddings", lambda name: known)
    monkeypatch.setattr("dgmbench.tasks.classification.stages.data_checksums", lambda spec: {"source": "test"})


ANIMALS, PLANTS = ("dog", "cat", "horse", "cow", "sheep"), ("oak", "fern", "moss", "rose", "grass")


def animals_and_plants(n: int, seed: int = 0) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    halves = [("animal", ANIMALS), ("plant", PLANTS)]
    return [(label, " ".join(rng.choice(words, 12))) for _ in range(n // 2) for label, words in halves]


SMALL: dict[str, dict[str, Any]] = {
    "bow": {},
    "lda": {"n_topics": 2, "n_sweeps": 20},
    "slda": {"n_topics": 2, "n_iterations": 2},
    "lftm": {"n_topics": 2, "initial_sweeps": 20, "n_sweeps": 5},
    "mean-wv": {},
    "doc2vec": {"dim": 8, "epochs": 10},
    "twe": {"n_topics": 2, "dim": 8, "epochs": 5},
    "gaussian-lda": {"n_topics": 2, "n_sweeps": 5},
    "topicvec": {"n_topics_per_class": 2, "iterations": 10},
    "topicvec+mean-wv": {"n_topics_per_class": 2, "iterations": 10},
}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_excludes_the_same_empty_documents(method: str, tmp_path: Path, few_vectors: None) -> None:
    """An empty document, one of unknown words, one of stop words: counted, left out, and never a NaN."""
    nothing = [("animal", ""), ("plant", "xyzzy plugh"), ("animal", "the of and")]
    name = own_files(tmp_path, [*nothing, *animals_and_plants(40)], [*animals_and_plants(20, seed=1), *nothing[:2]])
    workspace, run = Workspace(tmp_path / "results"), own_spec(name, method, SMALL[method])
    classification.train(run, workspace)
    record = classification.evaluate(run, workspace)
    counted = ("train_documents", "test_documents", "dropped_train", "dropped_test")
    assert [record["corpus"][key] for key in counted] == [40, 20, 3, 2]
    features, _ = classification.read_features(workspace.trained(run) / "features.npz")
    for part in ("train", "test"):
        dense = features[part].toarray() if sparse.issparse(features[part]) else features[part]
        assert np.isfinite(dense).all()
    assert 0 < record["metrics"]["f1"] <= 100


@pytest.mark.parametrize("method", ["lda", "lftm", "doc2vec"])
def test_a_transductive_method_sees_the_documents_it_is_judged_on(
    method: str, tmp_path: Path, few_vectors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = own_files(tmp_path, animals_and_plants(40), animals_and_plants(20, seed=1))
    workspace = Workspace(tmp_path / "results")
    seen: list[tuple[int, object]] = []
    build = classification.build_method

    def spying(spec: RunSpec, threads: int) -> Any:
        built = build(spec, threads)
        fit = built.fit
        built.fit = lambda corpus, labels: seen.append((len(corpus), labels)) or fit(corpus, labels)
        return built

    monkeypatch.setattr(classification, "build_method", spying)
    records_of = [
        classification.train(own_spec(name, method, SMALL[method], transductive=on), workspace)["method"]
        for on in (False, True)
    ]
    assert [record["transductive"] for record in records_of] == [False, True]
    assert seen[0][0] == 40 and seen[0][1] is not None
    assert seen[1] == (60, None)


def test_validation_documents_are_training_documents_that_are_not_trained_on(tmp_path: Path, few_vectors: None) -> None:
    name = own_files(tmp_path, animals_and_plants(40), animals_and_plants(20, seed=1))
    everything = prepared_corpus(own_spec(name, "bow")).train
    held_out = []
    for part in range(5):
        data = prepared_corpus(own_spec(name, "bow", split="valid", valid_part=part))
        assert (len(data.train), len(data.test)) == (32, 8)
        assert data.train.n_tokens + data.test.n_tokens == everything.n_tokens
        assert np.bincount(data.test.labels).tolist() == [4, 4]
        held_out += [data.test.document(i).tobytes() for i in range(8)]
    assert sorted(held_out) == sorted(everything.document(i).tobytes() for i in range(40))


@pytest.mark.parametrize(
    ("train", "test", "options", "complaint"),
    [
        ([("animal", "dog"), ("plant", "xyzzy")] * 9, [("animal", "dog")], {}, "all of one class"),
        ([("animal", "xyzzy"), ("plant", "plugh")], [("animal", "dog")], {}, "no training document"),
        ([("animal", "xyzzy"), ("plant", "plugh")], [("animal", "xyzzy")], {}, "none of the 2 words"),
        (animals_and_plants(20), [("animal", "xyzzy")], {}, "nothing to classify"),
        (animals_and_plants(4), animals_and_plants(4), {"n_topics": 900}, "fewer topics"),
    ],
)
def test_a_corpus_that_cannot_be_learned_from_is_one_clear_line(
    train: Any, test: Any, options: dict[str, Any], complaint: str, tmp_path: Path, few_vectors: None
) -> None:
    run = own_spec(own_files(tmp_path, train, test), "lda", options or SMALL["lda"])
    with pytest.raises(UserError, match=complaint) as caught:
        classification.train(run, Workspace(tmp_path / "results"))
    assert "\n" not in str(caught.value)


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
        patch.setattr("dgmbench.models.text.mean_wv.MeanWordVectors.fit", fails)
        with pytest.raises(RuntimeError):
            classification.train(run, workspace)
    failure = workspace.failure(run)
    assert failure is not None and "no such luck" in failure["error"]
    classification.train(run, workspace)
    assert workspace.failure(run) is None
