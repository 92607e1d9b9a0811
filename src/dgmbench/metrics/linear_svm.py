"""The L1-regularised squared-hinge SVM on dense features, solved to a certified optimum by proximal Newton steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from dgmbench.fast.text import coordinates
from dgmbench.run.progress import passes

RIDGE = 1e-11  # of each curvature, added to it so that dependent features have one minimum


@dataclass(frozen=True, eq=False)
class LinearSVM:
    """One weight vector a class.

    Attributes:
        classes: (classes,) in sorted order.
        weights: (classes, features).
        intercepts: (classes,).
        objectives: (classes,) the value of each class's problem.
        gaps: (classes,) how far above its minimum each may be at most: the duality gap.
        converged: whether every gap is within the tolerance.
    """

    classes: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray
    objectives: np.ndarray
    gaps: np.ndarray
    converged: bool

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(documents,) the class of the highest decision value, the first of equals."""
        return self.classes[np.argmax(features @ self.weights.T + self.intercepts, axis=1)]


def fit_linear_svm(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    C: float = 1.0,
    tolerance: float = 1e-5,
    max_iterations: int = 1000,
    threads: int = 1,
) -> LinearSVM:
    """For each class against the rest, minimise ‖w‖₁ + |b| + C Σ_i max(0, 1 − y_i (w·x_i + b))².

    This is the problem of liblinear's L1-regularised L2-loss SVM, its intercept regularised like a weight. Where
    liblinear descends one coordinate of the data at a time, and on correlated features stops far from the
    minimum, a Newton step here minimises the loss's second-order model plus the exact ‖w‖₁ in a matrix of
    features × features alone, and the duality gap tells how far off the result can still be.

    Args:
        features: (documents, features) float64; features at most a few thousand.
        labels: (documents,).
        C: the weight of the loss.
        tolerance: a class is done when its duality gap is at most this part of its objective.
        max_iterations: Newton steps, at most; a dozen is usual.
        threads: classes solved at a time; the result does not depend on it.
    """
    classes = np.unique(labels)
    X = np.hstack([features, np.ones((len(features), 1))])

    def fit_class(c: object) -> tuple[np.ndarray, float, float]:
        return _fit_binary(X, np.where(labels == c, 1.0, -1.0), C, tolerance, max_iterations)

    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(fit_class, classes)
        fitted = [next(found) for _ in passes("SVM: class", len(classes))]
    weights, objectives, gaps = (np.array(values) for values in zip(*fitted, strict=True))
    converged = bool(np.all(gaps <= tolerance * objectives))
    return LinearSVM(classes, weights[:, :-1], weights[:, -1], objectives, gaps, converged)


def _fit_binary(
    X: np.ndarray, y: np.ndarray, C: float, tolerance: float, max_iterations: int
) -> tuple[np.ndarray, float, float]:
    """Weights (features,), objective and duality gap for labels y of ±1."""
    w = np.zeros(X.shape[1])
    slack = np.ones(len(y))  # 1 − y (X w), kept up to date
    inside = np.zeros(len(y), bool)  # documents with a loss; gram = their XᵀX
    gram = np.zeros((X.shape[1], X.shape[1]))
    for iteration in range(max_iterations + 1):
        hinge = np.maximum(slack, 0.0)
        gradient = -2 * C * (X.T @ (y * hinge))
        objective = np.abs(w).sum() + C * np.sum(hinge**2)
        gap = objective - _dual(hinge, gradient, C)
        if gap <= tolerance * objective or iteration == max_iterations:
            break
        entered, left = (slack > 0) & ~inside, (slack <= 0) & inside
        if entered.sum() + left.sum() < np.sum(slack > 0):
            gram += X[entered].T @ X[entered] - X[left].T @ X[left]
        else:
            gram = X[slack > 0].T @ X[slack > 0]
        inside = slack > 0
        step = minimise_quadratic(2 * C * gram, gradient, w) - w
        along = -y * (X @ step)  # the change of slack for a whole step
        t = _line_search(w, step, slack, along, C)
        w += t * step
        slack += t * along
    return w, float(objective), float(gap)


def _dual(hinge: np.ndarray, gradient: np.ndarray, C: float) -> float:
    """The dual objective Σ α − Σ α²/(4C) at the best scaling of α = 2C·hinge with |Σ_i α_i y_i x_i| ≤ 1."""
    alpha = 2 * C * hinge
    linear, square = alpha.sum(), np.sum(alpha**2) / (4 * C)
    largest = np.abs(gradient).max()
    scale = min(linear / (2 * square), 1 / largest) if square > 0 and largest > 0 else 0.0
    return float(scale * linear - scale**2 * square)


def minimise_quadratic(H: np.ndarray, gradient: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The u that minimises gradient·(u − w) + ½ (u − w)ᵀ H (u − w) + ‖u‖₁.

    Sweeps of coordinate descent find which weights are zero; between them the others jump to their joint minimum,
    or as far on the way as no weight changes its sign. This converges quickly where descent alone is slow.
    """
    H = H + np.diag(RIDGE * H.diagonal())
    u = w.copy()
    slope = gradient.copy()  # of the quadratic part at u
    for _ in range(200):
        coordinates.sweep_coordinates(H, slope, u, 100)  # `plain_sweep_coordinates`, compiled
        for _ in range(10):
            support = np.flatnonzero(u)
            if len(support) == 0:
                break
            residual = slope[support] + np.sign(u[support])
            try:
                factor = linalg.cho_factor(H[np.ix_(support, support)], lower=True, check_finite=False)
            except linalg.LinAlgError:  # dependent features: leave it to the sweeps
                break
            move = -linalg.cho_solve(factor, residual, check_finite=False)
            crossing = np.where(u[support] * move < 0, -u[support] / np.where(move == 0, 1.0, move), np.inf)
            t = min(1.0, crossing.min())
            slope += H[:, support] @ (t * move)
            u[support] += t * move
            if t == 1.0:
                break
            u[support[np.argmin(crossing)]] = 0.0
        excess = np.where(u != 0, np.abs(slope + np.sign(u)), np.maximum(np.abs(slope) - 1, 0))
        if excess.max() <= 1e-9 * max(1.0, np.abs(gradient).max()):
            break
    return u


def _line_search(w: np.ndarray, step: np.ndarray, slack: np.ndarray, along: np.ndarray, C: float) -> float:
    """The t in (0, 1] that minimises the objective at w + t·step, by bisection of its slope (it is convex in t)."""

    def slope(t: float) -> float:
        return float(np.sign(w + t * step) @ step + 2 * C * (np.maximum(slack + t * along, 0) @ along))

    if slope(1.0) <= 0:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return high


def plain_sweep_coordinates(H: np.ndarray, slope: np.ndarray, u: np.ndarray, sweeps: int) -> None:
    """Sweeps of coordinate descent on ½ uᵀHu + … + ‖u‖₁; ``slope`` (of the quadratic part) and u change in place."""
    for _ in range(sweeps):
        for j in np.flatnonzero(H.diagonal() > 0):
            goal = u[j] - slope[j] / H[j, j]
            goal = np.sign(goal) * max(abs(goal) - 1 / H[j, j], 0.0)
            slope += (goal - u[j]) * H[j]
            u[j] = goal
