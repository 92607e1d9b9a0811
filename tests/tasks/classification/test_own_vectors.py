"""A run on a user's own word embeddings: how much of the corpus they know, and a change of the file runs it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.run.fingerprint import data_hash
from dgmbench.run.rows import find_row
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification.check import findings
from dgmbench.tasks.classification.task import CLASSIFICATION
from tests.tasks.classification.conftest import ANIMALS, PLANTS

KNOWN = (*ANIMALS, *PLANTS[:4])


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Vectors of nine of the ten words, and of one that the corpus lacks."""
    monkeypatch.setenv("DGMBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = [f"{word} {' '.join(map(str, rng.standard_normal(4)))}" for word in (*KNOWN, "stone")]
    (tmp_path / "mine.vec").write_text("\n".join([f"{len(lines)} 4", *lines]))
    return tmp_path / "mine.vec"


@pytest.mark.parametrize("name", ["mine.vec", "file:mine.vec"])
def test_the_record_says_how_much_of_the_corpus_they_know(
    name: str, mine: Path, texts: Callable[..., Any], run_on: Callable[..., Any], workspace: Workspace
) -> None:
    documents = [*texts(40), *texts(20, seed=1)]
    run = run_on(documents[:40], documents[40:], "mean-wv", embeddings=name)
    train(CLASSIFICATION, run, workspace)
    record = evaluate(CLASSIFICATION, run, workspace)
    tokens = " ".join(text for _, text in documents).split()
    assert record["corpus"]["share_of_words_with_vector"] == 0.9
    expected = sum(token in KNOWN for token in tokens) / len(tokens)
    assert record["corpus"]["share_of_tokens_with_vector"] == pytest.approx(expected, abs=1e-6)
    assert record["metrics"]["embeddings"] == name


def test_an_edited_file_runs_it_again_and_an_equal_one_does_not(
    mine: Path, texts: Callable[..., Any], run_on: Callable[..., Any], workspace: Workspace
) -> None:
    run = run_on(texts(20), texts(20, seed=1), "mean-wv", embeddings="mine.vec")
    first, planned = train(CLASSIFICATION, run, workspace), data_hash(("mine.vec",))
    assert train(CLASSIFICATION, run, workspace)["finished"] == first["finished"]
    mine.write_text(mine.read_text().replace("\n", " \n"))
    assert train(CLASSIFICATION, run, workspace)["fingerprint"] == first["fingerprint"]
    mine.write_text(mine.read_text().replace("dog 0", "dog 1"))
    assert train(CLASSIFICATION, run, workspace)["fingerprint"] != first["fingerprint"]
    assert data_hash(("mine.vec",)) != planned


def test_a_method_is_checked_with_fewer_words_than_the_built_in_ones_have(
    mine: Path, texts: Callable[..., Any], run_on: Callable[..., Any]
) -> None:
    run = run_on(texts(20), texts(20, seed=1), "mean-wv", embeddings="mine.vec")
    assert list(findings(run, find_row(CLASSIFICATION, "mean-wv"))) == []


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nowhere.txt", r"^test\.embeddings: nowhere\.txt: no file nowhere\.txt$"),
        ("file:mine.bin", r"^test\.embeddings: file:mine\.bin: give a \.txt, \.vec or \.gz file of word vectors$"),
        ("glove-5d", r"^test\.embeddings: unknown dataset 'glove-5d'; did you mean 'glove-50d'\?$"),
    ],
)
def test_a_name_that_stands_for_no_embeddings_is_said(
    name: str, complaint: str, mine: Path, texts: Callable[..., Any], run_on: Callable[..., Any]
) -> None:
    with pytest.raises(UserError, match=complaint):
        run_on(texts(20), texts(20, seed=1), "mean-wv", embeddings=name)
