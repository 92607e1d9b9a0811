"""The dense solver against liblinear and against the conditions of an optimum."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from dgmbench.evaluation.l1_svm import DenseL1SVM, fit_one, objective


def problem(n: int = 300, features: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features of very different scales, as unscaled topic counts are."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, features)) @ rng.standard_normal((features, features)) * rng.gamma(1, 3, features)
    return X, np.where(X[:, 0] + 2 * rng.standard_normal(n) > 0.5, 1.0, -1.0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_reaches_liblinear_s_optimum(seed: int) -> None:
    X, y = problem(seed=seed)
    w, converged = fit_one(np.column_stack([X, np.ones(len(X))]), y, tolerance=1e-8)
    theirs = LinearSVC(penalty="l1", dual=False, tol=1e-9, max_iter=1_000_000, random_state=0).fit(X, y)
    reference = np.append(theirs.coef_[0], theirs.intercept_[0])
    with_bias = np.column_stack([X, np.ones(len(X))])
    assert converged
    assert objective(w, with_bias, y, 1.0) <= objective(reference, with_bias, y, 1.0) * (1 + 1e-7)
    np.testing.assert_allclose(w, reference, atol=2e-4 * np.abs(reference).max())


def test_it_ends_where_no_direction_leads_down() -> None:
    X, y = problem(seed=5)
    w, _ = fit_one(X, y, tolerance=1e-9)
    slack = np.maximum(0, 1 - y * (X @ w))
    gradient = -2 * X.T @ (y * slack)
    assert (np.abs(gradient[w == 0]) <= 1 + 1e-6).all()
    np.testing.assert_allclose(gradient[w != 0], -np.sign(w[w != 0]), atol=1e-5)


def test_useless_features_get_no_weight() -> None:
    X, y = problem()
    noise = np.random.default_rng(9).standard_normal((len(X), 3)) * 1e-4
    w, _ = fit_one(np.column_stack([X, noise]), y)
    assert not w[-3:].any()


def test_predictions_agree_with_liblinear_s_for_several_classes() -> None:
    X, _ = problem(600, 8)
    labels = np.digitize(X[:, 0], np.quantile(X[:, 0], [0.3, 0.7]))
    ours = DenseL1SVM(tolerance=1e-7).fit(X, labels).predict(X)
    theirs = LinearSVC(penalty="l1", dual=False, tol=1e-7, max_iter=1_000_000, random_state=0).fit(X, labels).predict(X)
    assert np.mean(ours == theirs) > 0.99


def test_two_classes_need_one_machine() -> None:
    X, y = problem()
    machine = DenseL1SVM().fit(X, np.where(y > 0, "b", "a"))
    assert machine.weights_.shape[0] == 1
    assert np.mean(machine.predict(X) == np.where(y > 0, "b", "a")) > 0.7
