"""A training step can become a CUDA graph only if it reads nothing back from the device; that shows on the CPU, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from dgmbench.fast.conditions import MOST_THREADS
from dgmbench.models.images.cnn import CNN
from dgmbench.models.images.vae import VAE
from dgmbench.training.captured import settle
from dgmbench.training.optimiser import build_optimiser
from dgmbench.training.settings import TrainingSettings


class NothingReadBack(TorchDispatchMode):
    """Every number that Python asks of a tensor goes through one operation."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func is not torch.ops.aten._local_scalar_dense.default, "a step reads a value back"
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def plain_optimiser() -> Iterator[None]:
    """With more threads than the compiled one is for."""
    before = torch.get_num_threads()
    torch.set_num_threads(MOST_THREADS + 1)
    yield
    torch.set_num_threads(before)


def small(**options: Any) -> VAE:
    return VAE(30, (16, 12), 5, slots=(7, 3), importance_samples=5, **options)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "plain": small,
    "memory": lambda: small(memory=True),
    "softmax": lambda: small(memory=True, attention="softmax"),
    "dreg": lambda: small(memory=True, estimator="dreg"),
    "some samples": lambda: small(memory=True, backward_samples=2),
    "convolutions": lambda: CNN(784, 5, memory=True, importance_samples=2),
}


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_step_reads_nothing_back(kind: str, optimizer: str) -> None:
    model: Any = NETWORKS[kind]().train()
    optimiser = build_optimiser(model, TrainingSettings.model_validate({"optimizer": optimizer}))
    settle(optimiser, torch.device("cpu"), True)
    x = torch.zeros(20, 784 if kind == "convolutions" else 30)

    def step() -> None:
        optimiser.zero_grad()
        model.loss(x)["loss"].backward()
        optimiser.step()

    step()  # as those before a capture
    with NothingReadBack():
        step()


def test_what_is_read_back_is_seen() -> None:
    with NothingReadBack(), pytest.raises(AssertionError, match="reads a value back"):
        float(torch.ones(()))
