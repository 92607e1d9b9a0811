"""Gaussian random walks over slices of time, which a dynamic topic model is made of: exact draws, and Langevin steps.

A walk x_1, …, x_T has x_1 ~ N(0, s²) and x_t ~ N(x_{t−1}, σ²): a Gaussian with a precision matrix of three diagonals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import softmax


class Walk(NamedTuple):
    """Standard deviations: of where a walk starts, and of its steps."""

    start: float
    step: float


def precision(walk: Walk, slices: int) -> np.ndarray:
    """(slices, slices) of the walk's Gaussian."""
    moves = np.eye(slices) - np.eye(slices, k=-1)
    weights = np.full(slices, walk.step**-2.0)
    weights[0] = walk.start**-2.0
    return np.asarray(moves.T @ (weights[:, None] * moves))


def draw_means(
    sums: np.ndarray, documents: np.ndarray, spread: float, walk: Walk, rng: np.random.Generator
) -> np.ndarray:
    """(slices, K) an exact draw of means α that follow a walk, given the documents' vectors η_d ~ N(α_t, spread²).

    Args:
        sums: (slices, K) Σ η_d over the documents of a slice.
        documents: (slices,) how many there are.
    """
    of_all = precision(walk, len(sums)) + np.diag(documents / spread**2)
    root = np.linalg.cholesky(of_all)  # of_all = root · rootᵀ
    centre = np.linalg.solve(of_all, sums / spread**2)
    return np.asarray(centre + np.linalg.solve(root.T, rng.standard_normal(sums.shape)))


def step_topics(phi: np.ndarray, counts: np.ndarray, rate: float, walk: Walk, rng: np.random.Generator) -> None:
    """A Langevin step of the topics φ, whose words have the probabilities softmax(φ_tk); they change in place.

    With g the gradient of log p(φ) + Σ C log softmax(φ), φ ← φ + rate/2 · P g + N(0, rate · P). For each word and topic
    P is about the inverse of the curvature over all slices: of the walk's precision with tokens added on the diagonal,
    those of the slice, or its part of those of all slices, or one, whichever is most. It depends on the counts and not
    on φ: given the counts short steps sample φ exactly.

    Args:
        phi: (slices, vocabulary, K).
        counts: (slices, vocabulary, K) C, tokens of each word and topic.
        rate: of the step, below 2.
    """
    T = len(phi)
    sizes, of_walk = counts.sum(axis=1, keepdims=True), precision(walk, T)
    gradient = counts - sizes * softmax(phi, axis=1)
    for t in range(T):
        for s in range(max(t - 1, 0), min(t + 2, T)):
            gradient[t] -= of_walk[t, s] * phi[s]
    # the curvature is L·Lᵀ with a lower L of two diagonals; P g + noise = L⁻ᵀ (rate/2 · L⁻¹ g + √rate · N(0, 1))
    parts = sizes / np.maximum(sizes.sum(axis=0), 1)
    diagonal = np.maximum(np.maximum(counts, parts * counts.sum(axis=0)), 1)
    below = np.empty_like(phi)
    for t in range(T):
        diagonal[t] += of_walk[t, t]
        if t:
            below[t] = of_walk[t, t - 1] / diagonal[t - 1]
            diagonal[t] -= below[t] ** 2
        diagonal[t] = np.sqrt(diagonal[t])
        if t:
            gradient[t] -= below[t] * gradient[t - 1]
        gradient[t] /= diagonal[t]
    step = rate / 2 * gradient + np.sqrt(rate) * rng.standard_normal(phi.shape)
    for t in reversed(range(T)):
        if t + 1 < T:
            step[t] -= below[t + 1] * step[t + 1]
        step[t] /= diagonal[t]
    phi += step


def step_documents(
    eta: np.ndarray, counts: np.ndarray, means: np.ndarray, spread: float, rate: float, rng: np.random.Generator
) -> None:
    """A Langevin step of the documents' vectors η_d ~ N(means_d, spread²), topics ~ softmax(η_d); they change in place.

    Args:
        eta, means: (documents, K).
        counts: (documents, K) tokens of each topic.
    """
    gradient = counts - counts.sum(axis=1, keepdims=True) * softmax(eta, axis=1) - (eta - means) / spread**2
    eta += rate / 2 * gradient + np.sqrt(rate) * rng.standard_normal(eta.shape)
