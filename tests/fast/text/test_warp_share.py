"""WarpLDA by shares: what workers hand to each other, and the topics of one process bit by bit."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text import layout
from dgmbench.fast.text.layout import random_topics, random_topics_of, word_offsets
from dgmbench.fast.text.warp import Warp
from dgmbench.fast.text.warp_share import DOCUMENTS, WORDS, Problem, Share, divide, given
from dgmbench.models.text.warp_by_shares import WarpByShares
from tests.planted import corpus_of, draw_corpus, planted_topics

CORPUS = draw_corpus(planted_topics(5, 300), documents=120, length=30)
UNEVEN = corpus_of([[0, 1, 2] * 300, [2], [1, 1], *([[3, 4]] * 20)], 9)  # one document and three words have most tokens


def after(sampler: Warp | WarpByShares, K: int, sweeps: int) -> dict[str, np.ndarray]:
    for number in range(sweeps):
        sampler.sweep(np.linspace(0.1, 0.5, K) + 0.01 * number)
    return sampler.state()


@pytest.mark.parametrize(
    ("corpus", "K", "workers", "options"),
    [
        (CORPUS, 8, 1, {}),
        (CORPUS, 8, 2, {}),
        (CORPUS, 8, 3, {"proposals": 2}),
        (CORPUS, 8, 16, {"seed": 9}),
        (CORPUS, 70_000, 2, {}),  # topics in 32 bits
        (CORPUS, 8, 50, {"parts": 60}),
        (UNEVEN, 5, 4, {}),  # some workers have no word, some no document
        (CORPUS.select_documents(np.arange(2)), 3, 2, {}),
    ],
)
def test_the_topics_are_those_of_one_process(corpus: Corpus, K: int, workers: int, options: dict[str, int]) -> None:
    one = after(Warp(corpus, K, beta=0.05, **options), K, 4)
    several = after(WarpByShares(corpus, K, beta=0.05, workers=workers, **options), K, 4)
    assert several["tokens"].dtype == one["tokens"].dtype
    np.testing.assert_array_equal(several["tokens"], one["tokens"])
    assert several["sweeps"] == one["sweeps"]


@pytest.mark.parametrize("takes_up", [Warp, WarpByShares])
def test_one_takes_up_the_state_of_the_other(takes_up: type) -> None:
    whole = after(Warp(CORPUS, 8, beta=0.05), 8, 3)["tokens"]
    other = WarpByShares if takes_up is Warp else Warp
    first = other(CORPUS, 8, beta=0.05)
    first.sweep(np.linspace(0.1, 0.5, 8))
    second = takes_up(CORPUS, 8, beta=0.05)
    second.restore(first.state())
    for number in (1, 2):
        second.sweep(np.linspace(0.1, 0.5, 8) + 0.01 * number)
    np.testing.assert_array_equal(second.state()["tokens"], whole)


@pytest.mark.parametrize(("workers", "parts"), [(1, 16), (2, 16), (3, 16), (7, 7), (16, 40)])
def test_every_row_and_token_has_one_worker(workers: int, parts: int) -> None:
    division = divide(word_offsets(CORPUS), CORPUS.offsets, workers, parts)
    for kind, rows in ((WORDS, CORPUS.n_words), (DOCUMENTS, len(CORPUS))):
        has = [division.of(worker, kind) for worker in range(workers)]
        assert has[0].start == 0
        assert has[-1].stop == rows
        assert all(one.stop == other.start for one, other in pairwise(has))
    assert np.diff(division.parts).max() - np.diff(division.parts).min() <= 1
    assert division.tokens[0] == 0
    assert division.tokens[-1] == CORPUS.n_tokens
    # about as many tokens each, and no more than a row away
    assert np.diff(division.tokens).max() <= CORPUS.n_tokens / parts * np.diff(division.parts).max() + 2 * 30


def shares(workers: int, seed: int = 0) -> list[Share]:
    division = divide(word_offsets(CORPUS), CORPUS.offsets, workers, 16)
    made = []
    for worker in range(workers):
        documents, (begin, end) = division.of(worker, DOCUMENTS), division.tokens[worker : worker + 2]
        own = CORPUS.words[begin:end], CORPUS.offsets[documents.start : documents.stop + 1] - begin
        made.append(Share(Problem(8, CORPUS.n_words, 0.05, seed, 1), division, worker, lambda own=own: given(*own)))
    return made


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 16])
def test_a_worker_gets_the_words_of_its_tokens_in_the_order_of_the_documents(workers: int) -> None:
    made = shares(workers)
    division = divide(word_offsets(CORPUS), CORPUS.offsets, workers, 16)
    for worker in range(workers):
        words = division.of(worker, WORDS)
        got = np.concatenate([share.words_for(worker)[0] for share in made])
        here = (CORPUS.words >= words.start) & (CORPUS.words < words.stop)
        np.testing.assert_array_equal(got, CORPUS.words[here])
        assert made[worker].join(*[share.words_for(worker)[0] for share in made]) == [here.sum()]


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 16])
def test_tokens_that_were_dealt_out_are_gathered_in_their_order(workers: int) -> None:
    tokens = np.arange(2 * CORPUS.n_tokens, dtype=np.uint32).reshape(-1, 2) % 8
    division, begun = divide(word_offsets(CORPUS), CORPUS.offsets, workers, 16), []
    made = shares(workers)
    for worker, share in enumerate(made):
        begun.append(share.begin(tokens[slice(*division.tokens[worker : worker + 2])]))
    np.testing.assert_array_equal(sum(sizes for sizes, *_ in begun), np.bincount(tokens[:, 0], minlength=8))
    # the first worker's words, then the second's: the blocks of every sender hold exactly their tokens
    for receiver in range(workers):
        words = division.of(receiver, WORDS)
        here = (CORPUS.words >= words.start) & (CORPUS.words < words.stop)
        np.testing.assert_array_equal(np.concatenate([blocks[receiver] for _, *blocks in begun]), tokens[here])
    gathered = [share.gather(*blocks)[0] for share, (_, *blocks) in zip(made, begun, strict=True)]
    np.testing.assert_array_equal(np.concatenate(gathered), tokens)


def test_a_share_holds_what_belongs_to_its_tokens_and_no_more() -> None:
    corpus = draw_corpus(planted_topics(5, 50), documents=400, length=100)
    division = divide(word_offsets(corpus), corpus.offsets, 4, 16)
    documents, (begin, end) = division.of(1, DOCUMENTS), division.tokens[1:3]
    own = corpus.words[begin:end], corpus.offsets[documents.start : documents.stop + 1] - begin
    share = Share(Problem(8, corpus.n_words, 0.05, 0, 1), division, 1, lambda: given(*own))
    share._read = given  # what it reads is elsewhere
    # of 40,000 tokens a quarter, a position and an owner each: five bytes; the rest is rows
    assert len(pickle.dumps(share)) < 5 * 10_500 + 8 * 120 + 3_000


@pytest.mark.parametrize(("begin", "end"), [(0, 50), (0, 7), (7, 8), (13, 50), (20, 21), (5, 5), (40, 50)])
@pytest.mark.parametrize("K", [5, 70_000])
def test_first_topics_of_some_tokens_are_those_that_all_of_them_have(
    begin: int, end: int, K: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "BLOCK", 10)
    whole = random_topics(corpus_of([[0] * 50], 1), K, 3)
    np.testing.assert_array_equal(random_topics_of(begin, end, K, 3), whole[begin:end])


@pytest.mark.parametrize("K", [2, 8, 100, 70_000])
def test_first_topics_of_a_block_are_one_stream_of_its_seed(K: int) -> None:
    kind = np.uint16 if K <= 2**16 else np.uint32
    expected = np.random.default_rng(4).integers(0, K, CORPUS.n_tokens, dtype=kind)
    np.testing.assert_array_equal(random_topics(CORPUS, K, 4), expected)
