"""Variational inference of documents' topics in supervised LDA, with or without labels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import lgamma
from typing import Any

import numpy as np
from numba import njit
from scipy import sparse

from dgmbench.fast.special import digamma, exp
from dgmbench.fast.text.layout import Counts

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Inference:
    """What is known of documents' topics.

    Attributes:
        means: (documents, K) float32 E[z̄], z̄ the mean of a document's topic indicators.
        covariances: (documents, K, K) float32 Cov[z̄]; of shape (0, 0, 0) without labels.
        word_counts: (vocabulary, K) Σ_d c_n phi_n of each word; of shape (0, 0) without labels.
        bound: evidence lower bound of all documents together.
    """

    means: np.ndarray
    covariances: np.ndarray
    word_counts: np.ndarray
    bound: float


def infer(
    counts: sparse.csr_matrix,
    labels: np.ndarray | None,
    model: Arrays,
    gamma: np.ndarray,
    iterations: int,
    *,
    tolerance: float = 1e-3,
    threads: int = 1,
) -> Inference:
    """Fit q(theta) = Dir(gamma) and q(z_n) = phi_n of every document: `models.text.slda.infer`, in parts at once.

    Args:
        counts: (documents, vocabulary) word counts.
        labels: (documents,) class of each; None to infer from the words alone.
        model: (K, vocabulary) word probabilities, (K,) Dirichlet parameters, (L, K) response weights.
        gamma: (documents, K) float32, where to start, and the result; zeros to start afresh.
        iterations, tolerance: at most so many, until gamma changes by less than so much per token.
    """
    (D, K), (topics, alpha, eta) = gamma.shape, model
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    bounds = np.searchsorted(np.cumsum([0, *lengths]), np.linspace(0, lengths.sum(), threads + 1))
    bounds[0], bounds[-1] = 0, D
    rising = np.lexsort((counts.data, np.repeat(np.arange(D), np.diff(counts.indptr))))
    means, learn = np.empty((D, K), np.float32), labels is not None
    covariances = np.empty((D, K, K) if learn else (0, 0, 0), np.float32)
    word_counts = [np.zeros((topics.shape[1], K) if learn else (0, 0)) for _ in range(threads)]
    classes = np.full(D, -1) if labels is None else np.asarray(labels, np.int64)
    rows = Counts(counts.indptr, counts.indices[rising], counts.data[rising])
    single = np.ascontiguousarray(topics.T, np.float32), alpha.astype(np.float32), eta.astype(np.float32)

    def run(part: int) -> float:
        learned = means, covariances, word_counts[part]
        return _infer(rows, classes, single, gamma, bounds[part], bounds[part + 1], iterations, tolerance, learned)

    with ThreadPoolExecutor(threads) as pool:
        bound = sum(pool.map(run, range(threads)))
    return Inference(means, covariances, np.sum(word_counts, axis=0), float(bound))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _infer(
    rows: Counts,
    labels: np.ndarray,
    model: Arrays,
    gamma: np.ndarray,
    begin: int,
    end: int,
    iterations: int,
    tolerance: float,
    learned: Arrays,
) -> float:
    (offsets, words, counts), (by_word, alpha, eta), means = rows, model, learned[0]
    K, L, bound = alpha.shape[0], eta.shape[0], 0.0
    widest = 0
    for d in range(begin, end):
        widest = max(widest, offsets[d + 1] - offsets[d])
    phi, masses = np.empty((widest, K), np.float32), np.empty((widest, L))
    start, new, h, weight = np.empty(K), np.empty(K), np.empty(K, np.float32), np.empty(K, np.float32)
    once, power, product, others = np.empty((L, K), np.float32), np.empty((L, K), np.float32), np.empty(L), np.empty(L)
    for d in range(begin, end):
        first, n_types, label = offsets[d], offsets[d + 1] - offsets[d], labels[d]
        supervised = label >= 0
        N = 0.0
        for t in range(n_types):
            N += counts[first + t]
        for k in range(K):
            start[k] = gamma[d, k] if gamma[d, 0] > 0 else alpha[k] + N / K
        for y in range(L):
            for k in range(K):
                once[y, k] = exp(np.float32(eta[y, k] / N))
        for iteration in range(iterations):
            for k in range(K):
                weight[k] = np.exp(digamma(start[k]))
                new[k] = alpha[k]
            if iteration == 0:  # phi without the response, to have something to take its tangent at
                product[:] = 1.0
                power[:] = np.float32(1)
                exponent = 0
                for t in range(n_types):
                    total = np.float32(0)
                    row = by_word[words[first + t]]
                    for k in range(K):
                        phi[t, k] = row[k] * weight[k]
                        total += phi[t, k]
                    for k in range(K):
                        phi[t, k] /= total
                    if supervised:
                        exponent = _raise(power, once, exponent, counts[first + t])
                        for y in range(L):
                            masses[t, y] = _dot(power[y], phi[t])
                            product[y] *= masses[t, y]
            power[:] = np.float32(1)
            exponent = 0
            for t in range(n_types):
                c, row = np.float32(counts[first + t]), by_word[words[first + t]]
                total = np.float32(0)
                if supervised:
                    exponent = _raise(power, once, exponent, counts[first + t])
                    h[:] = np.float32(0)
                    for y in range(L):
                        others[y] = product[y] / masses[t, y]
                        for k in range(K):
                            h[k] += np.float32(others[y]) * power[y, k]
                    scale = np.float32(1) / (c * (np.float32(1) + _dot(h, phi[t])))
                    for k in range(K):
                        phi[t, k] = row[k] * weight[k] * exp(-h[k] * scale)
                    if label < L:
                        for k in range(K):
                            phi[t, k] *= once[label, k]
                else:
                    for k in range(K):
                        phi[t, k] = row[k] * weight[k]
                for k in range(K):
                    total += phi[t, k]
                for k in range(K):
                    phi[t, k] /= total
                    new[k] += c * phi[t, k]
                if supervised:
                    for y in range(L):
                        masses[t, y] = _dot(power[y], phi[t])
                        product[y] = others[y] * masses[t, y]
            change = 0.0
            for k in range(K):
                change += abs(new[k] - start[k])
                start[k] = new[k]
            if change < tolerance * N:
                break
        gamma[d] = start
        _summarise(d, rows, N, phi, learned)
        bound += _document_bound(d, rows, phi, by_word, alpha, start)
        if supervised:
            if label < L:
                bound += _dot(eta[label], means[d])
            bound -= np.log(1.0 + product.sum())
    return bound


@njit(fastmath={"reassoc", "contract", "nsz"})
def _dot(a: np.ndarray, b: np.ndarray) -> Any:
    total = np.float32(0)
    for k in range(a.shape[0]):
        total += a[k] * b[k]
    return total


@njit(fastmath={"reassoc", "contract", "nsz"})
def _raise(power: np.ndarray, once: np.ndarray, exponent: int, wanted: int) -> int:
    """Multiply ``power`` = once^exponent up to once^wanted; word types come by rising count."""
    for _ in range(exponent, wanted):
        for y in range(power.shape[0]):
            for k in range(power.shape[1]):
                power[y, k] *= once[y, k]
    return wanted


@njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _summarise(d: int, rows: Counts, N: float, phi: np.ndarray, learned: Arrays) -> None:
    """Mean and covariance of z̄ = Σ c_n z_n / N, and the topic counts of the words."""
    (offsets, words, counts), (means, covariances, word_counts) = rows, learned
    first, K = offsets[d], phi.shape[1]
    means[d] = 0
    for t in range(offsets[d + 1] - first):
        share = np.float32(counts[first + t] / N)
        for k in range(K):
            means[d, k] += share * phi[t, k]
        if word_counts.shape[0]:
            for k in range(K):
                word_counts[words[first + t], k] += counts[first + t] * phi[t, k]
        if covariances.shape[0]:
            if t == 0:
                covariances[d] = 0
            for j in range(K):
                factor = share * share * phi[t, j]
                covariances[d, j, j] += factor
                for k in range(K):
                    covariances[d, j, k] -= factor * phi[t, k]


@njit(error_model="numpy")
def _document_bound(
    d: int, rows: Counts, phi: np.ndarray, by_word: np.ndarray, alpha: np.ndarray, gamma: np.ndarray
) -> float:
    """E log p(theta, z, w) − E log q(theta, z) of a document in LDA."""
    (offsets, words, counts), first = rows, rows.offsets[d]
    K, gamma_sum, alpha_sum = alpha.shape[0], gamma.sum(), 0.0
    bound = -lgamma(gamma_sum)
    expected = np.empty(K)  # E log theta_k
    for k in range(K):
        expected[k] = digamma(gamma[k]) - digamma(gamma_sum)
        alpha_sum += alpha[k]
        bound += lgamma(gamma[k]) - lgamma(alpha[k]) + (alpha[k] - gamma[k]) * expected[k]
    bound += lgamma(alpha_sum)
    for t in range(offsets[d + 1] - first):
        for k in range(K):
            p = phi[t, k]
            if p > 0:
                bound += counts[first + t] * p * (expected[k] + np.log(by_word[words[first + t], k]) - np.log(p))
    return bound
