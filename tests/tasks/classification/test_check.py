"""The check of document methods: every row passes, and usual mistakes are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.names import accepted_options, load_object
from dgmbench.run.config import build_run
from dgmbench.run.rows import find_row
from dgmbench.run.stages import train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification.check import findings
from dgmbench.tasks.classification.rows import ROWS
from dgmbench.tasks.classification.task import CLASSIFICATION

pytestmark = pytest.mark.network


def check(method: str, **options: Any) -> list[str]:
    spec = build_run(CLASSIFICATION, "reuters", method, 0, [({"options": options}, "test")], "test")
    return list(findings(spec, find_row(CLASSIFICATION, spec.model, spec.factory)))


@pytest.mark.parametrize("name", ROWS)
def test_every_document_method_fits(name: str) -> None:
    # few topics and sweeps where there are any: the check is about the interface
    few = {"n_topics": 5, "n_sweeps": 20, "initial_sweeps": 20, "n_iterations": 2, "epochs": 5}
    accepted = accepted_options(load_object(ROWS[name].factory))
    assert check(name, **{k: v for k, v in few.items() if k in accepted}) == []


class Leaking:
    """Learns from the documents it describes."""

    def __init__(self) -> None:
        self.seen_ = 0

    def fit(self, corpus: Any, labels: Any = None) -> Leaking:
        return self

    def transform(self, corpus: Any) -> np.ndarray:
        self.seen_ += 1
        return np.full((len(corpus), 2), float(self.seen_))


class Infinite(Leaking):
    """Gives what no classifier can read."""

    def transform(self, corpus: Any) -> np.ndarray:
        return np.full((len(corpus), 2), np.inf)


def test_a_method_that_learns_from_test_documents_is_caught() -> None:
    found = check(f"{__name__}:Leaking")
    assert any("must not teach" in finding for finding in found)
    assert any("second time" in finding for finding in found)


def test_features_that_are_not_finite_are_named() -> None:
    assert "transform gave NaN or infinity" in check(f"{__name__}:Infinite")


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("a.csv", "body,label\ncat,a\ndog,b\n", "has no column 'text'"),
        ("a.csv", "text,label\n" + "zzqxvk,a\nqqzwkj,b\n" * 5, "none of the 2 words of the corpus has an embedding"),
        ("a.csv", "text,label\n" + "cat,a\n" * 5, "documents of one class"),
        ("a.csv", "text,label\n" + "cat,a\nzzqxvk,b\n" * 5, "training documents are all of one class"),
        ("a.jsonl", '{"text": {"a": 1}, "label": "x"}\n', "line 1: 'text' is an object"),
    ],
)
def test_a_corpus_that_cannot_be_trained_on_does_not_fit(
    tmp_path: Path, file: str, content: str, complaint: str, workspace: Workspace
) -> None:
    (tmp_path / file).write_text(content, encoding="utf-8")
    spec = build_run(CLASSIFICATION, f"file:{tmp_path / file}", "bow", 0, [({}, "test")], "test")
    row = find_row(CLASSIFICATION, spec.model, spec.factory)
    for attempt in (lambda: list(findings(spec, row)), lambda: train(CLASSIFICATION, spec, workspace)):
        with pytest.raises(UserError, match=complaint):
            attempt()


def test_a_method_that_asks_too_much_of_a_small_corpus_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "cat,a\ndog,b\n" * 5, encoding="utf-8")
    layers = [({"options": {"n_topics": 900, "n_sweeps": 2}}, "test")]
    spec = build_run(CLASSIFICATION, f"file:{tmp_path / 'a.csv'}", "lda", 0, layers, "test")
    row = find_row(CLASSIFICATION, spec.model, spec.factory)
    with pytest.raises(UserError, match="fewer topics"):
        list(findings(spec, row))
