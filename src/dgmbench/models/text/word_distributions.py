"""Word distributions of groups of documents: how they are smoothed, and which documents choose the smoothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
from scipy import sparse
from scipy.special import logsumexp

from dgmbench.data.corpora import Corpus

SMOOTHING = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Values of β that held-out documents choose from."""
HELD_OUT = 10
"""One training document of so many chooses; what is chosen is fitted to all of them again."""
T = TypeVar("T")


def estimated(
    counts: sparse.csr_matrix, responsibilities: np.ndarray | sparse.csr_matrix, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """The word distributions and the weights of K groups that documents belong to.

    phi_kw ∝ β + Σ_d r_dk n_dw and pi_k ∝ 1 + Σ_d r_dk: where Σ_d Σ_k r_dk log p(k, w_d) + β Σ log phi + Σ log pi is
    largest.

    Args:
        counts: (documents, vocabulary).
        responsibilities: (documents, K) r, rows sum to 1.
        beta: as if every group had each word so many times more.

    Returns:
        (K, vocabulary) phi and (K,) pi.
    """
    found = responsibilities.T @ counts
    topics = (found.toarray() if sparse.issparse(found) else np.asarray(found)) + beta
    weights = np.asarray(responsibilities.sum(axis=0)).ravel() + 1.0
    return topics / topics.sum(axis=1, keepdims=True), weights / weights.sum()


def log_joint(counts: sparse.csr_matrix, topics: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(documents, K) log pi_k + Σ_w n_dw log phi_kw."""
    return np.asarray(np.log(weights) + counts @ np.log(topics.T))


def log_marginal(counts: sparse.csr_matrix, topics: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(documents,) log Σ_k pi_k p(w_d | k)."""
    return np.asarray(logsumexp(log_joint(counts, topics, weights), axis=1))


def one_hot(labels: np.ndarray, n_classes: int) -> sparse.csr_matrix:
    """(documents, classes) 1 where a document is of a class."""
    there = (np.arange(len(labels)), labels)
    return sparse.csr_matrix((np.ones(len(labels)), there), shape=(len(labels), n_classes))


def held_out(corpus: Corpus) -> np.ndarray:
    """(documents,) which of them choose: at least one of two or more. The same for every model and seed."""
    order = np.random.default_rng(0).permutation(len(corpus))
    found = np.zeros(len(corpus), bool)
    found[order[: max(len(corpus) // HELD_OUT, min(1, len(corpus) - 1))]] = True
    return found


def best(candidates: Iterable[T], score: Callable[[T], float]) -> T:
    """The candidate with the highest score, the first of equals."""
    return max(candidates, key=score)
