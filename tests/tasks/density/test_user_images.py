"""Density runs on images of a user: small ones, copies of training images, no labels, and what cannot be trained."""

from __future__ import annotations

import csv
import dataclasses
import logging
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dgmbench.commands.tabulate import tabulate
from dgmbench.data import ImageSplits
from dgmbench.errors import UserError
from dgmbench.run.config import build_run, read_plan
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.analysis.analyse import analyse
from dgmbench.tasks.density.analysis.imputation import imputation_masks
from dgmbench.tasks.density.check import findings
from dgmbench.tasks.density.images import copies_of_training_images
from dgmbench.tasks.density.task import DENSITY

GREY = np.random.default_rng(0).integers(0, 256, (60, 36), dtype=np.uint8)
LABELS = np.arange(60, dtype=np.uint8) % 3
SMALL = {"hidden": [6, 6], "latent": 2}


def images(**changes: Any) -> ImageSplits:
    return dataclasses.replace(ImageSplits("mine", (6, 6), False, GREY[:40], GREY[:0], GREY[40:]), **changes)


class WithBatchNorm(torch.nn.Module):
    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.norm, self.mean = torch.nn.BatchNorm1d(n_pixels), torch.nn.Linear(n_pixels, 2)
        self.output = torch.nn.Linear(2, n_pixels)

    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        mean = self.mean(self.norm(x))
        noise = torch.randn(k, *mean.shape)
        z = mean + noise
        logits = self.output(z)
        log_p = (x * logits - torch.nn.functional.softplus(logits)).sum(-1)
        return log_p + 0.5 * (noise.square() - z.square()).sum(-1)


@pytest.fixture(autouse=True)
def module() -> Iterator[Any]:
    made: Any = types.ModuleType("of_the_user")
    made.WithBatchNorm, made.images = WithBatchNorm, images
    sys.modules["of_the_user"] = made
    yield made
    del sys.modules["of_the_user"]


def spec_of(model: str = "vae", dataset: str = "of_the_user:images", **settings: Any) -> RunSpec:
    options = {} if ":" in model else SMALL
    layer = {"epochs": 1, "k": 5, "options": options, **settings}
    return build_run(DENSITY, dataset, model, 0, [(layer, "test")], "test")


def measured(spec: RunSpec, folder: Path) -> dict[str, Any]:
    train(DENSITY, spec, Workspace(folder))
    return evaluate(DENSITY, spec, Workspace(folder))


@pytest.mark.parametrize("model", ["vae", "mem-vae", "of_the_user:WithBatchNorm"])
@pytest.mark.parametrize(
    ("changes", "settings", "evaluated"),
    [
        ({"train": GREY[:7]}, {"batch_size": 2}, 20),
        ({"train": GREY[:2]}, {}, 20),
        ({}, {"train_limit": 3, "batch_size": 2}, 20),
        ({}, {"batch_size": 1000}, 20),
        ({}, {"test_limit": 1000}, 20),
        ({"test": GREY[40:41]}, {}, 1),
    ],
)
def test_small_sets_are_trained_and_evaluated(
    module: Any, tmp_path: Path, model: str, changes: Any, settings: Any, evaluated: int
) -> None:
    module.images = lambda: images(**changes)
    run = measured(spec_of(model, **settings), tmp_path)
    assert (run["status"], run["metrics"]["images"]) == ("ok", evaluated)
    assert (run["metrics"]["standard_error"] is None) == (evaluated == 1)


@pytest.mark.parametrize(
    ("changes", "settings", "complaint"),
    [
        ({"shape": 64}, {}, r"shape is 64; give height and width"),
        ({"shape": (6, 7)}, {}, r"train is not an \(images, 42\) array, as shape \(6, 7\) asks: it has 36 pixels"),
        ({"train": GREY[:0]}, {}, "train has no images"),
        ({"test": GREY[:0]}, {}, "test has no images, nor has valid"),
        ({"test": GREY[:0], "valid": GREY[40:]}, {}, "has no test images; set split to valid"),
        ({}, {"split": "valid"}, "has no valid images; set split to test"),
        ({"train": GREY[:1]}, {}, "1 training image; batch norm needs at least two"),
        ({}, {"train_limit": 1}, r"1 training image \(train_limit is 1\)"),
        ({"train": GREY[0]}, {}, r"train is not an .* it has shape \(36,\)"),
        ({"test": GREY[40:, :30]}, {}, "test is not an .* it has 30 pixels"),
        ({"valid": None}, {}, "valid is None; give a numpy array"),
        ({"train": GREY[:40].tolist()}, {}, "train is of list"),
        ({"train": GREY[:40] // 128, "test": GREY[40:] // 128}, {}, "no other pixels than 0 and 1"),
        ({"train_labels": LABELS[:40]}, {}, "test has no labels and another part has some"),
        ({"train_labels": LABELS[:4], "test_labels": LABELS[40:]}, {}, "train has 40 images but 4 labels"),
        ({"train_labels": LABELS[:40].astype(str), "test_labels": LABELS[40:]}, {}, "train_labels are text"),
        ({"train_labels": LABELS[:40], "test_labels": LABELS[40:], "classes": ("a",)}, {}, "labels hold 2; .* 0 to 0"),
        ({"binary": "no"}, {}, "binary is 'no'; give True or False"),
        ({"classes": "abc"}, {}, "classes is 'abc'; give the names"),
    ],
)
def test_what_cannot_be_run_is_said_by_the_check_in_one_line(
    module: Any, tmp_path: Path, changes: Any, settings: Any, complaint: str
) -> None:
    module.images = lambda: images(**changes)
    spec = spec_of(**settings)
    with pytest.raises(UserError, match=complaint) as caught:
        list(findings(spec, find_row(DENSITY, "vae")))
    assert "\n" not in str(caught.value) and "of_the_user:images" in str(caught.value)
    with pytest.raises(UserError, match=complaint):
        measured(spec, tmp_path)


def test_fractions_give_the_same_number_as_bytes(module: Any, tmp_path: Path) -> None:
    of_bytes = measured(spec_of(), tmp_path / "a")
    module.images = lambda: images(train=GREY[:40] / 255, test=(GREY[40:] / 255).astype(np.float32))
    assert measured(spec_of(), tmp_path / "b")["metrics"] == of_bytes["metrics"]
    np.savez(tmp_path / "mine.npz", x_train=GREY[:40].reshape(-1, 6, 6), x_test=GREY[40:].reshape(-1, 6, 6) / 255)
    of_file = measured(spec_of(dataset=f"file:{tmp_path / 'mine.npz'}"), tmp_path / "c")
    assert of_file["metrics"] == of_bytes["metrics"] and of_file["parts"] == "by the files"


@pytest.mark.parametrize(
    ("changes", "settings", "copies"),
    [
        ({}, {}, 0),
        ({"test": GREY[:40]}, {}, 40),
        ({"test": GREY[38:]}, {}, 2),
        ({"test": GREY[:1]}, {"train_limit": 2}, 1),
        ({"test": GREY[[40, 39, 38]]}, {"test_limit": 2}, 1),
        ({"valid": GREY[30:45]}, {"split": "valid"}, 10),
    ],
)
def test_copies_of_training_images_are_counted(module: Any, changes: Any, settings: Any, copies: int) -> None:
    module.images = lambda: images(**changes)
    assert copies_of_training_images(spec_of(**settings))[0] == copies


def test_copies_of_training_images_are_said_and_recorded(
    module: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module.images = lambda: images(test=GREY[38:])
    assert measured(spec_of(), tmp_path)["copies_of_training_images"] == 2
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert said == ["of_the_user:images: 2 of 22 test images are training images, too"]


def test_an_interval_of_one_image_is_a_dash(module: Any, tmp_path: Path) -> None:
    module.images = lambda: images(test=GREY[40:41])
    models = {name: {"epochs": 1, "k": 5, "options": SMALL} for name in ("vae", "mem-vae")}
    plan = read_plan({"density": {"datasets": ["of_the_user:images"], "models": models}}, {"density": DENSITY})
    for spec in plan.runs:
        measured(spec, tmp_path)
    tabulate(plan, Workspace(tmp_path))
    with (tmp_path / "tables/density.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["dataset"] == "of_the_user:images"]
    assert [(line["ll_se"], float(line["ll_mean"]) < 0) for line in lines] == [("nan", True)] * 2
    for ending in ("md", "html", "tex"):
        text = (tmp_path / f"tables/density.{ending}").read_text().lower()
        assert not re.search(r"\b(nan|inf)\b", text) and "(one image has no interval)" in text


@pytest.mark.parametrize(
    ("shape", "masks"),
    [
        ((28, 28), {"square", "random", "left half"}),
        ((6, 6), {"square", "random", "left half"}),
        ((2, 2), {"random", "left half"}),
        ((1, 36), {"random", "left half"}),
        ((36, 1), {"random"}),
    ],
)
def test_narrow_images_have_fewer_masks(shape: tuple[int, int], masks: set[str]) -> None:
    found = imputation_masks(shape, 5)
    assert found.keys() == masks and all(
        mask.shape[-1] == shape[0] * shape[1] and mask.any() for mask in found.values()
    )


def test_the_analysis_does_without_labels(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dgmbench")
    models = {"mem-vae": {"epochs": 1, "k": 5, "options": SMALL}}
    sizes = {"imputation_images": 3, "imputation_passes": 2, "bound_images": 3, "bound_k": 5}
    section = {"datasets": ["of_the_user:images"], "models": models, "analysis": sizes}
    plan = read_plan({"density": section}, {"density": DENSITY})
    train(DENSITY, plan.runs[0], Workspace(tmp_path))
    analyse(plan, Workspace(tmp_path))
    assert "of_the_user:images has no labels" in caplog.text
    assert list((tmp_path / "figures").glob("samples-of_the_user-images*.png"))
