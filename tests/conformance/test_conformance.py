"""One check over every registered model, and over models with the usual mistakes."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from dgmbench.run.config import build_run
from dgmbench.run.registry import DENSITY, METHODS, accepted_options, find_entry, load_factory
from dgmbench.run.spec import Task
from dgmbench.commands.check import findings

pytestmark = pytest.mark.network


def check(task: Task, dataset: str, model: str, **options: Any) -> list[str]:
    return findings(build_run(task, dataset, model, 0, [({"options": options}, "test")], "test"))


@pytest.mark.parametrize("name", [name for name in DENSITY if not find_entry("density", name).factory.endswith("CNN")])
def test_every_density_model_fits(name: str) -> None:
    assert check("density", "ocr-letters", name) == []


@pytest.mark.parametrize("name", METHODS)
def test_every_document_method_fits(name: str) -> None:
    # few topics and sweeps where there are any: the check is about the interface
    few = {"n_topics": 5, "n_sweeps": 20, "initial_sweeps": 20, "n_iterations": 2, "epochs": 5}
    accepted = accepted_options(load_factory(METHODS[name].factory))
    assert check("classification", "reuters", name, **{k: v for k, v in few.items() if k in accepted}) == []


class Good(torch.nn.Module):
    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.mean = torch.nn.Linear(n_pixels, 2)
        self.output = torch.nn.Linear(2, n_pixels)

    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        mean = self.mean(x)
        noise = self.noise(k, mean)
        z = mean + noise
        logits = self.output(z)
        log_p = (x * logits - torch.nn.functional.softplus(logits)).sum(-1)
        return log_p + 0.5 * (noise.square() - z.square()).sum(-1)

    def noise(self, k: int, mean: torch.Tensor) -> torch.Tensor:
        return torch.randn(k, *mean.shape)


class BatchFirst(Good):
    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        return super().log_weights(x, k).T


class Deterministic(Good):
    def noise(self, k: int, mean: torch.Tensor) -> torch.Tensor:
        return torch.zeros(k, *mean.shape)


class Detached(Good):
    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        return super().log_weights(x, k).detach()


class Unused(Good):
    def __init__(self, n_pixels: int) -> None:
        super().__init__(n_pixels)
        self.forgotten = torch.nn.Linear(2, 2)


class Leaking:
    """Learns from the documents it describes."""

    def __init__(self) -> None:
        self.seen_ = 0

    def fit(self, corpus: Any, labels: Any = None) -> Leaking:
        return self

    def transform(self, corpus: Any) -> np.ndarray:
        self.seen_ += 1
        return np.full((len(corpus), 2), float(self.seen_))


@pytest.fixture(autouse=True)
def _importable() -> Iterator[None]:
    module = types.ModuleType("models_of_ones_own")
    for cls in (Good, BatchFirst, Deterministic, Detached, Unused, Leaking):
        setattr(module, cls.__name__, cls)
    sys.modules[module.__name__] = module
    yield
    del sys.modules[module.__name__]


@pytest.mark.parametrize(
    ("cls", "says"),
    [
        ("Good", None),
        ("BatchFirst", "not (4, 6)"),
        ("Deterministic", "sampled anew"),
        ("Detached", "no gradient"),
        ("Unused", "forgotten"),
    ],
)
def test_usual_mistakes_are_named(cls: str, says: str | None) -> None:
    found = check("density", "ocr-letters", f"models_of_ones_own:{cls}")
    if says is None:
        assert found == []
    else:
        assert any(says in finding for finding in found), found


def test_a_method_that_learns_from_test_documents_is_caught() -> None:
    found = check("classification", "reuters", "models_of_ones_own:Leaking")
    assert any("must not teach" in finding for finding in found)
    assert any("second time" in finding for finding in found)
