"""Maximum mean discrepancy: the distance of two distributions in the space of a kernel, estimated without bias."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from dgmbench.metrics.resampling import Resampled, Weights, blocks

Kernel = Callable[[Tensor, Tensor], Tensor]
"""(n, width), (m, width) float64 → (n, m) values of the kernel, which is symmetric, for each pair."""

WIDTHS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
"""Of the kernels of Li, Swersky, Zemel (ICML 2015), for images with values from 0 to 1."""


def rbf(widths: Sequence[float] = WIDTHS) -> Kernel:
    """Σ_σ exp(−‖x − y‖² / 2σ²); for measuring, without a gradient."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        squared = squared_distances(x, y)
        values, wider, term = torch.zeros_like(squared), None, squared
        for width in sorted(widths, reverse=True):
            # of half the width: the fourth power, which takes less time
            term = term.square_().square_() if wider == 2 * width else torch.exp(squared / (-2 * width**2))
            values += term
            wider = width
        return values

    return kernel


def cubic(x: Tensor, y: Tensor) -> Tensor:
    """(xᵀy / width + 1)³: with it the discrepancy is the kernel distance (Bińkowski et al., ICLR 2018)."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """(n, width), (m, width) → (n, m) ‖x − y‖², never below 0."""
    squared = torch.addmm((x**2).sum(1)[:, None] + (y**2).sum(1), x, y.T, alpha=-2)
    return squared.clamp_(min=0)


def squared_mmd(x: np.ndarray, y: np.ndarray, kernel: Kernel, drawn: Weights | None = None) -> Resampled:
    """The unbiased estimate of MMD², which can be below 0 (Gretton et al., JMLR 2012, lemma 6).

    Σ_{i≠j} k(x_i, x_j) / n(n − 1) + Σ_{i≠j} k(y_i, y_j) / m(m − 1) − 2 Σ_ij k(x_i, y_j) / nm. In a bootstrap draw an
    example that was drawn twice is no pair with itself.

    Args:
        x, y: (n, width) and (m, width), at least two each.
        drawn: none leaves the draws empty.
    """
    n, m = len(x), len(y)
    w, v = (drawn.generated, drawn.held_out) if drawn else (np.empty((0, n)), np.empty((0, m)))
    of_x, of_y = _within(x, w, kernel), _within(y, v, kernel)
    total, by_draw = _sums(x, y, w, v, kernel)
    cross, crosses = total / (n * m), by_draw / (n * m)
    return Resampled(of_x[0] + of_y[0] - 2 * cross, of_x[1] + of_y[1] - 2 * crosses)


def _within(x: np.ndarray, drawn: np.ndarray, kernel: Kernel) -> tuple[float, np.ndarray]:
    """The mean over pairs of two different examples, and that of each draw."""
    total, by_draw = _sums(x, x, drawn, drawn, kernel, own=True)
    n = len(x)
    return total / (n * (n - 1)), by_draw / (n**2 - (drawn**2).sum(axis=1))


def _sums(
    x: np.ndarray, y: np.ndarray, w: np.ndarray, v: np.ndarray, kernel: Kernel, own: bool = False
) -> tuple[float, np.ndarray]:
    """Σ_ij k(x_i, y_j) and (draws,) Σ_ij w_i v_j k(x_i, y_j).

    Args:
        own: x and y, w and v are the same: without i = j, and a pair is computed once.
    """
    left, right, w_, v_ = (torch.from_numpy(np.ascontiguousarray(a, np.float64)) for a in (x, y, w, v))
    total, by_draw = 0.0, torch.zeros(len(w), dtype=torch.float64)
    for block in blocks(len(x)):
        first = block.start if own else 0
        values = kernel(left[block], right[first:])
        if own:
            values.fill_diagonal_(0)
            values[:, block.stop - first :] *= 2
        total += float(values.sum())
        by_draw += ((w_[:, block] @ values) * v_[:, first:]).sum(dim=1)
    return total, by_draw.numpy()
