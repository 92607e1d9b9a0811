"""Parzen-window log-likelihood: of test images under a Gaussian around each generated one."""

from __future__ import annotations

import math

import numpy as np
import torch

from dgmbench.metrics.mmd import squared_distances
from dgmbench.metrics.resampling import blocks

WIDTHS = tuple(float(width) for width in np.logspace(-1.5, 0.5, 21))
"""Standard deviations to choose from, for values from 0 to 1."""


def parzen_log_likelihood(x: np.ndarray, generated: np.ndarray, widths: tuple[float, ...]) -> np.ndarray:
    """log (1/n) Σ_j N(x; g_j, σ² I) of each example, for each σ.

    As published for generators without a likelihood (Goodfellow et al., NIPS 2014). It says little about the quality of
    samples in many dimensions (Theis, van den Oord, Bethge, ICLR 2016).

    Args:
        x: (m, width) what is judged.
        generated: (n, width).
        widths: values of σ.

    Returns:
        (widths, m) nats.
    """
    points, centres = (torch.from_numpy(np.ascontiguousarray(a, np.float64)) for a in (x, generated))
    n, dimensions = centres.shape
    found = []
    for block in blocks(len(points)):
        squared = squared_distances(points[block], centres)
        by_width = [torch.logsumexp(squared / (-2 * s**2), dim=1) - dimensions * math.log(s) for s in widths]
        found.append(torch.stack(by_width))
    constant = math.log(n) + dimensions / 2 * math.log(2 * math.pi)
    return (torch.cat(found, dim=1) - constant).numpy()


def chosen_width(valid: np.ndarray, generated: np.ndarray) -> float:
    """The σ of `WIDTHS` that gives validation examples the highest mean log-likelihood."""
    scores = parzen_log_likelihood(valid, generated, WIDTHS).mean(axis=1)
    return WIDTHS[int(np.argmax(scores))]
