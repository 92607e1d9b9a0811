"""How much dearer and how much faster the fast matching of two populations is than the exact one.

    python benchmarks/matching.py

Populations of MNIST images, L1 distance, as PMD matches them: training images, and noise with their means.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from dgmbench.data import load_images
from dgmbench.models.images.matching import exact_matching, fast_matching


def main() -> None:
    """A line for each size: the ratio of costs, and of times, to the exact matching; the best of three times each."""
    images = load_images("mnist").train.astype(np.float32) / 255
    rng = np.random.default_rng(0)
    fast_matching(np.zeros((2, 2), np.float32), rng)  # compiled
    for n in (500, 1000, 2000):
        first, second = images[:n], images[n : 2 * n]
        noise = (rng.random(first.shape) < images.mean(axis=0)).astype(np.float32)
        for name, other in (("images", first), ("noise", noise)):
            cost = torch.cdist(torch.from_numpy(other), torch.from_numpy(second), p=1).numpy()
            found, seconds = {}, {}
            for kind in ("exact", "fast"):
                times = []
                for _ in range(3):
                    begun = time.process_time()
                    found[kind] = (
                        exact_matching(cost) if kind == "exact" else fast_matching(cost, np.random.default_rng(0))
                    )
                    times.append(time.process_time() - begun)
                seconds[kind] = min(times)
            total = {kind: float(cost[np.arange(n), matching].sum()) for kind, matching in found.items()}
            identity = float(np.trace(cost))
            print(
                f"N = {n}, {name}: fast costs {total['fast'] / total['exact']:.3f} times the exact matching (identity "
                f"{identity / total['exact']:.3f}) and is {seconds['exact'] / seconds['fast']:.1f} times as fast "
                f"({seconds['fast']:.3f} s)"
            )


if __name__ == "__main__":
    main()
