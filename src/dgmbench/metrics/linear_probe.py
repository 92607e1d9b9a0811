"""What features are worth: the test error of one fixed linear classifier on them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

PENALTIES = tuple(10.0**-power for power in range(6))
"""λ of the weights' squared norm beside the mean log-loss, from strong to weak."""
MAX_ITERATIONS = 300
TOLERANCE = 1e-5
"""Of the gradient's largest element."""

log = logging.getLogger("dgmbench")


@dataclass(frozen=True, eq=False)
class Examples:
    """Features and what is to be told from them.

    Attributes:
        features: (n, width) of any real numbers.
        labels: (n,) classes.
    """

    features: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class Probe:
    """What the classifier makes of some features.

    Attributes:
        predicted: (test examples,) the class that each was given.
        wrong: (test examples,) whether that is another class than its own.
        penalty: the λ that was chosen.
        valid_error: share of the validation examples that are wrong with it.
        converged: whether the solver reached its tolerance with it.
    """

    predicted: np.ndarray
    wrong: np.ndarray
    penalty: float
    valid_error: float
    converged: bool


def linear_probe(
    train: Examples, valid: Examples, test: Examples, threads: int = 1, standardised: bool = True
) -> Probe:
    """Multinomial logistic regression on features, its penalty chosen on the validation examples.

    Features are shifted and scaled to mean 0 and variance 1 over the training examples; one that does not vary there is
    left out. Those that are not ``standardised`` are all scaled by one number, so that their mean variance is 1: for
    few examples, and features whose size says how much they matter, as in the code of a VAE, where a unit that is not
    used has a mean near 0. Minimised is the mean of −log p(label | features) plus λ/2 ‖W‖², the intercepts free. λ goes
    through `PENALTIES` from strong to weak, each fit begun at the one before, until the validation error rises; the λ
    of the least one is taken, of equal ones the strongest.

    Raises:
        ValueError: the training examples are of one class.
    """
    varies = train.features.std(0) > 1e-6
    shift, variances = train.features[:, varies].mean(0), train.features[:, varies].var(0)
    scale = np.sqrt(variances if standardised else variances.mean())
    inputs = [
        ((part.features[:, varies] - shift) / scale).astype(np.float32, order="C") for part in (train, valid, test)
    ]
    best: Probe | None = None
    with threadpool_limits(threads, "blas"):
        for penalty, machine, converged in _path(inputs[0], train.labels):
            error = float(np.mean(machine.predict(inputs[1]) != valid.labels))
            if best is not None and error > best.valid_error:
                break
            if best is None or error < best.valid_error:
                predicted = machine.predict(inputs[2])
                best = Probe(predicted, predicted != test.labels, penalty, error, converged)
    assert best is not None
    if not best.converged:
        log.warning("the linear classifier stopped after %d iterations", MAX_ITERATIONS)
    return best


def _path(features: np.ndarray, labels: np.ndarray) -> Iterator[tuple[float, Any, bool]]:
    """The classifier for each penalty, and whether it converged; the same object, fitted further."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    machine = LogisticRegression(warm_start=True, max_iter=MAX_ITERATIONS, tol=TOLERANCE)
    for penalty in PENALTIES:
        machine.C = 1 / (penalty * len(labels))  # its objective is the sum of the losses plus ‖W‖² / 2C
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            machine.fit(features, labels)
        yield penalty, machine, not any(issubclass(w.category, ConvergenceWarning) for w in caught)
