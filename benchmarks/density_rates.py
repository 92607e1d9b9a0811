"""What the density benchmarks share: the layers' shapes, the rate of bare matrix products, a profile by part."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.autograd.profiler_util import FunctionEventAvg
from torch.profiler import ProfilerActivity, profile

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

    ``torch.mm`` is PyTorch's own choice, ``oneDNN`` the library behind the models' products, and ``best`` takes for
    every single product the faster of the two.
    """
    seconds = {"torch.mm": 0.0, "oneDNN": 0.0, "best": 0.0}
    for rows, inputs, outputs, needs in shapes:
        x, w, g = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(rows, outputs)
        pairs = [(x, w)]
        if training:
            pairs += [(g.t(), x.t())] + [(g, w.t())] * needs
        for a, b in pairs:
            each = {
                "torch.mm": _seconds(lambda a=a, b=b: a @ b.t()),
                "oneDNN": _seconds(lambda a=a, b=b: _onednn(a, b)),
            }
            for name, value in each.items():
                seconds[name] += value
            seconds["best"] += min(each.values())
    return {name: flops(shapes, training) / value for name, value in seconds.items()}


def _torch(a: Tensor, b: Tensor) -> Tensor:
    return a @ b.t()


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


PARTS = {
    "matrix products": ("aten::mm", "aten::addmm", "mkldnn::_linear_pointwise"),
    "batch norm and ReLU": (
        "HiddenRows",
        "aten::native_batch_norm",
        "aten::relu",
        "aten::clamp_min",
        "aten::threshold",
    ),
    "memory": ("Read", "Ladder"),
    "pixels' log-likelihood": ("_PixelRows",),
    "random numbers": ("aten::normal_", "aten::bernoulli", "aten::uniform_"),
    "samples and their densities": ("_Samples",),
    "optimiser": ("Optimizer", "aten::_fused_adam"),
}


def time_by_part(call: Callable[[], object]) -> Iterator[tuple[str, float]]:
    """The share of each part in the processor time of a call, the largest first."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        call()
    events = list(profiled.key_averages())
    total = sum(event.self_cpu_time_total for event in events)
    shares = dict.fromkeys([*PARTS, "the rest"], 0.0)
    for event in events:
        shares[_part(event)] += event.self_cpu_time_total / total
    yield from sorted(shares.items(), key=lambda item: -item[1])


def _part(event: FunctionEventAvg) -> str:
    return next((part for part, names in PARTS.items() if event.key.startswith(names)), "the rest")
