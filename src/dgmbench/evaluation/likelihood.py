"""Test log-likelihood by importance sampling, for any model that gives log-weights."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

# Samples drawn at once: enough rows for the matrix products to run at full speed, few enough for the cache.
BLOCK = 1000


class DensityModel(Protocol):
    """What the evaluator needs of a model."""

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch) of log p(x, z) − log q(z | x), z ~ q(z | x), in nats."""
        ...


@torch.no_grad()
def log_likelihood(
    model: DensityModel,
    x: Tensor | np.ndarray,
    k: int,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """log p(x) ≈ log (1/k) Σ_i p(x, z_i) / q(z_i | x), a lower bound in expectation that tightens with k.

    Images go through the model one by one, in blocks of up to 1000 samples, and the random numbers of a block follow
    from the seed, the image's own values and the block's number. So an image's value depends neither on the images
    beside it nor on their order, memory does not grow with k, and a larger k extends the samples of a smaller one
    block by block.

    Args:
        model: put into evaluation mode for the time of the call if it is a torch module.
        x: (n, pixels).
        k: importance samples per row.
        seed: of the importance samples.
        progress: called with rows done and rows in all.

    Returns:
        (n,) float64 nats, one per row of ``x``.

    Raises:
        ValueError: k is below 1, ``x`` is not two-dimensional, or the log-weights have another shape than (k, 1).
    """
    if k < 1:
        raise ValueError(f"k is the number of importance samples, at least 1, not {k}")
    rows = torch.as_tensor(x)
    if rows.ndim != 2:
        raise ValueError(f"x is (n, pixels), not {tuple(rows.shape)}")
    parameter = next(model.parameters(), None) if isinstance(model, torch.nn.Module) else None
    if parameter is not None:
        rows = rows.to(parameter.device, parameter.dtype)
    elif not rows.is_floating_point():
        rows = rows.float()
    keys = rows.cpu().float().numpy()
    values = np.empty(len(rows))
    was_training = isinstance(model, torch.nn.Module) and model.training
    devices = [rows.device] if rows.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        if isinstance(model, torch.nn.Module):
            model.eval()
        try:
            for i, row in enumerate(rows):
                values[i] = _one(model, row.unsqueeze(0), k, seed, keys[i].tobytes())
                if progress is not None:
                    progress(i + 1, len(rows))
        finally:
            if was_training and isinstance(model, torch.nn.Module):
                model.train()
    return values


def _one(model: DensityModel, row: Tensor, k: int, seed: int, key: bytes) -> float:
    """log-mean-exp over k log-weights of one row, block by block in float64."""
    total = -math.inf
    for block, start in enumerate(range(0, k, BLOCK)):
        size = min(BLOCK, k - start)
        digest = hashlib.blake2b(key, digest_size=8, salt=b"%d" % block, person=b"%d" % seed).digest()
        _set_seed(row.device, int.from_bytes(digest, "little") >> 1)
        log_w = model.log_weights(row, size)
        if log_w.shape != (size, 1):
            raise ValueError(f"log_weights gave {tuple(log_w.shape)} for one image and {size} samples, not ({size}, 1)")
        total = np.logaddexp(total, float(torch.logsumexp(log_w.double(), dim=0)))
    return float(total - math.log(k))


def _set_seed(device: torch.device, seed: int) -> None:
    """Seed the generator of one device; ``torch.manual_seed`` seeds every one there might be, at ten times the cost."""
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
