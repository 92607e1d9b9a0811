"""Drawn corpora: Zipf's law, the planted topics, parts that are the same whoever draws them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from dgmbench.data import zipf
from dgmbench.data.text import CorpusSplits
from dgmbench.data.user_corpus import check_corpus
from dgmbench.data.zipf import ZipfTopics
from dgmbench.errors import UserError

CASES = [
    ZipfTopics(5, 60),
    ZipfTopics(1, 10, topics_per_document=1),
    ZipfTopics(7, 40, exponent=0.0, purity=0.5),
    ZipfTopics(4, 50, exponent=2.0, purity=1.0),
    ZipfTopics(6, 6, purity=0.0, topics_per_document=2),
]


@pytest.mark.parametrize("made", CASES)
def test_the_topics_are_distributions_and_mix_to_zipfs_law(made: ZipfTopics) -> None:
    topics = np.array([made.topic(k) for k in range(made.n_topics)])
    np.testing.assert_allclose(topics.sum(axis=1), 1)
    ranks = np.arange(1, made.n_words + 1)
    np.testing.assert_allclose(made.sizes @ topics, ranks**-made.exponent / (ranks**-made.exponent).sum())


@pytest.mark.parametrize("made", CASES)
def test_words_of_documents_of_one_topic_follow_it_and_all_words_zipfs_law(
    made: ZipfTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipf, "PART", 2000)
    one = ZipfTopics(**{**vars_of(made), "topics_per_document": 1, "length": 20})
    corpus = one.draw(2000, seed=1)
    assert corpus.labels is not None and corpus.lengths.min() >= 1
    assert corpus.lengths.mean() == pytest.approx(20, abs=0.5)
    owner = corpus.labels[np.repeat(np.arange(len(corpus)), corpus.lengths)]
    for k in range(made.n_topics):
        words = np.bincount(corpus.words[owner == k], minlength=made.n_words)
        if words.sum() > 500:
            assert fits(words, made.topic(k))
    # tokens of a document go together: a test of all words takes the first token of each document
    several = ZipfTopics(**{**vars_of(made), "length": 5}).draw(2000, seed=2)
    assert fits(np.bincount(several.words[several.offsets[:-1]], minlength=made.n_words), made.frequencies)


def vars_of(made: ZipfTopics) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


def fits(counts: np.ndarray, p: np.ndarray) -> bool:
    expected = counts.sum() * p
    assert counts[p == 0].sum() == 0
    frequent = expected > 5
    cells = [np.append(values[frequent], values[~frequent].sum()) for values in (counts, expected)]
    kept = cells[1] > 0
    return kept.sum() < 2 or chisquare(cells[0][kept], cells[1][kept]).pvalue > 1e-4


@pytest.mark.parametrize("documents", [1, 30, 50, 51, 130])
def test_parts_are_the_same_however_many_there_are(documents: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipf, "PART", 50)
    made = ZipfTopics(4, 30, length=8)
    whole, some = made.draw(150, seed=3), made.draw(documents, seed=3)
    expected = whole.select_documents(np.arange(documents))
    for name in ("words", "offsets", "labels"):
        np.testing.assert_array_equal(getattr(some, name), getattr(expected, name))
    second = made.draw(50, seed=3, first_part=1)
    np.testing.assert_array_equal(second.words, whole.select_documents(np.arange(50, 100)).words)
    assert not np.array_equal(second.words[:50], made.draw(50, seed=4).words[:50])


def test_it_is_a_corpus_that_can_be_benchmarked() -> None:
    made = ZipfTopics(4, 30, length=8)
    check_corpus("drawn", CorpusSplits(made.draw(40), made.draw(20, first_part=1)))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"n_topics": 0}, "n_topics is 0; it must be at least 1"),
        ({"n_topics": 9, "n_words": 8}, "n_words is 8; it must be at least n_topics, 9"),
        ({"n_topics": 2, "purity": 1.5}, "purity is 1.5; it must be from 0 to 1"),
        ({"n_topics": 2, "length": 0.5}, "length is 0.5; it must be from 1"),
        ({"n_topics": 2, "exponent": float("nan")}, "exponent is nan; it must be from 0 to 10"),
        ({"n_topics": 2, "topics_per_document": 0}, "topics_per_document is 0; it must be at least 1"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(options: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        ZipfTopics(**options)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="ask for at least 1"):
        ZipfTopics(2, 5).draw(0)
