"""Posteriors of tiny topic models by enumeration, and planted topics matched to found ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln

from dgmbench.data.corpora import Corpus


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
