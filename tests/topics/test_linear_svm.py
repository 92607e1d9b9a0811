"""The Newton solver against liblinear and against the conditions of an optimum."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from dgmbench.evaluation.linear_svm import fit_linear_svm


def problem(n: int = 300, features: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features of very different scales, as unscaled topic counts are."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, features)) @ rng.standard_normal((features, features)) * rng.gamma(1, 3, features)
    return X, np.where(X[:, 0] + 2 * rng.standard_normal(n) > 0.5, 1, 0) + np.where(X[:, 1] > 1, 1, 0)


def objective(weights: np.ndarray, intercept: float, X: np.ndarray, y: np.ndarray) -> float:
    slack = np.maximum(0, 1 - y * (X @ weights + intercept))
    return float(np.abs(weights).sum() + abs(intercept) + slack @ slack)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_reaches_liblinear_s_optimum_for_every_class(seed: int) -> None:
    X, labels = problem(seed=seed)
    ours = fit_linear_svm(X, labels, tolerance=1e-8)
    assert ours.converged
    theirs = LinearSVC(penalty="l1", dual=False, tol=1e-9, max_iter=1_000_000, random_state=0).fit(X, labels)
    for c in range(3):
        y = np.where(labels == c, 1.0, -1.0)
        mine = objective(ours.weights[c], ours.intercepts[c], X, y)
        assert mine == pytest.approx(ours.objectives[c], rel=1e-9)
        assert mine <= objective(theirs.coef_[c], theirs.intercept_[c], X, y) * (1 + 1e-7)
    assert np.mean(ours.predict(X) == theirs.predict(X)) > 0.99


def test_it_ends_where_no_direction_leads_down() -> None:
    X, labels = problem(seed=5)
    ours = fit_linear_svm(X, labels, tolerance=1e-10)
    y = np.where(labels == 1, 1.0, -1.0)
    w = ours.weights[1]
    slack = np.maximum(0, 1 - y * (X @ w + ours.intercepts[1]))
    gradient = -2 * X.T @ (y * slack)
    assert (np.abs(gradient[w == 0]) <= 1 + 1e-3).all()
    np.testing.assert_allclose(gradient[w != 0], -np.sign(w[w != 0]), atol=1e-3)
