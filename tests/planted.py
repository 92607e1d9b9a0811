"""Small corpora, embeddings and topics with a known answer, and posteriors of tiny topic models by enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln

from dgmbench.data.corpora import Corpus


@dataclass(frozen=True, eq=False)
class Vectors:
    """Word embeddings in memory."""

    name: str
    words: tuple[str, ...]
    vectors: np.ndarray

    def find(self, words: tuple[str, ...]) -> np.ndarray:
        rows = {word: i for i, word in enumerate(self.words)}
        return np.array([rows.get(word, -1) for word in words], np.int64)


def embeddings(n_words: int = 200, dim: int = 5, scale: float = 1.0, seed: int = 0) -> Vectors:
    """Normal vectors for w0, w1, …"""
    rng = np.random.default_rng(seed)
    words = tuple(f"w{i}" for i in range(n_words))
    return Vectors("made-up", words, (scale * rng.standard_normal((n_words, dim))).astype(np.float32))


def corpus_of(counts_or_tokens: list[list[int]], n_words: int, labels: list[int] | None = None) -> Corpus:
    """A corpus from word numbers, over the vocabulary w0, w1, …"""
    documents = [[f"w{i}" for i in tokens] for tokens in counts_or_tokens]
    names = None if labels is None else [f"class {c}" for c in labels]
    return Corpus.from_tokens(documents, names, vocabulary=[f"w{i}" for i in range(n_words)])


def draw_corpus(
    topics: np.ndarray, *, documents: int, length: int, alpha: float = 0.1, seed: int = 0, labelled: bool = False
) -> Corpus:
    """Documents of latent Dirichlet allocation with these topics (K, words); the label is a document's main topic."""
    rng = np.random.default_rng(seed)
    theta = rng.dirichlet(np.full(len(topics), alpha), size=documents)
    drawn = [rng.choice(topics.shape[1], size=length, p=row @ topics).tolist() for row in theta]
    labels = theta.argmax(axis=1).tolist() if labelled else None
    return corpus_of(drawn, topics.shape[1], labels)


def log_dirichlet_multinomial(counts: np.ndarray, prior: np.ndarray) -> float:
    """log p of a sequence with these counts, its distribution integrated out over Dir(prior)."""
    ratio = np.sum(gammaln(counts + prior) - gammaln(prior))
    return float(ratio + gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum()))


def log_joint(corpus: Corpus, z: np.ndarray, alpha: np.ndarray, beta: float) -> float:
    """log p(w, z) of LDA, from the Dirichlet-multinomial of each document and each topic."""
    K = len(alpha)
    owner = np.repeat(np.arange(len(corpus)), corpus.lengths)
    total = sum(log_dirichlet_multinomial(np.bincount(z[owner == d], minlength=K), alpha) for d in range(len(corpus)))
    words = np.full(corpus.n_words, beta)
    for k in range(K):
        total += log_dirichlet_multinomial(np.bincount(corpus.words[z == k], minlength=corpus.n_words), words)
    return total


def assignments(tokens: int, n_topics: int) -> Iterator[np.ndarray]:
    """Every way to give each token a topic; number i has the digits of i in base ``n_topics``."""
    return map(np.array, product(range(n_topics), repeat=tokens))


def normalised(log_weights: list[float]) -> np.ndarray:
    """Probabilities from log weights."""
    weights = np.exp(np.array(log_weights) - np.max(log_weights))
    return weights / weights.sum()


def distances_to_planted(found: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """(n_topics,) total variation between planted and found topics, matched so that the sum is least."""
    cost = 0.5 * np.abs(planted[:, None] - found[None]).sum(axis=2)
    return cost[linear_sum_assignment(cost)]


def planted_topics(n_topics: int, n_words: int, seed: int = 0, concentration: float = 0.05) -> np.ndarray:
    """(n_topics, n_words) sparse topics."""
    return np.random.default_rng(seed).dirichlet(np.full(n_words, concentration), size=n_topics)
