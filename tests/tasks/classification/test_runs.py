"""Fitting and judging a document method, from corpus to record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.names import load_object
from dgmbench.report.cells import collect
from dgmbench.run.config import build_run
from dgmbench.run.plan import Plan
from dgmbench.run.records import read_json
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification.features import read_features
from dgmbench.tasks.classification.rows import ROWS
from dgmbench.tasks.classification.table import TABLE
from dgmbench.tasks.classification.task import CLASSIFICATION

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
    "naive-bayes": {},
    "bayes-pa": {"n_topics": 2, "batch": 6},
}
DECIDING = [name for name, row in ROWS.items() if row.decides]


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize("method", ROWS)
def test_every_method_excludes_the_same_empty_documents(
    method: str, texts: Callable[..., Any], run_on: Callable[..., Any], workspace: Workspace
) -> None:
    """An empty document, one of unknown words, one of stop words: counted, left out, and never a NaN."""
    nothing = [("animal", ""), ("plant", "xyzzy plugh"), ("animal", "the of and")]
    run = run_on([*nothing, *texts(40)], [*texts(20, seed=1), *nothing[:2]], method, SMALL.get(method, {}))
    train(CLASSIFICATION, run, workspace)
    record = evaluate(CLASSIFICATION, run, workspace)
    counted = ("train_documents", "test_documents", "dropped_train", "dropped_test")
    assert [record["corpus"][key] for key in counted] == [40, 20, 3, 2]
    for part in ("train", "test"):
        values = read_features(workspace.trained(run) / "features.npz", part).values
        assert np.isfinite(values.data if sparse.issparse(values) else values).all()
    assert 0 < record["metrics"]["f1"] <= 100
    takes_vectors = "embeddings" in ROWS[method].needs
    assert record["metrics"]["embeddings"] == ("glove-50d" if takes_vectors else None)


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize("method", [name for name, row in ROWS.items() if row.transductive])
def test_a_transductive_method_sees_the_documents_it_is_judged_on(
    method: str,
    texts: Callable[..., Any],
    run_on: Callable[..., Any],
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = load_object(ROWS[method].factory)
    fit, seen = kind.fit, []

    def spying(self: Any, corpus: Corpus, labels: np.ndarray | None = None) -> Any:
        seen.append((len(corpus), labels is not None))
        return fit(self, corpus, labels)

    monkeypatch.setattr(kind, "fit", spying)
    records = [
        train(
            CLASSIFICATION,
            run_on(texts(40), texts(20, seed=1), method, SMALL.get(method, {}), transductive=on),
            workspace,
        )
        for on in (False, True)
    ]
    assert [record["method"]["transductive"] for record in records] == [False, True]
    assert seen == [(40, True), (60, False)]


class Misshapen:
    """A method that describes all documents by one number."""

    def fit(self, corpus: Corpus, labels: np.ndarray) -> None:
        pass

    def transform(self, corpus: Corpus) -> np.ndarray:
        return np.zeros(1)


class NoMethod:
    """Lacks ``fit`` and ``transform``."""


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize(
    ("kind", "line"),
    [(Misshapen, r"transform gave \(1,\) for 4 documents"), (NoMethod, r"has no method fit\(corpus, labels\)")],
)
def test_a_user_defined_method_that_does_not_fit_is_one_line(
    kind: type, line: str, texts: Callable[..., Any], run_on: Callable[..., Any], workspace: Workspace
) -> None:
    run = run_on(texts(4), texts(4), f"{kind.__module__}:{kind.__name__}")
    with pytest.raises(UserError, match=line):
        train(CLASSIFICATION, run, workspace)


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize("method", DECIDING)
@pytest.mark.parametrize("seed", range(5))
def test_a_method_that_decides_is_judged_by_its_own_decisions(
    seed: int, method: str, texts: Callable[..., Any], run_on: Callable[..., Any], workspace: Workspace
) -> None:
    """No classifier is asked, and the table says so."""
    run = run_on(texts(40), texts(20, seed=seed + 1), method, SMALL[method])
    train(CLASSIFICATION, run, workspace)
    record = evaluate(CLASSIFICATION, run, workspace)
    features = read_features(workspace.trained(run) / "features.npz", "test")
    assert isinstance(features.values, np.ndarray) and features.values.shape == (20, 2)
    with np.load(workspace.run(run) / "per_example.npz") as file:
        np.testing.assert_array_equal(file["predictions"], features.values.argmax(axis=1))
    assert record["metrics"]["solver"] == "none"
    assert record["metrics"]["features"] == load_object(ROWS[method].factory).feature_set
    cells = collect(
        Plan("trial", {"classification": CLASSIFICATION}, (run,), False, 1, {}),
        workspace,
        CLASSIFICATION,
        TABLE.problem,
    )
    (notes,) = [note for note in TABLE.sheet(cells).notes if "No SVM" in note]
    assert f"No SVM: {method}, by the largest of its own scores of the classes" in notes
    assert [TABLE.detail(cell)["SVM converged"] for cell in cells if cell.runs] == ["no SVM"]


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize(
    ("documents", "measured"),
    [(6, [1]), (12, [1, 2]), (24, [1, 2, 3, 4]), (30, [1, 2, 3, 5]), (62, [1, 2, 3, 5, 8, 11])],
)
def test_a_method_that_sees_minibatches_is_measured_on_the_way(
    documents: int, measured: list[int], texts: Callable[..., Any], run_on: Callable[..., Any], workspace: Workspace
) -> None:
    """After every minibatch at first, later by a growing factor, and at the end, as the table has it."""
    run = run_on(texts(documents), texts(20, seed=1), "bayes-pa", SMALL["bayes-pa"])
    record = train(CLASSIFICATION, run, workspace)
    curve = pd.read_csv(workspace.trained(run) / "curve.csv")
    assert curve["epoch"].tolist() == measured
    assert curve["documents"].tolist() == [min(6 * number, documents) for number in measured]
    assert curve["seconds"].is_monotonic_increasing and record["fit_seconds"] == curve["seconds"].iloc[-1]
    assert curve["accuracy"].iloc[-1] == pytest.approx(evaluate(CLASSIFICATION, run, workspace)["metrics"]["accuracy"])


@pytest.mark.network
@pytest.mark.parametrize("seed", range(5))
def test_two_news_groups_are_told_apart_after_one_pass(seed: int, workspace: Workspace) -> None:
    run = build_run(CLASSIFICATION, "20news-religion", "bayes-pa", seed, [({}, "test")], "test")
    train(CLASSIFICATION, run, workspace)
    assert evaluate(CLASSIFICATION, run, workspace)["metrics"]["accuracy"] > 80


def small_reuters(method: str = "mean-wv") -> RunSpec:
    layers = [({"train_limit": 300, "test_limit": 150}, "test")]
    return build_run(CLASSIFICATION, "reuters", method, 0, layers, "test")


@pytest.mark.network
def test_a_run_leaves_its_record_and_every_prediction(workspace: Workspace) -> None:
    run = small_reuters()
    train(CLASSIFICATION, run, workspace)
    record = evaluate(CLASSIFICATION, run, workspace)
    assert record["status"] == "ok" and record["metrics"]["converged"]
    expected = {"n_features": 50, "transductive": False, "embeddings": "glove-50d"}
    assert record["metrics"].items() >= expected.items()
    others = {"precision", "recall", "f1", "accuracy", "converged", "solver", "features"}
    assert record["metrics"].keys() == others | expected.keys()
    assert len(record["corpus"]["classes"]) == 10 and record["protocol"] == {"split": "test"}
    with np.load(workspace.run(run) / "per_example.npz") as file:
        accuracy = 100 * np.mean(file["predictions"] == file["labels"])
    assert accuracy == pytest.approx(record["metrics"]["accuracy"])
    assert evaluate(CLASSIFICATION, run, workspace) == read_json(workspace.run(run) / "run.json")
    assert small_reuters("bow").training_id != run.training_id


@pytest.mark.network
def test_a_failure_is_noted_and_forgotten_after_success(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_reuters()

    def fails(*_: object) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr("dgmbench.models.text.mean_wv.MeanWordVectors.fit", fails)
        with pytest.raises(RuntimeError):
            train(CLASSIFICATION, run, workspace)
    failure = workspace.failure(run)
    assert failure is not None and "no such luck" in failure["error"]
    train(CLASSIFICATION, run, workspace)
    assert workspace.failure(run) is None
