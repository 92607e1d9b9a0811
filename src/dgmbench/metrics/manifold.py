"""Precision, recall, density and coverage: which part of one sample lies where the other one does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dgmbench.metrics.mmd import squared_distances
from dgmbench.metrics.resampling import blocks


@dataclass(frozen=True, eq=False)
class Manifold:
    """Of each example what its metric is the mean of. A ball around an example reaches to its k-th neighbour.

    Attributes:
        precision: (generated,) whether it lies in the ball of a test example (Kynkäänniemi et al., NeurIPS 2019).
        recall: (test examples,) whether it lies in the ball of a generated one.
        density: (generated,) balls of test examples that it lies in, over k (Naeem et al., ICML 2020).
        coverage: (test examples,) whether a generated example lies in its ball.
    """

    precision: np.ndarray
    recall: np.ndarray
    density: np.ndarray
    coverage: np.ndarray


def manifold(generated: np.ndarray, held_out: np.ndarray, k: int = 5) -> Manifold:
    """Compare (n, width) generated with (m, width) test examples.

    Raises:
        ValueError: one of them has no more than k examples.
    """
    if min(len(generated), len(held_out)) <= k:
        raise ValueError(f"{k} neighbours of {min(len(generated), len(held_out))} examples")
    x, y = (torch.from_numpy(np.ascontiguousarray(sample, np.float64)) for sample in (generated, held_out))
    reach_x, reach_y = _reach(x, k), _reach(y, k)
    inside = torch.zeros(len(x), dtype=torch.float64)  # balls of test examples around each generated one
    recall, coverage = [], []
    for block in blocks(len(y)):
        squared = squared_distances(y[block], x)  # (block, generated)
        within = squared <= reach_y[block, None]
        inside += within.sum(dim=0)
        coverage.append(within.any(dim=1))
        recall.append((squared <= reach_x).any(dim=1))
    return Manifold(
        (inside > 0).double().numpy(),
        torch.cat(recall).double().numpy(),
        (inside / k).numpy(),
        torch.cat(coverage).double().numpy(),
    )


def _reach(x: Tensor, k: int) -> Tensor:
    """(n, width) → (n,) squared distance to the k-th nearest other example."""
    found = []
    for block in blocks(len(x)):
        squared = squared_distances(x[block], x)
        places = torch.arange(block.start, block.stop)
        squared[places - block.start, places] = torch.inf
        found.append(squared.kthvalue(k, dim=1).values)
    return torch.cat(found)
