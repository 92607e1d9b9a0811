"""Adam with both clips of its gradient, in two passes."""

from __future__ import annotations

import numpy as np
from numba import njit

from dgmbench.fast import FAST

ONE = np.float32(1)
PART = 4096  # squares summed in float32 before their sum goes to float64


@njit(cache=True, fastmath=FAST, error_model="numpy")
def clipped_step(
    parameters: np.ndarray,
    gradient: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    norm: float,
    value: float,
    size: float,
    betas: tuple[float, float],
    root: float,
    eps: float,
) -> None:
    """Scale the gradient to a length of at most ``norm``, clamp its elements to ±``value``, and take Adam's step.

    All arrays are (parameters,) float32, and all but the gradient are changed. With m and v the updated moments:
    parameters −= size · m / (root · √v + eps), where ``size`` and ``root`` hold the corrections of the moments' bias.
    """
    squares = 0.0
    for start in range(0, len(gradient), PART):
        part = np.float32(0)
        for i in range(start, min(start + PART, len(gradient))):
            part += gradient[i] * gradient[i]
        squares += float(part)
    length = np.sqrt(squares)
    factor = np.float32(1.0 if length <= norm else norm / length)  # NaN for a length that is not a number
    high, step, scale, small = np.float32(value), np.float32(size), np.float32(root), np.float32(eps)
    beta1, beta2 = np.float32(betas[0]), np.float32(betas[1])
    for i in range(len(gradient)):
        g = factor * gradient[i]
        g = high if g > high else g  # in this order NaN stays NaN
        g = -high if g < -high else g
        m = first[i] + (ONE - beta1) * (g - first[i])
        v = beta2 * second[i] + (ONE - beta2) * g * g
        first[i] = m
        second[i] = v
        parameters[i] -= step * m / (scale * np.sqrt(v) + small)
