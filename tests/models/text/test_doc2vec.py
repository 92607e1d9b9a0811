"""Paragraph vectors: repeatable in every process, inferred one document at a time, telling subjects apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.metrics.classification import classify
from dgmbench.models.text import Doc2Vec
from tests.planted import corpus_of, draw_corpus

OPTIONS: dict[str, Any] = {"dim": 8, "epochs": 20, "window": 4}


def two_subjects() -> Corpus:
    topics = np.zeros((2, 60))
    topics[0, :30] = topics[1, 30:] = 1 / 30
    return draw_corpus(topics, documents=200, length=30, labelled=True)


@pytest.mark.parametrize("variant", ["dm", "dbow"])
def test_subjects_are_told_apart_in_held_out_documents(variant: str) -> None:
    corpus = two_subjects()
    train, test = corpus.select_documents(np.arange(150)), corpus.select_documents(np.arange(150, 200))
    fitted = Doc2Vec(variant=variant, **OPTIONS).fit(train)
    result = classify(fitted.transform(train), train.labels, fitted.transform(test), test.labels)
    assert result.accuracy > 90


@pytest.mark.parametrize("variant", ["dm", "dbow"])
def test_inference_leaves_the_model_alone_and_looks_at_one_document_at_a_time(variant: str) -> None:
    corpus = two_subjects()
    fitted = Doc2Vec(variant=variant, **OPTIONS).fit(corpus)
    model = fitted.model_
    before = [a.copy() for a in (model.wv.vectors, model.syn1neg, model.dv.vectors)]
    stream = model.random.get_state()
    features = fitted.transform(corpus)
    for old, new in zip(before, (model.wv.vectors, model.syn1neg, model.dv.vectors), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(stream[1], model.random.get_state()[1])
    backwards = fitted.transform(corpus.select_documents(np.arange(len(corpus))[::-1]))
    np.testing.assert_array_equal(features, backwards[::-1])


def test_a_seed_gives_the_same_bits_in_every_process() -> None:
    # Python hashes strings differently in each process, and gensim starts its vectors from such hashes
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.models.text.test_doc2vec import Doc2Vec, OPTIONS, two_subjects\n"
        "c = two_subjects(); print(Doc2Vec(seed=3, **OPTIONS).fit(c).transform(c).tobytes().hex())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parents[3])],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    corpus = two_subjects()
    here = [Doc2Vec(seed=seed, **OPTIONS).fit(corpus).transform(corpus).tobytes().hex() for seed in (3, 4)]
    assert other == here[0] != here[1]


def test_a_document_of_rare_words_alone_gets_zeros() -> None:
    corpus = corpus_of([[0, 1] * 5, [0, 1] * 5, [2]], 3)
    features = Doc2Vec(**OPTIONS).fit(corpus).transform(corpus)
    assert features[:2].any(axis=1).all() and not features[2].any()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"variant": "pv"}, "one of dm, dbow"), ({"epochs": 0}, "at least 1"), ({"min_count": 50}, "occurs 50 times")],
)
def test_bad_input(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        Doc2Vec(**(OPTIONS | options)).fit(corpus_of([[0, 1], [1]], 2))
