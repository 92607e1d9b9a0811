"""Document features judged by a linear classifier: macro precision, recall and F1 on held-out documents."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import sparse

from dgmbench.errors import UserError

WIDEST_DENSE = 3000  # columns of which a Hessian is still cheap

log = logging.getLogger("dgmbench")

Features: TypeAlias = np.ndarray | sparse.csr_matrix


@dataclass(frozen=True, eq=False)
class Classification:
    """What a linear classifier makes of some document features, or how good a method's own decisions are.

    Attributes:
        precision, recall, f1: macro averages over the classes, in percent.
        accuracy: test documents given their own class, in percent.
        converged: whether the solver reached its tolerance for every class.
        solver: ``newton`` (our own, dense features) or ``liblinear`` (sparse or very wide ones); ``none`` for decisions
            that no classifier made.
        predictions: (test documents,) the class given to each, for paired tests between methods.
        seconds: wall time of fitting and predicting.
    """

    precision: float
    recall: float
    f1: float
    accuracy: float
    converged: bool
    solver: str
    predictions: np.ndarray
    seconds: float


def classify(
    train_features: Features,
    train_labels: np.ndarray,
    test_features: Features,
    test_labels: np.ndarray,
    *,
    seed: int = 0,
    max_iterations: int = 5000,
    threads: int = 1,
) -> Classification:
    """Fit an L1-regularised linear SVM, one class against the rest, and score it on the test documents.

    For each class it minimises ‖w‖₁ + |b| + C Σ max(0, 1 − y (w·x + b))² with C = 1 (liblinear's
    L1-regularised squared-hinge problem, intercept regularised as liblinear does). Features are taken as
    they are, unscaled. Dense ones are solved by `fit_linear_svm`, which reaches the optimum (liblinear
    stops far from it); sparse ones by liblinear itself. A solver that stops before its tolerance is
    logged and reported, never hidden.

    Args:
        train_features, test_features: (documents, features), dense or scipy sparse; float64 inside.
        train_labels, test_labels: (documents,) class numbers or names.
        seed: the order in which liblinear visits the features; nothing for dense ones.
        max_iterations: of liblinear.
        threads: classes solved at a time when the features are dense; the result does not depend on it.

    Raises:
        UserError: features and labels do not match, a feature is not finite, or there is only one class.
    """
    train_labels, test_labels = np.asarray(train_labels), np.asarray(test_labels)
    train_features = _checked(train_features, train_labels, "train")
    test_features = _checked(test_features, test_labels, "test")
    if train_features.shape[1] != test_features.shape[1]:
        raise UserError(
            f"{train_features.shape[1]} features in train but {test_features.shape[1]} in test: "
            "transform both with the same fitted method"
        )
    if len(np.unique(train_labels)) < 2:
        raise UserError("the training documents are all of one class: a classifier needs at least two")
    start = time.perf_counter()
    dense = not sparse.issparse(train_features) and train_features.shape[1] <= WIDEST_DENSE
    if dense:
        from dgmbench.metrics.linear_svm import fit_linear_svm

        machine = fit_linear_svm(train_features, train_labels, threads=threads)
        predictions, converged = machine.predict(test_features), machine.converged
    else:
        predictions, converged = _liblinear(train_features, train_labels, test_features, seed, max_iterations)
    seconds = time.perf_counter() - start
    if not converged:
        log.warning("the linear SVM stopped before converging; raise svm_max_iterations")
    return _score(test_labels, predictions, converged, "newton" if dense else "liblinear", seconds)


def score_decisions(labels: np.ndarray, scores: np.ndarray) -> Classification:
    """Score a method that decides by itself: a document is of the class with the highest score.

    Args:
        labels: (documents,) positions of classes.
        scores: (documents, classes) of a class each.

    Raises:
        UserError: they do not match, or a score is not finite.
    """
    start = time.perf_counter()
    predictions = _checked(scores, labels, "test").argmax(axis=1).astype(labels.dtype)
    return _score(labels, predictions, True, "none", time.perf_counter() - start)


def _liblinear(
    train: Features, labels: np.ndarray, test: Features, seed: int, max_iterations: int
) -> tuple[np.ndarray, bool]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    machine = LinearSVC(penalty="l1", dual=False, C=1.0, random_state=seed, max_iter=max_iterations)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        machine.fit(train, labels)
    return machine.predict(test), not any(issubclass(w.category, ConvergenceWarning) for w in caught)


def _score(labels: np.ndarray, predictions: np.ndarray, converged: bool, solver: str, seconds: float) -> Classification:
    """Macro averages over the classes that occur or are predicted; a class never predicted has precision 0."""
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(labels, predictions, average="macro", zero_division=0)
    accuracy = np.mean(labels == predictions)
    precision, recall, f1, accuracy = (100 * float(share) for share in (precision, recall, f1, accuracy))
    return Classification(precision, recall, f1, accuracy, converged, solver, predictions, seconds)


def _checked(features: Features, labels: np.ndarray, part: str) -> Features:
    """The features in float64 (csr when sparse), after checking them against their labels."""
    if sparse.issparse(features):
        features = sparse.csr_matrix(features, dtype=np.float64)
        values = features.data
    else:
        features = values = np.ascontiguousarray(features, dtype=np.float64)
    if features.ndim != 2 or labels.ndim != 1 or features.shape[0] != len(labels):
        raise UserError(
            f"{part} features of shape {features.shape} do not match {labels.shape} labels: one row a label"
        )
    if len(labels) == 0:
        raise UserError(f"no {part} documents to classify: check the corpus and the words dropped from it")
    if not np.isfinite(values).all():
        raise UserError(f"the {part} features hold NaN or infinity: the method diverged or met an empty document")
    return features
