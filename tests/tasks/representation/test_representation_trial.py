"""What ``dgmbench check`` tries of a representation run: small, of the shapes of the real training, and both stages."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dgmbench.commands import check
from dgmbench.data import ImageSplits
from dgmbench.run.config import build_run
from dgmbench.run.progress import Step, watched
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.representation.check import trial
from dgmbench.tasks.representation.images import labelled_images, training_images
from dgmbench.tasks.representation.rows import ROWS
from dgmbench.tasks.representation.settings import representation_settings
from dgmbench.tasks.representation.task import REPRESENTATION
from dgmbench.training.batch_norm import measure_batch_norm
from dgmbench.training.batches import Batches, binarised

TRAIN = 1010


def images() -> ImageSplits:
    """1,010 training, 60 validation and 150 test images of 6 x 6 grey pixels, of three classes."""
    random = np.random.default_rng(0)
    n = TRAIN + 60 + 150
    labels = random.integers(0, 3, n).astype(np.uint8)
    grey = np.where(np.arange(36) // 12 == labels[:, None], 200, 40) + random.integers(0, 40, (n, 36))
    (train, valid, test), (train_y, valid_y, test_y) = (
        np.split(values, [TRAIN, TRAIN + 60]) for values in (grey.astype(np.uint8), labels)
    )
    of = {"train_labels": train_y, "valid_labels": valid_y, "test_labels": test_y}
    return ImageSplits("mine", (6, 6), False, train, valid, test, **of)


class Sound(torch.nn.Module):
    """A learner, with what goes wrong only in a run in a derived class."""

    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.encoder, self.decoder = torch.nn.Linear(n_pixels, 5), torch.nn.Linear(5, n_pixels)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.decoder(z)

    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self.decode(self.encode(x)) - x).square().mean()}


class LargeBatch(Sound):
    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        if len(x) > 256:
            raise RuntimeError(f"{len(x)} images")
        return super().loss(x)


class SecondStep(Sound):
    def __init__(self, n_pixels: int) -> None:
        super().__init__(n_pixels)
        self.raw = torch.nn.Parameter(torch.zeros(()))
        self.scale = self.raw.exp()  # the graph of the first step

    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": super().loss(x)["loss"] * self.scale}


class Diverges(Sound):
    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": super().loss(x)["loss"] + (1e38 * self.encoder.weight.square().sum()).exp()}


class TooFew(Sound):
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) != 256:
            raise RuntimeError(f"not for {len(x)} images")
        return super().encode(x)

    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": self.encoder(x).square().mean()}


class Unreadable(Sound):
    def get_extra_state(self) -> Any:
        return types.SimpleNamespace()

    def set_extra_state(self, state: Any) -> None:
        pass


FAULTY = (LargeBatch, SecondStep, Diverges, TooFew, Unreadable)


@pytest.fixture(autouse=True)
def module() -> Iterator[Any]:
    made: Any = types.ModuleType("tried")
    made.images = images
    for cls in (Sound, *FAULTY):
        setattr(made, cls.__name__, cls)
    sys.modules["tried"] = made
    yield made
    del sys.modules["tried"]


def spec_of(model: str, **settings: Any) -> RunSpec:
    layer = {"epochs": 50, "batch_size": 400, **settings}
    return build_run(REPRESENTATION, "tried:images", model, 0, [(layer, "test")], "test")


@pytest.mark.parametrize(
    ("batch_size", "train_limit", "limit"),
    [
        (400, 0, 674),  # 1,010 images are three batches of 336 or 337
        (300, 0, 505),  # four of 252 or 253
        (100, 0, 276),  # eleven of 91 or 92
        (2, 0, 256),
        (505, 0, 1010),
        (5000, 0, 1010),
        (300, 200, 200),
        (128, 300, 300),
        (128, 5000, 379),  # as without the limit: eight of 126 or 127
    ],
)
def test_a_trial_has_batches_as_large_as_the_real_training(batch_size: int, train_limit: int, limit: int) -> None:
    real = spec_of("vae", batch_size=batch_size, train_limit=train_limit, devices=4)
    small = trial(real)
    settings = representation_settings(small)
    assert (settings.epochs, settings.devices, settings.train_limit, settings.test_limit) == (1, 1, limit, 100)
    whole, part = (Batches(training_images(spec)[0], batch_size, 0, binarised) for spec in (real, small))
    assert whole.smallest <= part.smallest and part.largest <= whole.largest
    assert len(part.examples) == limit and (len(part) > 1 or len(whole) == 1)
    assert set(labelled_images(small, "train").labels) == {0, 1, 2}
    changed = {"epochs", "devices", "train_limit", "test_limit"}
    assert settings.model_dump(exclude=changed) == representation_settings(real).model_dump(exclude=changed)


def test_a_smaller_part_of_the_test_images_stays_as_it_is() -> None:
    assert representation_settings(trial(spec_of("vae", test_limit=30))).test_limit == 30


@pytest.mark.parametrize("model", [*ROWS, "tried:Sound"])
def test_what_fits_goes_through_both_stages(model: str) -> None:
    options = {name: {"hidden": [8, 8], "latent": 3} for name in ("vae", "mem-vae", "iwae-5")}
    options |= {"pca": {"components": 4}, "auto-encoder": {"hidden": 8}, "denoising-auto-encoder": {"hidden": 8}}
    assert check.findings(REPRESENTATION, spec_of(model, options=options.get(model, {}))) == []


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("LargeBatch", "train, on a part of the data, raised RuntimeError: 337 images"),
        ("SecondStep", "train, on a part of the data, raised RuntimeError: Try"),
        ("Diverges", "train, on a part of the data: a value is not finite"),
        ("TooFew", "evaluate, on a part of the data, raised RuntimeError: not for 100 images"),
        ("Unreadable", "train, on a part of the data, raised AttributeError: "),
    ],
)
def test_what_only_a_run_would_fail_at_is_found(model: str, line: str) -> None:
    found = check.findings(REPRESENTATION, spec_of(f"tried:{model}"))
    assert len(found) == 1 and found[0].startswith(line) and "\n" not in found[0], found
    if model in ("LargeBatch", "TooFew"):  # which raise in code of their own
        assert re.search(r" \(test_representation_trial\.py, line \d+\)$", found[0])


@pytest.mark.parametrize("model", ["pixels", "vae"])
def test_the_fits_of_the_classifier_are_counted_for_those_who_watch(model: str, tmp_path: Path) -> None:
    spec, workspace = trial(spec_of(model, options={"hidden": [8, 8]} if model == "vae" else {})), Workspace(tmp_path)
    train(REPRESENTATION, spec, workspace)
    seen: list[Step] = []
    with watched(seen.append):
        evaluate(REPRESENTATION, spec, workspace)
    words = ["linear classifier, error: fit", *(["linear classifier, hidden error: fit"] if model == "vae" else [])]
    # all labels, and five drawings of 100
    assert [(step.what, step.done, step.total) for step in seen] == [
        (what, n, 6) for what in words for n in range(1, 7)
    ]


@pytest.mark.parametrize("n", [2, 5, 17, 40, 300])
def test_batch_norm_is_evaluated_by_the_variance_that_a_step_divides_by(n: int) -> None:
    class Normed(Sound):
        def __init__(self, n_pixels: int) -> None:
            super().__init__(n_pixels)
            self.norm = torch.nn.BatchNorm1d(n_pixels)

        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return super().encode(self.norm(x))

    grey = training_images(spec_of("vae"))[0][:n]
    model, batches = Normed(36), Batches(grey, n, 0, binarised)
    seen: list[torch.Tensor] = []
    with torch.no_grad():
        model.norm.register_forward_hook(lambda norm, given, out: seen.append(given[0]))
        measure_batch_norm(model, model.loss, batches, 1, 0)
    (x,) = seen
    torch.testing.assert_close(model.norm.running_mean, x.mean(0))
    torch.testing.assert_close(model.norm.running_var, x.var(0, correction=0))
