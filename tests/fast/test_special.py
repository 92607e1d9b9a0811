"""exp and the logistic function of the compiled loops against numpy in float64."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast.special import exp, sigmoid


@njit
def apply_both(x: np.ndarray, exponential: np.ndarray, logistic: np.ndarray) -> None:
    for i in range(len(x)):
        exponential[i] = exp(x[i])
        logistic[i] = sigmoid(x[i])


def test_exponential_and_logistic_function() -> None:
    x = np.concatenate([np.linspace(-87, 87, 100_001), [0.0, -0.0, 1e-30, -1e-30]]).astype(np.float32)
    exponential, logistic = np.empty_like(x), np.empty_like(x)
    apply_both(x, exponential, logistic)
    exact = np.exp(x.astype(np.float64))
    bound = 1e-7 * (2 + np.abs(x))
    assert (np.abs(exponential / exact - 1) < bound).all()
    assert (np.abs(logistic * (1 + 1 / exact) - 1) < bound + 2e-7).all()  # a sum and a quotient more


def test_far_out_values_stay_in_the_range_of_float32() -> None:
    exponential, logistic = np.empty(2, np.float32), np.empty(2, np.float32)
    apply_both(np.array([-1e30, 1e30], np.float32), exponential, logistic)
    assert 0 < exponential[0] < 1e-37 and 1e37 < exponential[1] < np.inf
    assert 0 < logistic[0] < 2e-38 and logistic[1] == 1
