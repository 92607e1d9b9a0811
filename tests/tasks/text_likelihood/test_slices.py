"""A text-likelihood run on documents in slices of time: which are fitted to, and which are measured."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dgmbench.data.corpora import Corpus
from dgmbench.data.text import CorpusSplits
from dgmbench.errors import UserError
from dgmbench.run.config import build_run
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.text_likelihood.documents import described, prepared_documents
from dgmbench.tasks.text_likelihood.task import TEXT_LIKELIHOOD

DOCUMENTS, IN_TRAIN = 48, 30
DAY = np.random.default_rng(0).permutation(DOCUMENTS)  # of each document, from the first on


def dated() -> CorpusSplits:
    """Documents in no order of time, each with a word of its own day's week and one that all have."""
    texts, labels = [["all", f"week{day // 6}"] for day in DAY], [f"class {i % 2}" for i in range(DOCUMENTS)]
    vocabulary = sorted({word for text in texts for word in text})
    parts = [
        Corpus.from_tokens(texts[part], labels[part], vocabulary=vocabulary, classes=["class 0", "class 1"])
        for part in (slice(IN_TRAIN), slice(IN_TRAIN, None))
    ]
    days = np.datetime64("1987-02-26") + DAY
    return CorpusSplits(*parts, days[:IN_TRAIN], days[IN_TRAIN:])


@pytest.fixture
def corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = types.ModuleType("diary")
    made.dated = dated
    made.undated = lambda: replace(dated(), train_dates=None, test_dates=None)
    made.half_dated = lambda: replace(dated(), test_dates=None)
    made.wrong = lambda: replace(dated(), train_dates=np.full(IN_TRAIN, "soon"))
    monkeypatch.setitem(sys.modules, "diary", made)


def spec_of(corpus: str = "diary:dated", **settings: Any) -> RunSpec:
    return build_run(TEXT_LIKELIHOOD, corpus, "unigram", 0, [({"least_documents": 1, **settings}, "test")], "test")


def weeks(corpus: Corpus) -> list[int]:
    """Of each document."""
    words = [[corpus.vocabulary[w] for w in corpus.document(d)] for d in range(len(corpus))]
    return [int(next(word[4:] for word in each if word.startswith("week"))) for each in words]


@pytest.mark.usefixtures("corpora")
@pytest.mark.parametrize(
    ("slices", "split", "fitted"), [(8, "test", 7), (8, "valid", 6), (4, "test", 6), (2, "test", 4), (4, "valid", 4)]
)
def test_the_last_slice_is_measured_and_all_before_it_are_fitted_to(slices: int, split: str, fitted: int) -> None:
    """Slices of 6, 12 or 24 days; the words of later weeks are unknown then, so that "all" is what is measured."""
    data = prepared_documents(spec_of(slices=slices, split=split))
    assert sorted(set(weeks(data.train))) == list(range(fitted)) and len(data.train) == 6 * fitted
    assert data.slices is not None and (data.slices == np.array(weeks(data.train)) * slices // 8).all()
    assert len(data.test) == data.unknown_test == 48 // slices and set(data.test.words) == {0}
    assert described(data)["slices"] == data.slices.max() + 1


@pytest.mark.usefixtures("corpora")
@pytest.mark.parametrize("limit", [15, 20, 30, 41, 42])
def test_a_limit_leaves_documents_in_their_slices(limit: int) -> None:
    data = prepared_documents(spec_of(slices=8, train_limit=limit))
    assert data.slices is not None and len(data.slices) == len(data.train) == limit
    assert (data.slices == weeks(data.train)).all()


@pytest.mark.usefixtures("corpora")
def test_without_slices_the_split_is_the_corpus_own() -> None:
    data = prepared_documents(spec_of())
    assert data.slices is None and "slices" not in described(data)
    np.testing.assert_array_equal(weeks(data.train), DAY[:IN_TRAIN] // 6)


@pytest.mark.usefixtures("corpora")
@pytest.mark.parametrize(
    ("corpus", "settings", "line"),
    [
        ("diary:undated", {"slices": 8}, "its documents have no dates"),
        ("diary:half_dated", {"slices": 8}, "its documents have no dates"),
        ("diary:wrong", {"slices": 8}, "the date of document 0 is 'soon', which cannot be read"),
        ("diary:dated", {"slices": 49}, "49 slices of 48 documents; ask for fewer"),
        ("diary:dated", {"slices": 1}, "slices is 1; with split: test there must be at least 2"),
        ("diary:dated", {"slices": 2, "split": "valid"}, "slices is 2; with split: valid there must be at least 3"),
        ("diary:dated", {"slices": 48, "train_limit": 20}, r"slice \d+ has no document left to fit to"),
    ],
)
def test_what_cannot_be_sliced_is_refused_in_one_line(corpus: str, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        prepared_documents(spec_of(corpus, **settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("slices", "line"), [(-1, "too small"), (2.5, "whole number"), ("many", "whole number")])
def test_the_number_of_slices_is_a_whole_number(slices: Any, line: str) -> None:
    with pytest.raises(UserError, match=f"slices.*{line}"):
        spec_of(slices=slices)
