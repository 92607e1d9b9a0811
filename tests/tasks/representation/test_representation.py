"""A representation run through both stages, its table and its analysis, on small images of a user."""

from __future__ import annotations

import csv
import dataclasses
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
from dgmbench.tasks.representation.analysis.analyse import analyse
from dgmbench.tasks.representation.building import build_learner, load_learner
from dgmbench.tasks.representation.check import findings
from dgmbench.tasks.representation.evaluation import label_sets
from dgmbench.tasks.representation.features import code, cross_entropy, hidden, squared_error
from dgmbench.tasks.representation.images import labelled_images, training_images
from dgmbench.tasks.representation.rows import ROWS
from dgmbench.tasks.representation.task import REPRESENTATION
from dgmbench.training.module import GradientTraining

SMALL: dict[str, dict[str, Any]] = {name: {"hidden": [8, 8], "latent": 3} for name in ("vae", "mem-vae", "iwae-5")}
SMALL |= {name: {"hidden": 8} for name in ("auto-encoder", "denoising-auto-encoder")} | {"pca": {"components": 4}}


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey images of 6 x 6 pixels: three classes, each bright in rows of its own."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, n).astype(np.uint8)
    bright = np.arange(36) // 12 == labels[:, None]
    return np.where(bright, random.integers(120, 256, (n, 36)), random.integers(0, 90, (n, 36))).astype(
        np.uint8
    ), labels


def images(**changes: Any) -> ImageSplits:
    (train, train_labels), (test, test_labels) = drawn(240, 0), drawn(90, 1)
    labels = {"train_labels": train_labels, "valid_labels": train_labels[:0], "test_labels": test_labels}
    return dataclasses.replace(ImageSplits("mine", (6, 6), False, train, train[:0], test, **labels), **changes)


NO_TEST = dict(zip(("valid", "valid_labels", "test", "test_labels"), (*drawn(60, 2), *drawn(0, 0)), strict=True))


class OnlyEncode(torch.nn.Module):
    """A user-defined learner that learns nothing, with whatever goes wrong in a derived class."""

    learns = False

    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(n_pixels, 5).requires_grad_(self.learns)

    def encode(self, x: torch.Tensor) -> Any:
        return self.layer(x)


class Infinite(OnlyEncode):
    def encode(self, x: torch.Tensor) -> Any:
        return self.layer(x) / 0


class Sampled(OnlyEncode):
    def encode(self, x: torch.Tensor) -> Any:
        return torch.randn(len(x), 5)


class OfOneImage(OnlyEncode):
    def encode(self, x: torch.Tensor) -> Any:
        return self.layer(x[:1])


class NoGradient(OnlyEncode):
    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": self.layer(x).mean().detach()}


class NoLoss(OnlyEncode):
    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"bound": self.layer(x).mean()}


class Raises(OnlyEncode):
    def fit(self, x: torch.Tensor) -> None:
        raise KeyError("no such thing")


class Unlearned(OnlyEncode):
    learns = True


class Misspelt(Unlearned):
    def los(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": self.layer(x).mean()}


class Steps(Unlearned):
    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        return {}

    def step(self, x: torch.Tensor, optimisers: Any) -> dict[str, torch.Tensor]:
        return {}


class OtherWords(Unlearned):
    def learn(self, x: torch.Tensor) -> None:
        pass


class WithTrained(Unlearned):
    def __init__(self, n_pixels: int, trained: Any = None) -> None:
        super().__init__(n_pixels)


class HalfAnImage(OnlyEncode):
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z


USERS = (
    Unlearned,
    Misspelt,
    Steps,
    OtherWords,
    WithTrained,
    OnlyEncode,
    Infinite,
    Sampled,
    OfOneImage,
    NoGradient,
    NoLoss,
    Raises,
    HalfAnImage,
)


@pytest.fixture(autouse=True)
def module() -> Iterator[Any]:
    made: Any = types.ModuleType("of_the_user")
    made.images = images
    for cls in USERS:
        setattr(made, cls.__name__, cls)
    sys.modules["of_the_user"] = made
    yield made
    del sys.modules["of_the_user"]


def spec_of(model: str, dataset: str = "of_the_user:images", seed: int = 0, **settings: Any) -> RunSpec:
    layer = {"epochs": 3, "batch_size": 40, "options": SMALL.get(model, {}), **settings}
    return build_run(REPRESENTATION, dataset, model, seed, [(layer, "test")], "test")


def measured(spec: RunSpec, workspace: Workspace) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    train(REPRESENTATION, spec, workspace)
    record = evaluate(REPRESENTATION, spec, workspace)
    with np.load(workspace.run(spec) / "per_example.npz") as arrays:
        return record, dict(arrays)


@pytest.mark.parametrize("model", ROWS)
def test_every_row_has_an_error_for_every_image(model: str, tmp_path: Path) -> None:
    record, arrays = measured(spec_of(model), Workspace(tmp_path))
    metrics = record["metrics"]
    autoencodes = model not in ("pixels", "pca")
    assert record["status"] == "ok" and metrics["images"] == 90 and metrics["labels"] == 200
    assert record["protocol"]["validation_images"] == 40
    assert (metrics["hidden_error"] is not None) == model.endswith(("vae", "iwae-5"))
    assert (metrics["squared_error"] is not None) == (model != "pixels")
    assert (metrics["cross_entropy"] is not None) == autoencodes
    for name, values in arrays.items():
        assert values.shape == (90,) and metrics[name] == pytest.approx(values.mean())
    assert set(arrays["error"]) <= {0.0, 100.0} and "error_100" in arrays and "error_1000" not in arrays
    assert (record["training"]["epochs"] == 3) == autoencodes
    if model in ("pixels", "pca"):  # the classes lie far apart
        assert metrics["error"] < 5


@pytest.mark.parametrize("model", ["pca", "denoising-auto-encoder", "mem-vae"])
def test_a_run_repeats_bit_for_bit(model: str, tmp_path: Path) -> None:
    (_, one), (_, other) = (measured(spec_of(model, seed=4), Workspace(tmp_path / name)) for name in "ab")
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("model", ["auto-encoder", "denoising-auto-encoder", "mem-vae"])
def test_a_training_that_was_cut_off_goes_on_bit_for_bit(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, whole, cut = spec_of(model, epochs=4), Workspace(tmp_path / "whole"), Workspace(tmp_path / "cut")
    monkeypatch.setattr("dgmbench.training.checkpoint.CHECKPOINT_SECONDS", 0.0)
    train(REPRESENTATION, spec, whole)

    begin = GradientTraining.on_train_epoch_start

    def killed(self: GradientTraining) -> None:
        if self.current_epoch == 2:
            raise OSError("killed")
        begin(self)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="killed"):
        patch.setattr(GradientTraining, "on_train_epoch_start", killed)
        train(REPRESENTATION, spec, cut)
    record = train(REPRESENTATION, spec, cut)
    assert record["resumed_from_epoch"] == 2
    one, other = (torch.load(w.trained(spec) / "model.pt", weights_only=True) for w in (whole, cut))
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_every_row_sees_the_same_bits_and_learns_from_none_that_is_held_out() -> None:
    spec = spec_of("vae")
    pixels, binary = training_images(spec)
    data = images()
    assert not binary and len(pixels) == 200
    held_out = labelled_images(spec, "valid")
    assert len(held_out.labels) == 40 and set(held_out.labels) == {0, 1, 2}
    there = {image.tobytes() for image in data.train} - {image.tobytes() for image in pixels}
    assert len(there) == 40
    for part in ("train", "valid", "test"):
        ours, other = labelled_images(spec, part), labelled_images(spec_of("pca", seed=9), part)
        np.testing.assert_array_equal(ours.features, other.features)
        assert set(np.unique(ours.features)) == {0.0, 1.0} and ours.features.dtype == np.float32
    # a limit takes a part of the images, and leaves their bits as they are
    some = labelled_images(spec_of("vae", test_limit=30), "test")
    whole = {image.tobytes() for image in labelled_images(spec, "test").features}
    assert len(some.labels) == 30 and all(image.tobytes() in whole for image in some.features)


@pytest.mark.parametrize(
    ("number", "classes"), [(6, 3), (10, 5), (26, 26), (30, 4), (100, 10), (100, 26)], ids=lambda value: str(value)
)
def test_few_labels_are_balanced_and_other_in_each_drawing(number: int, classes: int) -> None:
    labels = np.random.default_rng(0).integers(0, classes, 3000)
    sets = label_sets(labels, number)
    assert len(sets) == 5 and len({tuple(sorted(chosen)) for chosen in sets}) == 5
    for chosen in sets:
        counts = np.bincount(labels[chosen], minlength=classes)
        assert len(set(chosen)) == number == counts.sum() and counts.max() - counts.min() <= 1
    assert all(np.array_equal(a, b) for a, b in zip(sets, label_sets(labels, number), strict=True))


def test_reconstruction_errors_by_hand() -> None:
    x = np.array([[1.0, 0.0, 1.0]], np.float32)
    assert squared_error(x, np.array([[0.5, 0.5, 1.0]])) == pytest.approx([0.5])
    assert cross_entropy(x, np.array([[0.5, 0.25, 1.0]])) == pytest.approx([np.log(2) - np.log(0.75)], abs=1e-6)
    assert np.isfinite(cross_entropy(x, np.array([[0.0, 1.0, 0.0]]))).all()


def test_the_code_is_the_mean_and_hidden_the_second_layer() -> None:
    model: Any = build_learner(spec_of("vae"), ROWS["vae"], 36).eval()
    x = labelled_images(spec_of("vae"), "test").features
    with torch.no_grad():
        second = model.encoder2(model.encoder1(torch.from_numpy(x)))
        mean = model.mean(second)
    np.testing.assert_array_equal(code(model, x), mean.numpy())
    found = hidden(model, x)
    assert found is not None
    np.testing.assert_array_equal(found, second.numpy())


@pytest.mark.parametrize(
    ("changes", "settings", "line"),
    [
        (dict.fromkeys(("train_labels", "valid_labels", "test_labels")), {}, "mine has no labels: features are judged"),
        ({"train_labels": np.zeros(240, np.uint8)}, {}, "the training images are of one class; a classifier needs two"),
        ({}, {"train_limit": 1}, r"the training images are of one class \(train_limit is 1\)"),
        ({"train": drawn(4, 0)[0], "train_labels": drawn(4, 0)[1]}, {}, "no valid images; features are judged on"),
        (NO_TEST, {}, "no test images; features are judged on"),
    ],
)
def test_what_cannot_be_classified_is_refused_in_one_line(
    changes: dict[str, Any], settings: dict[str, Any], line: str, module: Any, tmp_path: Path
) -> None:
    module.images = lambda: images(**changes)
    with pytest.raises(UserError, match=line) as caught:
        measured(spec_of("vae", **settings), Workspace(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"text", b"PK\3\4", "other"])
def test_a_damaged_model_is_refused_in_one_line(content: bytes | str | None, tmp_path: Path) -> None:
    path, spec = tmp_path / "model.pt", spec_of("pca")
    if content == "other":
        torch.save(build_learner(spec_of("pca", options={"components": 2}), ROWS["pca"], 36).state_dict(), path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"gone or damaged|another architecture") as caught:
        load_learner(spec, ROWS["pca"], path, 36)
    assert "\n" not in str(caught.value)


def test_a_learner_of_a_user_is_measured_and_an_infinite_one_is_a_result(tmp_path: Path) -> None:
    record, arrays = measured(spec_of("of_the_user:OnlyEncode"), Workspace(tmp_path))
    assert record["status"] == "ok" and "error" in arrays and record["metrics"]["squared_error"] is None
    record, arrays = measured(spec_of("of_the_user:Infinite"), Workspace(tmp_path))
    assert record["status"] == "diverged" and not arrays and record["metrics"]["error"] is None


@pytest.mark.parametrize("model", [*ROWS, "of_the_user:OnlyEncode", "of_the_user:WithTrained"])
def test_what_fits_is_found_to_fit(model: str) -> None:
    spec = spec_of(model)
    assert list(findings(spec, find_row(REPRESENTATION, model))) == []


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("Infinite", "encode(x) gave NaN or infinity"),
        ("Sampled", "encode(x) gives another code each time: return the mean, not a sample"),
        ("OfOneImage", "encode(x) gave (1, 5) for 200 images, not (200, width)"),
        ("NoGradient", "loss(x) gave no scalar that carries a gradient"),
        ("NoLoss", "loss(x) gave no tensor by the name 'loss'"),
        ("Raises", "fit(images) for x (200, 36) raised KeyError: 'no such thing'"),
        ("Unlearned", "its parameters are not learned: give loss(x) or fit(images)"),
        (
            "Misspelt",
            "its parameters are not learned: it has los, which representation does not call; give loss(x) or fit(",
        ),
        ("Steps", "its parameters are not learned: it has step, which representation does not call; give loss(x)"),
        ("OtherWords", "its parameters are not learned: it has learn, which representation does not call; give"),
        ("HalfAnImage", "decode(code) gave (200, 5) for 200 images, not (200, 36)"),
    ],
)
def test_what_does_not_fit_is_named(model: str, line: str) -> None:
    found = list(findings(spec_of(f"of_the_user:{model}"), find_row(REPRESENTATION, f"of_the_user:{model}")))
    assert len(found) == 1 and found[0].startswith(line)


def test_the_table_its_curve_and_the_analysis(tmp_path: Path) -> None:
    models = {name: {"options": SMALL.get(name, {})} for name in ("pixels", "pca", "denoising-auto-encoder", "mem-vae")}
    section = {"settings": {"epochs": 2, "batch_size": 40}, "datasets": ["of_the_user:images"], "models": models}
    section |= {"analysis": {"denoising_images": 20, "filters": 4}}
    plan = read_plan({"preset": "trial", "representation": section}, {"representation": REPRESENTATION})
    workspace = Workspace(tmp_path / "trial")
    for spec in plan.runs:
        measured(spec, workspace)
    tabulate(plan, workspace)
    with (workspace.tables / "representation.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(models) and not any(name.startswith("paper") for name in rows["pca"])
    assert rows["pixels"]["squared_error"] == "" and float(rows["pca"]["squared_error"]) > 0
    assert rows["pca"]["cross_entropy"] == "" and float(rows["mem-vae"]["hidden_error"]) >= 0
    assert float(rows["pixels"]["error_100"]) >= 0 and {row["status"] for row in rows.values()} == {"ok"}
    text = (workspace.tables / "representation.md").read_text()
    assert "Nothing is published for these rows" in text and "pca minus pixels" in text
    assert "pixels is ok" not in text  # of what does not apply nothing is compared
    with (workspace.figures / "representation_labels.csv").open() as file:
        curve = [(row["model"], row["labels"]) for row in csv.DictReader(file)]
    assert curve == [(model, labels) for model in models for labels in ("100", "200")]
    analyse(plan, workspace)
    with (workspace.tables / "denoising.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [row["model"] for row in lines[::3]] == ["pca", "denoising-auto-encoder", "mem-vae"]
    assert [row["noise"] for row in lines[:3]] == ["none", "masking", "salt-and-pepper"]
    assert float(lines[0]["of_the_noisy"]) == 0 and float(lines[1]["of_the_noisy"]) > 0
    assert float(lines[0]["squared_error"]) < float(lines[1]["squared_error"])
    assert (
        len(list(workspace.figures.glob("denoising-*.png"))) == len(list(workspace.figures.glob("filters-*.png"))) == 1
    )


def test_an_analysis_of_nothing_is_one_line(tmp_path: Path) -> None:
    section = {"datasets": ["of_the_user:images"], "models": ["pixels"]}
    plan = read_plan({"preset": "trial", "representation": section}, {"representation": REPRESENTATION})
    with pytest.raises(UserError, match=r"no learner of preset 'trial' is trained in .*; run the benchmark first"):
        analyse(plan, Workspace(tmp_path))
