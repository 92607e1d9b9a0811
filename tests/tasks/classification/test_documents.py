"""Which documents a run sees, and how their features are kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.run.config import build_run
from dgmbench.run.stages import train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification.documents import described, evenly_spaced, joined, prepared_corpus, validation_parts
from dgmbench.tasks.classification.features import Features, read_features, write_features
from dgmbench.tasks.classification.task import CLASSIFICATION


def test_features_come_back_dense_and_sparse(tmp_path: Path) -> None:
    counts = Corpus.from_tokens([["a", "b", "a"], ["b"]]).counts
    parts = {
        "train": Features(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0, 1])),
        "test": Features(counts, np.ones(2)),
    }
    write_features(tmp_path / "features.npz", parts)
    for part, (values, labels) in parts.items():
        read = read_features(tmp_path / "features.npz", part)
        assert sparse.issparse(read.values) == sparse.issparse(values)
        assert abs(read.values - values).max() == 0
        np.testing.assert_array_equal(read.labels, labels)


def test_broken_features_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "features.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match="run again"):
        read_features(tmp_path / "features.npz", "train")


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


@pytest.mark.usefixtures("few_vectors")
def test_validation_documents_are_training_documents_that_are_not_trained_on(
    texts: Callable[..., Any], run_on: Callable[..., Any]
) -> None:
    def prepared(**settings: Any) -> Any:
        return prepared_corpus(run_on(texts(40), texts(20, seed=1), "bow", **settings))

    everything = prepared().train
    held_out = []
    for part in range(5):
        data = prepared(split="valid", valid_part=part)
        assert (len(data.train), len(data.test)) == (32, 8)
        assert data.train.n_tokens + data.test.n_tokens == everything.n_tokens
        assert np.bincount(data.test.labels).tolist() == [4, 4]
        held_out += [data.test.document(i).tobytes() for i in range(8)]
    assert sorted(held_out) == sorted(everything.document(i).tobytes() for i in range(40))


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize(
    ("given", "test", "n_topics", "complaint"),
    [
        ([("animal", "dog"), ("plant", "xyzzy")] * 9, [("animal", "dog")], 2, "all of one class"),
        ([("animal", "xyzzy"), ("plant", "plugh")], [("animal", "dog")], 2, "no training document"),
        ([("animal", "xyzzy"), ("plant", "plugh")], [("animal", "xyzzy")], 2, "none of the 2 words"),
        ([("animal", "dog"), ("plant", "oak")], [("animal", "xyzzy")], 2, "nothing to classify"),
        ([("animal", "dog"), ("plant", "oak")], [("animal", "dog")], 900, "fewer topics"),
    ],
)
def test_a_corpus_that_cannot_be_learned_from_is_one_clear_line(
    given: Any, test: Any, n_topics: int, complaint: str, run_on: Callable[..., Any], workspace: Workspace
) -> None:
    run = run_on(given, test, "lda", {"n_topics": n_topics, "n_sweeps": 5})
    with pytest.raises(UserError, match=complaint) as caught:
        train(CLASSIFICATION, run, workspace)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize(
    ("given", "test", "words", "of_test", "of_train"),
    [
        ([("a", "dog"), ("b", "oak")], [("a", "dog"), ("b", "oak")], 0, [], []),
        ([("a", "dog"), ("b", "oak")], [("a", "cat fern cat"), ("b", "moss")], 3, [], []),
        ([("a", "dog"), ("b", "oak")], [("a", "dog")], 0, [], ["b"]),
        ([("a", "dog"), ("b", "oak")], [("c", "dog"), ("b", "oak")], 0, ["c"], ["a"]),
        ([("a", "dog"), ("b", "oak"), ("c", "xyzzy")], [("c", "dog xyzzy")], 0, ["c"], ["a", "b"]),
    ],
)
def test_the_record_says_what_is_in_one_part_alone(
    given: Any, test: Any, words: int, of_test: list[str], of_train: list[str], run_on: Callable[..., Any]
) -> None:
    record = described(prepared_corpus(run_on(given, test, "bow")))
    assert record["vocabulary_of_test_alone"] == words
    assert (record["classes_of_test_alone"], record["classes_of_train_alone"]) == (of_test, of_train)


EVERY_CLASS = [("a", "dog"), ("b", "oak"), ("c", "cat"), ("c", "fern")]


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize(
    ("given", "test", "settings", "said"),
    [
        (EVERY_CLASS, EVERY_CLASS, {}, []),
        (EVERY_CLASS * 5, EVERY_CLASS * 5, {"train_limit": 8, "test_limit": 12}, []),
        (
            EVERY_CLASS,
            EVERY_CLASS,
            {"train_limit": 2},
            [r"no training document is left of a class \(1: '.'\): train_limit is 2"],
        ),
        (
            EVERY_CLASS,
            EVERY_CLASS,
            {"test_limit": 1},
            [r"no test document is left of a class \(2: '.', '.'\): test_limit is 1"],
        ),
        (
            EVERY_CLASS,
            EVERY_CLASS,
            {"train_limit": 2, "test_limit": 2},
            [r"no training .* train_limit is 2", r"no test .* test_limit is 2"],
        ),
        (
            [*EVERY_CLASS, ("d", "xyzzy")],
            [*EVERY_CLASS, ("d", "dog")],
            {},
            [r"no training document is left of a class \(1: 'd'\): none has a word with an embedding"],
        ),
        (
            [*EVERY_CLASS, ("d", "dog")],
            [*EVERY_CLASS, ("d", "xyzzy"), ("e", "plugh")],
            {},
            [
                r"no training document of a class \(1: 'e'\)",
                r"no test document is left of a class \(2: 'd', 'e'\): none has",
            ],
        ),
        (
            EVERY_CLASS * 5,
            EVERY_CLASS,
            {"split": "valid", "test_limit": 2},
            [r"no validation document is left of a class \(1: '.'\): test_limit is 2"],
        ),
        (
            [*EVERY_CLASS * 5, ("once", "dog")],
            [*EVERY_CLASS, ("once", "dog")],
            {"split": "valid", "valid_part": 3},
            [r"no validation document of a class \(1: 'once'\): valid_part is 3"],
        ),
    ],
)
def test_classes_that_are_lost_on_the_way_are_said(
    given: Any, test: Any, settings: Any, said: list[str], run_on: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    spec = run_on(given, test, "bow", **settings)
    for _ in range(2):  # a run prepares its documents more than once
        prepared_corpus(spec)
    lines = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == len(said)
    for line, pattern in zip(lines, said, strict=True):
        assert re.search(f"{re.escape(spec.dataset)}: {pattern}", line)


@pytest.mark.network
def test_limits_take_documents_of_every_class() -> None:
    settings = {"train_limit": 300, "test_limit": 150}
    data = prepared_corpus(build_run(CLASSIFICATION, "reuters", "bow", 0, [(settings, "test")], "test"))
    assert len(data.train) == 300 and len(data.test) == 150
    assert data.train.labels is not None
    assert len(np.unique(data.train.labels)) == 10


@pytest.mark.parametrize(("n", "limit"), [(96, 20), (96, 10), (100, 34), (201, 41), (50, 5)])
@pytest.mark.parametrize("order", ["in turn", "sorted"])
def test_a_part_of_the_documents_has_every_class_in_whatever_order_they_stand(n: int, limit: int, order: str) -> None:
    labels = ["abcde"[i % 5] for i in range(n)]
    labels = sorted(labels) if order == "sorted" else labels
    found = evenly_spaced(Corpus.from_tokens([[str(i)] for i in range(n)], labels), limit)
    assert found.labels is not None and len(found) == limit
    counts = np.bincount(found.labels, minlength=5)
    assert counts.max() - counts.min() <= 1 + (n % 5 > 0)
    numbers = [int(found.vocabulary[word]) for word in found.words]
    assert numbers == sorted(set(numbers))  # in the order of the corpus, each once


def test_copies_of_training_documents_are_counted_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = [f"{word} {other}" for word in ("cat", "dog") for other in ("runs", "sleeps", "eats")]
    rows = [f"{text},{text[:3]}" for text in texts]
    Path("a.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    Path("b.csv").write_text("\n".join(["text,label", rows[0], rows[4], "runs cat,cat", "dog,dog"]) + "\n")
    words, name = ["cat", "dog", "runs", "sleeps", "eats"], "file:a.csv?test=b.csv"
    Path("v.txt").write_text("".join(f"{word} {i} 1\n" for i, word in enumerate(words)))
    spec = build_run(CLASSIFICATION, name, "bow", 0, [({"embeddings": "v.txt"}, "test")], "test")
    record = train(CLASSIFICATION, spec, Workspace(tmp_path))
    assert record["corpus"]["copies_of_training_documents"] == 2
    assert f"{name}: 2 of 4 test documents are training documents, too" in caplog.text
