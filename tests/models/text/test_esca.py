"""ESCA: the conditional that every token is drawn from, the counts after a sweep, its memory, its device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch.utils._python_dispatch import TorchDispatchMode

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.metrics.topics import document_completion
from dgmbench.models.text import LDA
from dgmbench.models.text.esca import Esca
from dgmbench.models.text.lda_engines import LDAByEngine
from dgmbench.models.text.likelihood import document_topic_counts, word_topic_counts
from tests.planted import corpus_of, draw_corpus, planted_topics

GPU = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no NVIDIA GPU here")
)
SMALL = [[0, 0, 1, 2], [3], [2, 2, 2, 2, 1], [4, 0], [1, 3, 3]]
CASES = {  # documents, K, alpha, beta, entries of a block
    "even": (SMALL, 4, [0.5, 0.5, 0.5, 0.5], 0.1, 0),
    "lists of the documents alone": (SMALL, 4, [1e-9, 1e-9, 1e-9, 1e-9], 0.1, 0),
    "the words' sums nearly alone": (SMALL, 4, [300.0, 100.0, 50.0, 5.0], 0.1, 0),
    "one block a pair": (SMALL, 4, [0.2, 1.0, 0.1, 0.7], 0.5, 1),
    "few entries": (SMALL, 5, [0.2, 1.0, 0.1, 0.7, 2.0], 0.01, 100),
    "more topics than tokens": (SMALL, 40, [0.1] * 40, 0.3, 0),
    "one document": ([[0, 1, 2, 3, 4, 0, 1, 0]], 3, [0.3, 0.1, 0.6], 0.2, 0),
}


def conditional(corpus: Corpus, z: np.ndarray, alpha: np.ndarray, beta: float) -> np.ndarray:
    """(tokens, K) p(k) ∝ (n_dk + alpha_k) (n_wk + beta) / (n_k + V beta) with the counts of the assignment z."""
    of_documents = document_topic_counts(corpus, z, len(alpha)).toarray()
    of_words = word_topic_counts(corpus, z, len(alpha)).toarray()
    phi = (of_words + beta) / (of_words.sum(axis=0) + corpus.n_words * beta)
    owner = np.repeat(np.arange(len(corpus)), corpus.lengths)
    p = (of_documents[owner] + alpha) * phi[corpus.words]
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("case", CASES)
def test_every_token_is_drawn_from_its_conditional(case: str, device: str) -> None:
    """One sweep over many copies of a few documents, each copy with the same topics at its start."""
    documents, K, prior, beta, entries = CASES[case]
    copies, alpha = (100 if entries == 1 else 300 if entries else 3000), np.array(prior)
    corpus = corpus_of(documents * copies, 6)  # word 5 is in none
    tokens = sum(map(len, documents))
    z = np.tile(np.random.default_rng(1).integers(0, min(K, 6), tokens), copies)
    expected = conditional(corpus, z, alpha, beta)[:tokens]
    sampler = Esca(corpus, K, beta=beta, seed=5, device=device, entries=entries)
    sampler.restore({"topics": z, "sweeps": np.array(0)})
    sampler.sweep(alpha)
    drawn = sampler.topics.reshape(copies, tokens)
    for token, p in enumerate(expected):
        counts = np.bincount(drawn[:, token], minlength=K)
        frequent = copies * p > 5  # the rest is one cell
        cells = [np.append(values[frequent], values[~frequent].sum()) for values in (counts, copies * p)]
        if cells[1][-1] < 1:
            assert cells[0][-1] <= 6
            cells = [values[:-1] * (copies / max(values[:-1].sum(), 1)) for values in cells]
        assert len(cells[0]) == 1 or chisquare(*cells).pvalue > 1e-5


@pytest.mark.parametrize("K", [1, 2, 7, 50, 1000])
def test_counts_are_those_of_the_topics_whatever_the_blocks(K: int) -> None:
    corpus = draw_corpus(planted_topics(3, 50), documents=40, length=25)
    runs = [Esca(corpus, K, beta=0.1, seed=2, entries=entries) for entries in (1, 300, 0)]
    for _ in range(3):
        for sampler in runs:
            sampler.sweep(np.full(K, 1 / K))
    for sampler in runs:
        np.testing.assert_array_equal(sampler.topics, runs[-1].topics)  # one number a token, in any block
    z, lists = runs[-1].topics, runs[-1]._lists()
    counts = document_topic_counts(corpus, z.astype(int), K)
    np.testing.assert_array_equal(lists.begins, counts.indptr)
    np.testing.assert_array_equal(lists.topics, counts.indices)
    np.testing.assert_array_equal(lists.counts, counts.data)
    assert z.max() < K and len(z) == corpus.n_tokens and runs[-1].sweeps == 3


@pytest.mark.parametrize("beta", [0.01, 0.1, 0.5, 1.0, 3.0])
def test_one_topic_is_the_unigram(beta: float) -> None:
    corpus = corpus_of([[0, 0, 1], [2], [2, 2, 1, 0]], 4)
    lda = LDA(1, beta=beta, engine="esca", n_sweeps=2).fit(corpus)
    np.testing.assert_allclose(lda.topics_, [(np.array([3, 2, 3, 0]) + beta) / (8 + 4 * beta)])


@pytest.mark.parametrize("seed", range(5))
def test_stays_at_the_held_out_likelihood_of_the_exact_sampler(seed: int) -> None:
    """From one state: of random starts either may end in a worse mode."""
    topics, alpha = planted_topics(6, 100, concentration=0.1), np.full(6, 0.1)
    train, test = (draw_corpus(topics, documents=n, length=50, seed=seed) for n in (300, 80))
    sampler, found = Gibbs(train, 6, beta=0.05, seed=seed), []
    held_out = [test.document(d) for d in range(len(test))]
    for _ in range(80):
        sampler.sweep(alpha)
    ours = Esca(train, 6, beta=0.05, seed=seed)
    ours.restore({"topics": sampler.topics, "sweeps": np.array(0)})
    for _ in range(40):
        ours.sweep(alpha)
    for z in (ours.topics, sampler.topics):
        phi = word_topic_counts(train, z, 6).T.toarray() + 0.05
        scores = document_completion(phi / phi.sum(axis=1, keepdims=True), alpha, held_out)
        found.append(scores.log_likelihood.sum() / scores.tokens.sum())
    assert found[0] == pytest.approx(found[1], abs=0.02)


class Largest(TorchDispatchMode):
    """Notes the number of elements of the largest tensor that any operation gives."""

    elements = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        found = function(*arguments, **(options or {}))
        for each in found if isinstance(found, tuple | list) else [found]:
            if isinstance(each, torch.Tensor):
                self.elements = max(self.elements, each.numel())
        return found


@pytest.mark.parametrize(
    ("K", "entries"), [(100, 500), (100, 5000), (1000, 2000), (10_000, 2000), (10_000, 50_000), (70_000, 100)]
)
def test_no_tensor_is_larger_than_the_tokens_or_a_block(K: int, entries: int) -> None:
    corpus = draw_corpus(planted_topics(3, 60), documents=100, length=50)
    sampler = Esca(corpus, K, beta=0.01, entries=entries)
    with Largest() as largest:
        sampler.sweep(np.full(K, 5 / K))
    assert 5000 <= largest.elements <= max(5000, K, entries + 50) + 1  # a list has up to 50 entries


def test_sweeps_go_on_as_if_never_stopped_and_repeat_by_seed() -> None:
    corpus, alpha = draw_corpus(planted_topics(3, 40), documents=50, length=20), np.full(5, 0.2)
    whole, first, other = (Esca(corpus, 5, beta=0.1, seed=seed) for seed in (4, 4, 5))
    for sampler in (whole, first, other):
        for _ in range(3):
            sampler.sweep(alpha)
    resumed = Esca(corpus, 5, beta=0.1, seed=4)
    resumed.restore(first.state())
    for sampler in (whole, resumed):
        sampler.sweep(alpha)
    np.testing.assert_array_equal(whole.topics, resumed.topics)
    assert not np.array_equal(first.topics, other.topics)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"engine": "esca", "device": "gpu"}, "device is 'gpu'; it must be cpu, cuda"),
        ({"engine": "esca", "device": "cuda:99"}, "device is 'cuda:99', but PyTorch sees .* here; give cpu"),
        ({"engine": "gibbs", "device": "cuda"}, "engine gibbs computes on the CPU"),
        ({"engine": "warp", "device": "cuda"}, "engine warp computes on the CPU"),
        ({"engine": "auto", "device": "cuda"}, "engine auto computes on the CPU"),
    ],
)
@pytest.mark.parametrize("kind", [LDA, LDAByEngine])
def test_a_device_that_cannot_be_is_said_in_one_line(kind: Any, options: dict[str, Any], line: str) -> None:
    if (kind, options["engine"]) == (LDAByEngine, "auto"):
        line = "engine is 'auto'; it must be one of"
    with pytest.raises(UserError, match=line) as caught:
        kind(2, **options).fit(corpus_of(SMALL, 5))
    assert "\n" not in str(caught.value)
