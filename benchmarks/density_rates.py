"""What the density benchmarks share: the layers' shapes, the rate of bare matrix products, a profile by part."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dgmbench.fast import adam
from dgmbench.fast.images import frozen, fused
from dgmbench.fast.images.kernels import block, ladder, likelihood, normalisation

HIDDEN, LATENT, SLOTS = 200, 50, (70, 30)

Layer = tuple[int, int, int, bool]
"""Rows, inputs, outputs, and whether the layer's input needs a gradient."""


def layers(pixels: int, batch: int, k: int, memory: bool) -> list[Layer]:
    """The matrix products of one pass over a batch on the OCR-letters networks."""
    rows = batch * k
    encoder = [(pixels, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, LATENT), (HIDDEN, LATENT)]
    decoder = [(LATENT, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, pixels)]
    if memory:
        decoder += [pair for slots in SLOTS for pair in ((HIDDEN, slots), (slots, HIDDEN))]
    found = [(batch, i, o, True) for i, o in encoder] + [(rows, i, o, True) for i, o in decoder]
    return [(batch, pixels, HIDDEN, False), *found[1:]]


def flops(shapes: list[Layer], training: bool) -> float:
    """Multiplications and additions of a pass, forward or forward and backward."""
    return float(sum(2 * r * i * o * (1 + training * (1 + needs)) for r, i, o, needs in shapes))


def product_rates(shapes: list[Layer], training: bool) -> dict[str, float]:
    """FLOP/s, processor seconds, of the bare products at these shapes, weighted by their flops.

    ``torch.mm`` is PyTorch's own choice, ``oneDNN`` and ``numpy`` (OpenBLAS, where numpy comes as a wheel) are what the
    models' products go to, and ``best`` takes for every single product the fastest of the three.
    """
    seconds = {"torch.mm": 0.0, "oneDNN": 0.0, "numpy": 0.0, "best": 0.0}
    for rows, inputs, outputs, needs in shapes:
        x, w, g = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(rows, outputs)
        pairs = [(x, w)]
        if training:
            pairs += [(g.t(), x.t())] + [(g, w.t())] * needs
        for a, b in pairs:
            each = {
                "torch.mm": _seconds(lambda a=a, b=b: a @ b.t()),
                "oneDNN": _seconds(lambda a=a, b=b: _onednn(a, b)),
                "numpy": _seconds(lambda a=a, b=b: a.numpy() @ b.numpy().T),
            }
            for name, value in each.items():
                seconds[name] += value
            seconds["best"] += min(each.values())
    return {name: flops(shapes, training) / value for name, value in seconds.items()}


def _onednn(a: Tensor, b: Tensor) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")


def _seconds(call: Callable[[], object], repeats: int = 11) -> float:
    call()
    inner = 1
    while True:  # the processor's clock is coarse beside a small product
        start = time.process_time()
        for _ in range(inner):
            call()
        if time.process_time() - start > 2e-3:
            break
        inner *= 2
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(inner):
            call()
        times.append((time.process_time() - start) / inner)
    return statistics.median(times)


PARTS: dict[str, list[tuple[Any, tuple[str, ...]]]] = {
    "matrix products": [(np, ("dot",)), (torch, ("mm",))],
    "batch norm and ReLU": [
        (
            normalisation,
            (
                "add_moments",
                "finish_moments",
                "normalise_relu",
                "add_relu_gradient",
                "finish_gradient",
                "rows_gradient",
            ),
        ),
        (block, ("add_relu",)),
    ],
    "memory": [
        (ladder, ("compose", "compose_backward", "add_samples", "attend_backward")),
        (block, ("add_sigmoid",)),
    ],
    "pixels' log-likelihood": [
        (likelihood, ("bernoulli", "bernoulli_backward")),
        (block, ("bernoulli",)),
    ],
    "samples and their densities": [(likelihood, ("sample", "sample_backward")), (block, ("sample",))],
    "random numbers": [(fused, ("standard_normal",)), (frozen, ("standard_normal",))],
    "optimiser": [(adam, ("clipped_step",))],
}


def time_by_part(call: Callable[[], object]) -> Iterator[tuple[str, float]]:
    """The share of each part in the time of a call, the largest first."""
    spent = dict.fromkeys(PARTS, 0.0)
    with pytest.MonkeyPatch.context() as patch:
        for part, places in PARTS.items():
            for owner, names in places:
                for name in names:
                    patch.setattr(owner, name, _timed(getattr(owner, name), spent, part))
        start = time.perf_counter()
        call()
        total = time.perf_counter() - start
    spent["the rest"] = total - sum(spent.values())
    yield from sorted(((part, seconds / total) for part, seconds in spent.items()), key=lambda item: -item[1])


def _timed(function: Callable[..., Any], spent: dict[str, float], part: str) -> Callable[..., Any]:
    @wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments, **options)
        spent[part] += time.perf_counter() - start
        return result

    return timed
