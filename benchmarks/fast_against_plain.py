"""Each hook of fast/images against the plain model, on the networks of the default preset, in one run, taking turns.

    python benchmarks/fast_against_plain.py

One thread, batch 128, processor seconds. Prints how many times the plain version takes what the fast one takes: the
median of the turns, and their range. What stays below 1.3 everywhere has no place in fast/.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from dgmbench.fast.images.fused import standard_noise
from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.models.images.vae import VAE
from dgmbench.training.optimiser import build_optimiser
from dgmbench.training.settings import TrainingSettings

BATCH = 128
NETWORKS = {"letters": (128, (200, 200), 50), "mnist": (784, (500, 500), 100)}
Call = Callable[[], Any]


def network(name: str, memory: bool, k: int) -> VAE:
    """Untrained: the arithmetic is the same."""
    pixels, hidden, latent = NETWORKS[name]
    torch.manual_seed(0)
    return VAE(pixels, hidden, latent, memory, importance_samples=k)


def ratio(fast: Call, plain: Call, turns: int, at_least: float = 0.05) -> str:
    """Median and range of plain / fast."""
    calls = []
    for call in (fast, plain):
        call()
        start = time.process_time()
        call()
        calls.append((call, max(1, round(at_least / max(1e-6, time.process_time() - start)))))
    found = []
    for _ in range(turns):
        seconds = []
        for call, repeats in calls:
            start = time.process_time()
            for _ in range(repeats):
                call()
            seconds.append((time.process_time() - start) / repeats)
        found.append(seconds[1] / seconds[0])
    return f"{statistics.median(found):5.2f} ({min(found):.2f} to {max(found):.2f})"


def plain_step(model: VAE, x: torch.Tensor) -> Call:
    """Loss and gradient by PyTorch."""

    def step() -> None:
        for parameter in model.parameters():
            parameter.grad = None
        model.loss(x)["loss"].backward()

    return step


def optimisers(model: VAE) -> tuple[Call, Call]:
    """A step of the compiled optimiser, and of the library's with both clips, on copies of a model."""
    settings = TrainingSettings()
    models = copy.deepcopy(model), copy.deepcopy(model)
    compiled = build_optimiser(models[0], settings)
    parameters = list(models[1].parameters())
    library = torch.optim.Adam(parameters, eps=settings.adam_eps, fused=True)
    for each in models:
        for parameter in each.parameters():
            parameter.grad = torch.ones_like(parameter)
    compiled.step()

    def by_library() -> None:
        torch.nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
        torch.nn.utils.clip_grad_value_(parameters, settings.clip_value)
        library.step()

    return compiled.step, by_library


class Plain(VAE):
    """Evaluated by its own log-weights: a class derived from the model has no snapshot."""


def evaluations(name: str, memory: bool, k: int) -> tuple[Call, Call]:
    """The evaluation of a few images with a snapshot, and without."""
    pixels, hidden, latent = NETWORKS[name]
    images = (np.random.default_rng(0).random((max(2, min(100, 5000 // k)), pixels)) < 0.3).astype(np.float32)
    models = VAE(pixels, hidden, latent, memory), Plain(pixels, hidden, latent, memory)
    return lambda: log_likelihood(models[0], images, k), lambda: log_likelihood(models[1], images, k)


def measure(name: str, memory: bool, k: int, turns: int) -> Iterator[tuple[str, str]]:
    """What is measured at one network and k, and its ratio."""
    pixels, _, latent = NETWORKS[name]
    model, x = network(name, memory, k), (torch.rand(BATCH, pixels) < 0.3).float()
    step = model.fast_step()
    assert step is not None
    yield "step", ratio(partial(step, x), plain_step(copy.deepcopy(model), x), turns)
    size = k, BATCH, latent
    yield "noise", ratio(partial(standard_noise, *size), partial(torch.randn, *size), turns)
    yield "evaluation", ratio(*evaluations(name, memory, k), turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--k", type=int, nargs="+", default=[1, 5, 50])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1, "blas")
    for name in arguments.networks:
        for memory in (False, True):
            where = f"{name}, {'memory' if memory else 'plain'}"
            print(f"{where}: Adam {ratio(*optimisers(network(name, memory, 1)), arguments.turns)}", flush=True)
            for k in arguments.k:
                for what, found in measure(name, memory, k, arguments.turns):
                    print(f"{where}, k = {k}: {what} {found}", flush=True)
            found = ratio(*evaluations(name, memory, 500), arguments.turns)
            print(f"{where}, k = 500: evaluation {found}", flush=True)


if __name__ == "__main__":
    main()
