"""The few-labels task from label sets to table, on small images of a user."""

from __future__ import annotations

import dataclasses
import io
import shutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from dgmbench.commands.check import findings
from dgmbench.data import ImageSplits
from dgmbench.data.label_sets import balanced
from dgmbench.errors import UserError
from dgmbench.metrics.differences import Interval
from dgmbench.models.images import averaged_classifier
from dgmbench.report.cells import Run, collect
from dgmbench.report.estimates import Estimate
from dgmbench.report.formats import to_csv, to_html, to_latex, to_markdown
from dgmbench.report.references import references
from dgmbench.report.versus import versus
from dgmbench.run import stages
from dgmbench.run.config import build_run, read_plan
from dgmbench.run.plan import Plan
from dgmbench.run.records import read_arrays
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks, find_task
from dgmbench.tasks.few_labels.images import examples_of, label_set, part_of, with_labelled
from dgmbench.tasks.few_labels.settings import label_name
from dgmbench.tasks.few_labels.table import TABLE
from dgmbench.tasks.few_labels.task import FEW_LABELS

CLASSES = 3
OPTIONS: dict[str, dict[str, Any]] = {"supervised": {"network": "reduced"}}
OPTIONS["cgmmn"] = {"network": "reduced", "widths": [0.5]}
OPTIONS["pseudo-label"] = {"network": "reduced", "begins": 1, "ends": 2}
OPTIONS["triple-gan"] = {"network": "reduced", "hidden": [8], "latent": 3, "units": [8, 8], "game_from": 1}
OPTIONS["triple-gan"]["generated_from"] = 2
TRAINED = list(OPTIONS)


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey images of 6 x 6 pixels: three classes, bright in rows of their own, at each, each second or third pixel."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, n).astype(np.uint8)
    place, own = np.arange(36), labels[:, None]
    bright = (place // 12 == own) & (place % 6 % (own + 1) == 0)
    grey = np.where(bright, random.integers(120, 256, (n, 36)), random.integers(0, 90, (n, 36)))
    return grey.astype(np.uint8), labels


def images(**changes: Any) -> ImageSplits:
    (train, train_labels), (test, test_labels) = drawn(240, 0), drawn(90, 1)
    labels = {"train_labels": train_labels, "valid_labels": train_labels[:0], "test_labels": test_labels}
    return dataclasses.replace(ImageSplits("mine", (6, 6), False, train, train[:0], test, **labels), **changes)


def unlabelled() -> ImageSplits:
    return images(train_labels=None, valid_labels=None, test_labels=None)


def without_a_class() -> ImageSplits:
    train, labels = drawn(240, 0)
    return images(train=train[labels != 1], train_labels=labels[labels != 1])


class Predicts:
    """A user-defined classifier that learns nothing; ``what`` is wrong with it."""

    def __init__(self, n_classes: int, what: str = "") -> None:
        self.what, self.classes = what, n_classes

    def predict(self, x: Tensor) -> Any:
        scores = x[:, [0, 12, 24]]
        wrong = {
            "none": None,
            "named": {"scores": scores},
            "nothing": (),
            "narrow": scores[:, 1:],
            "few": scores[1:],
            "flat": scores.argmax(dim=1),
            "nan": torch.full_like(scores, torch.nan),
            "random": torch.rand_like(scores),
        }
        return wrong.get(self.what, scores)


class Samples(Predicts):
    """It also generates."""

    def sample_of(self, labels: Tensor, seed: int) -> Any:
        x = torch.rand(len(labels), 36, generator=torch.Generator().manual_seed(seed))
        wrong = {"no images": None, "missing": x[1:], "wide": 3 * x - 1, "infinite": x / 0, "one": x.flatten()}
        return wrong.get(self.what, x)


class Encodes:
    """It gives features; ``what`` is wrong with them."""

    def __init__(self, what: str = "") -> None:
        self.what = what

    def encode(self, x: Tensor) -> Any:
        wrong = {"none": None, "named": {"mean": x}, "words": ("a", "b"), "narrow": x[1:]}
        return wrong.get(self.what, (x, torch.ones_like(x)))


class Nothing:
    """It cannot predict."""


class Loses(nn.Module):
    """It has a loss, which becomes NaN in an epoch."""

    def __init__(self, n_pixels: int, n_classes: int, bad: int = -1) -> None:
        super().__init__()
        self.layer, self.bad, self.epoch = nn.Linear(n_pixels, n_classes), bad, 0

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        return {"own": torch.optim.Adam(self.parameters(), rate)}

    def begin(self, epoch: int, optimisers: Any) -> None:
        self.epoch = epoch

    def step(self, examples: Tensor, optimisers: Any) -> dict[str, Tensor]:
        loss = self.layer(examples[:, :-1]).square().mean() * (torch.nan if self.epoch == self.bad else 1.0)
        optimisers["own"].zero_grad()
        loss.backward()
        optimisers["own"].step()
        return {"loss": loss.detach()}

    def predict(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Fits(nn.Module):
    """It has a way to learn that the task does not call."""

    def __init__(self, n_pixels: int, n_classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(n_pixels, n_classes)

    def fit(self, images: Tensor) -> None:
        pass

    def predict(self, x: Tensor) -> Tensor:
        return self.layer(x)


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setitem(averaged_classifier.NETWORKS, "reduced", ((4, 8, 16), 0.25))
    # every load of a user's data looks for entry points in all distributions, which takes most of a small run's time
    monkeypatch.setattr("dgmbench.data.user_data.entry_points", dict)
    monkeypatch.setattr("dgmbench.data.catalogue.entry_points", dict)
    made: Any = types.ModuleType("few")
    for each in (images, unlabelled, without_a_class, Predicts, Samples, Encodes, Nothing, Loses, Fits):
        setattr(made, each.__name__, each)
    sys.modules["few"] = made
    yield made
    del sys.modules["few"]


def spec_of(model: str, dataset: str = "few:images", seed: int = 0, **settings: Any) -> RunSpec:
    layer = {"epochs": 3, "batch_size": 60, "labels": [6], "options": OPTIONS.get(model, {}), **settings}
    return build_run(FEW_LABELS, dataset, model, seed, [(layer, "test")], "test")


def measured(spec: RunSpec, workspace: Workspace) -> dict[str, Any]:
    stages.train(FEW_LABELS, spec, workspace)
    return stages.evaluate(FEW_LABELS, spec, workspace)


@pytest.mark.parametrize("number", [3, 6, 7, 20, 50])
def test_a_label_set_has_the_classes_equally_often_and_is_a_part_of_larger_ones(number: int) -> None:
    labels = part_of(spec_of("supervised"), images(), "train").labels
    sets = [label_set(spec_of(model, seed=4), labels, CLASSES, number) for model in TRAINED]
    assert all(np.array_equal(each, sets[0]) for each in sets), "the same for every row"
    counts = np.bincount(labels[sets[0]], minlength=CLASSES)
    assert len(set(sets[0].tolist())) == number and counts.max() - counts.min() <= (number % CLASSES > 0)
    assert np.array_equal(label_set(spec_of("supervised", seed=4), labels, CLASSES, 2 * number)[:number], sets[0])
    assert not np.array_equal(label_set(spec_of("supervised", seed=5), labels, CLASSES, number), sets[0])


@pytest.mark.parametrize("number", [3, 4, 5, 9, 10])
def test_balanced_where_a_class_has_few_examples(number: int) -> None:
    labels = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2, 2])
    chosen = balanced(labels, number, np.random.default_rng(1))
    counts = np.bincount(labels[chosen], minlength=3)
    assert len(set(chosen.tolist())) == number
    sizes = np.bincount(labels)
    assert all(n == size or n >= counts.max() - 1 for n, size in zip(counts, sizes, strict=True))


@pytest.mark.parametrize(
    ("dataset", "settings", "message"),
    [
        ("few:images", {"labels": [2]}, "2 labels for 3 classes: each class needs one; give labels of at least 3"),
        ("few:images", {"labels": [6, 201]}, "201 labels asked for, and there are 200 training images; lower labels"),
        ("few:images", {"labels": [30], "train_limit": 25}, "30 labels asked for, and there are 25 training images"),
        ("few:unlabelled", {}, "mine has no labels"),
        ("few:without_a_class", {}, "no training image of class 1"),
    ],
)
def test_labels_that_cannot_be_drawn_are_refused_in_a_line(
    dataset: str, settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        stages.train(FEW_LABELS, spec_of("supervised", dataset, **settings), Workspace(tmp_path))
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=message):
        findings(FEW_LABELS, spec_of("supervised", dataset, **settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": [-1]}, "labels.0: -1 is too small"),
        ({"labels": []}, "labels"),
        (
            {"dataset": "mnist", "labels": [0, 20, 9]},
            "mnist: 9 labels for 10 classes: each class needs one; give labels of at least 10",
        ),
        (
            {"dataset": "mnist", "labels": [100, 50_001]},
            r"labels: mnist: 50,001 labels asked for, and there are 50,000 training images; lower labels",
        ),
        (
            {"dataset": "ocr-letters", "labels": [100], "train_limit": 90},
            "ocr-letters: 100 labels asked for, and there are 90 training images",
        ),
        ({"labels": 100}, r"labels: '100' is not a list; write \[100\]"),
        ({"labels": ["many"]}, "'many' is not a whole number"),
        ({"labelled_batch": 0}, "labelled_batch: 0 is too small"),
        ({"label": [5]}, "unknown setting 'label'"),
    ],
)
def test_wrong_settings_are_refused_in_a_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        spec_of("supervised", **settings)
    assert "\n" not in str(caught.value)


def test_the_order_and_the_repetition_of_numbers_do_not_make_another_run() -> None:
    assert spec_of("supervised", labels=[20, 6, 20]).run_id == spec_of("supervised", labels=[6, 20]).run_id
    assert [label_name(number) for number in (0, 20, 1000)] == ["all", "20", "1000"]


def test_what_a_step_sees() -> None:
    part = part_of(spec_of("supervised"), images(), "train")
    assert (
        part.images.shape == (200, 36)
        and part.values.max() <= 1
        and len(part_of(spec_of("cgmmn"), images(), "valid").labels) == 40
    )
    chosen = label_set(spec_of("supervised"), part.labels, CLASSES, 9)
    examples, labelled = examples_of(part, chosen)
    assert (examples[:, -1] == -1).all() and np.array_equal(examples[:, :-1], part.values)
    assert np.array_equal(labelled[:, -1], part.labels[chosen])
    batch = with_labelled(
        torch.from_numpy(labelled), 5, torch.from_numpy(examples[:8]), torch.Generator().manual_seed(0)
    )
    seen = batch[batch[:, -1] >= 0]
    assert batch.shape == (13, 37) and len(seen) == 5
    for row in seen:  # of the labelled images, with their own classes
        assert (torch.from_numpy(labelled) == row).all(dim=1).any()
    every, none = examples_of(part, np.arange(200))
    assert np.array_equal(every[:, -1], part.labels) and not len(none)


@pytest.mark.parametrize("model", TRAINED)
def test_every_row_has_an_error_for_every_image_and_number_of_labels(model: str, tmp_path: Path) -> None:
    spec = spec_of(model, labels=[6, 0], epochs=60, batch_size=20)
    record = measured(spec, Workspace(tmp_path))
    arrays = read_arrays(Workspace(tmp_path).run(spec) / "per_example.npz")
    assert record["status"] == "ok" and set(arrays) == {"error_6", "error_all"}
    assert record["metrics"]["images"] == 90 and record["metrics"]["unlabelled"] == 200
    assert record["training"]["label_sets"] == {"6": 6, "all": 200} and record["training"]["epochs"] == 60
    assert record["protocol"]["label_set"] == 0 and TABLE.problem(record, arrays) == ""
    for name, values in arrays.items():
        assert values.shape == (90,) and set(values) <= {0.0, 100.0}
        assert record["metrics"][name] == pytest.approx(values.mean())
    curve = pd.read_csv(Workspace(tmp_path).trained(spec) / "curve.csv")
    assert len(curve) == 60 and {"epoch", "seconds_6", "seconds_all"} <= set(curve.columns)
    assert record["metrics"]["error_all"] < 10, "the classes lie far apart"


class KilledError(Exception):
    pass


@pytest.mark.parametrize("model", TRAINED)
def test_a_training_that_is_killed_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    from dgmbench.training import alternating
    from dgmbench.training.batches import Batches

    monkeypatch.setattr(alternating, "CHECKPOINT_SECONDS", 0.0)
    spec = spec_of(model, labels=[6, 12], epochs=4)
    whole, cut = Workspace(tmp_path / "whole"), Workspace(tmp_path / "cut")
    stages.train(FEW_LABELS, spec, whole)
    batches, begun = Batches.__iter__, list[int]()

    def killed(self: Batches) -> Iterator[Tensor]:
        begun.append(self.epoch)
        if len(begun) == 7:  # in the third epoch with the second number of labels
            raise KilledError
        return batches(self)

    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(Batches, "__iter__", killed)
        stages.train(FEW_LABELS, spec, cut)
    record = stages.train(FEW_LABELS, spec, cut)
    assert record["resumed_from_epoch"] == 4  # of the first number all four were done
    for number in (6, 12):
        one, other = (
            torch.load(each.state(spec) / str(number) / "last.ckpt", weights_only=True)["state_dict"]
            for each in (whole, cut)
        )
        assert all(torch.equal(one[name], other[name]) for name in one)
    files = {"predicted.npz", *(["samples.npz"] if model == "triple-gan" else [])}
    for file in files:
        found = [read_arrays(each.trained(spec) / file) for each in (whole, cut)]
        assert found[0].keys() == found[1].keys()
        assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize(
    ("model", "what", "message"),
    [
        ("Predicts", "narrow", r"predict\(x\) gave \(40, 2\) for 40 images, not \(40, 3\)"),
        ("Predicts", "few", r"predict\(x\) gave \(39, 3\) for 40 images"),
        ("Predicts", "flat", r"predict\(x\) gave \(40,\) for 40 images"),
        ("Predicts", "none", r"few:Predicts: predict\(x\) gave NoneType, not numbers of shape \(40, 3\)$"),
        ("Predicts", "named", r"predict\(x\) gave dict, not numbers"),
        ("Predicts", "nothing", r"predict\(x\) gave \(0,\) for 40 images"),
        ("Encodes", "none", r"few:Encodes: encode\(x\) gave NoneType, not numbers of shape \(6, width\)$"),
        ("Encodes", "named", r"encode\(x\) gave dict, not numbers"),
        ("Encodes", "words", r"encode\(x\) gave str, not numbers"),
        ("Encodes", "narrow", r"encode\(x\) gave \(5, 36\) for 6 images, not \(6, width\)"),
        ("Samples", "no images", r"sample_of\(labels, seed\) gave NoneType, not numbers of shape \(30, 36\)$"),
        ("Samples", "missing", r"sample_of\(labels, seed\) gave \(29, 36\) for 30, not \(30, 36\)"),
        ("Samples", "one", r"gave \(1080,\)"),
        ("Samples", "wide", r"gave values from -0\.99\d* to 1\.99\d*; give 0 to 1"),
        ("Nothing", "", r"has no predict\(x\) -> \(n, classes\), nor encode\(x\)"),
    ],
)
def test_a_wrong_classifier_is_said_in_a_line(model: str, what: str, message: str, tmp_path: Path) -> None:
    spec = spec_of(f"few:{model}", options={"what": what} if what else {})
    with pytest.raises(UserError, match=message) as caught:
        stages.train(FEW_LABELS, spec, Workspace(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("model", "what", "number"), [("Predicts", "nan", None), ("Samples", "infinite", 0.0)])
def test_what_is_not_finite_ends_as_diverged(model: str, what: str, number: float | None, tmp_path: Path) -> None:
    workspace, spec = Workspace(tmp_path), spec_of(f"few:{model}", options={"what": what})
    record = measured(spec, workspace)
    assert record["status"] == "diverged" and record["metrics"]["error_6"] == number
    assert TABLE.problem(record, read_arrays(workspace.run(spec) / "per_example.npz")) == ""
    assert not (workspace.trained(spec) / "samples.npz").exists()


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_steps_that_are_not_finite_end_as_diverged(bad: int, tmp_path: Path) -> None:
    record = measured(spec_of("few:Loses", labels=[6, 12], options={"bad": bad}), Workspace(tmp_path))
    assert record["status"] == "diverged" and record["training"]["diverged_at"] == bad
    assert record["metrics"]["error_12"] is not None  # of the last good weights


@pytest.mark.parametrize("model", [*TRAINED, "few:Predicts", "few:Samples", "few:Encodes"])
def test_check_tries_every_kind_of_row(model: str) -> None:
    assert findings(FEW_LABELS, spec_of(model)) == []


@pytest.mark.parametrize(
    ("model", "what", "message"),
    [
        ("Predicts", "narrow", "not (20, 3)"),
        ("Predicts", "none", "predict(x) gave NoneType, not numbers of shape (20, 3)"),
        ("Predicts", "nan", "NaN"),
        ("Predicts", "random", "other values each time"),
        ("Samples", "wide", "give 0 to 1"),
        ("Samples", "infinite", "sample_of(labels, seed) gave NaN or infinity"),
    ],
)
def test_check_says_what_is_wrong(model: str, what: str, message: str) -> None:
    (line,) = findings(FEW_LABELS, spec_of(f"few:{model}", options={"what": what}))
    assert message in line


def test_check_says_that_a_classifier_does_not_learn() -> None:
    assert findings(FEW_LABELS, spec_of("few:Fits")) == [
        "its parameters are not learned: it has fit, which few-labels does not call; give loss(examples) or "
        "step(examples, optimisers)"
    ]


def test_features_of_a_trained_density_model(tmp_path: Path) -> None:
    density = {"settings": {"epochs": 2, "batch_size": 60}, "datasets": ["few:images"]}
    density["models"] = {"vae": {"options": {"hidden": [8, 8], "latent": 3}}}
    section = {"settings": {"labels": [6, 60]}, "datasets": ["few:images"], "models": ["vae-features"]}
    plan = read_plan({"density": density, "few-labels": section}, all_tasks())
    (spec,), workspace = plan.of("few-labels"), Workspace(tmp_path)
    for run in (spec.source, spec):
        assert run is not None
        stages.train(find_task(run.task), run, workspace)
    record = stages.evaluate(FEW_LABELS, spec, workspace)
    assert record["status"] == "ok" and record["training"]["epochs"] == 0
    assert record["metrics"]["error_60"] < 67 and not (workspace.trained(spec) / "curve.csv").exists()
    with pytest.raises(UserError, match="vae on few:images"):
        read_plan({"few-labels": section}, all_tasks())


@pytest.fixture
def made(tmp_path: Path) -> tuple[Plan, Workspace]:
    """Two rows with three label sets."""
    models = {name: {"options": OPTIONS[name]} for name in ("supervised", "triple-gan")}
    settings = {"labels": [0, 12, 6], "epochs": 2, "batch_size": 100}
    section = {"settings": settings, "datasets": ["few:images"], "models": models, "seeds": [0, 1, 2]}
    plan, workspace = read_plan({"few-labels": section}, all_tasks()), Workspace(tmp_path)
    for spec in plan.runs:
        measured(spec, workspace)
    return plan, workspace


def test_the_table(made: tuple[Plan, Workspace]) -> None:
    plan, workspace = made
    cells = collect(plan, workspace, FEW_LABELS, TABLE.problem)
    frame = pd.read_csv(io.StringIO(to_csv(TABLE.rows(cells)))).set_index(["dataset", "model"]).loc["few:images"]
    names = [f"{name}{end}" for name in ("error_6", "error_12", "error_all") for end in ("", "_sd_seeds")]
    assert list(frame.columns) == ["n_seeds", *names, "seconds", "status"] and set(frame["n_seeds"]) == {3}
    by_seed = {}
    for spec in plan.runs:
        values = read_arrays(workspace.run(spec) / "per_example.npz")["error_12"]
        by_seed.setdefault(spec.model, []).append(values.mean())
    for model, errors in by_seed.items():
        assert frame.loc[model, "error_12"] == pytest.approx(np.mean(errors))
        assert frame.loc[model, "error_12_sd_seeds"] == pytest.approx(np.std(errors, ddof=1))
    sheet = TABLE.sheet(cells)
    ((_, columns),) = sheet.groups
    assert columns == ("error, 6 labels", "error, 12 labels", "error, all labels")
    line = dict(sheet.rows)["supervised"][1]
    assert line is not None and line.error == f"{np.std(by_seed['supervised'], ddof=1):.2f}"
    (grid,) = (grid for grid in sheet.grids if grid.title == "Errors by label set")
    shown = {row[1:3]: row[3:] for row in grid.rows}
    assert shown["supervised", "12"] == tuple(f"{error:.2f}" for error in by_seed["supervised"])
    for text in (to_markdown(sheet), to_latex(sheet), to_html(sheet, [], [])):
        assert "label set" in text and "triple-gan" in text
    both = versus(TABLE, cells, cells, ("one", "other"))
    assert both is not None and {line["metric"] for line in both.lines} == {"error_6", "error_12", "error_all"}
    figures = TABLE.figures(cells, workspace)
    assert [figure.path.stem.partition("_")[2].partition("-")[0] for figure in figures] == ["", "labels", "classes"]
    assert all(figure.path.is_file() for figure in figures)
    drawn = pd.read_csv(figures[-1].path.with_suffix(".csv"))
    assert list(dict.fromkeys(drawn["block"])) == ["6 labels", "all labels"] and len(drawn) == 2 * CLASSES * 10
    shutil.rmtree(workspace.root / "trained")
    assert TABLE.figures(cells, workspace)[-1] == figures[-1], "what was drawn is shown where the trainings are gone"
    figures[-1].path.unlink()
    assert [figure.path.stem.partition("_")[2] for figure in TABLE.figures(cells, workspace)] == ["", "labels"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_row_without_a_number_of_labels_is_left_out_there(whole: bool, tmp_path: Path) -> None:
    asked = {"supervised": [6, 12], "pseudo-label": [12]}
    models = {name: {"options": OPTIONS[name], "labels": labels} for name, labels in asked.items()}
    section = {"settings": {"epochs": 1, "batch_size": 60}, "datasets": ["few:images"], "models": models}
    section["seeds"] = [0] if whole else [0, 1]
    plan, workspace = read_plan({"few-labels": section}, all_tasks()), Workspace(tmp_path)
    for spec in plan.runs:
        if (spec.model, spec.seed) != ("pseudo-label", 1):
            measured(spec, workspace)
    cells = collect(plan, workspace, FEW_LABELS, TABLE.problem)
    rows = {row["model"]: row for row in TABLE.rows(cells)}
    assert rows["pseudo-label"]["error_6"] is None and rows["pseudo-label"]["error_12"] >= 0
    sheet = TABLE.sheet(cells)
    shown = dict(sheet.rows)["pseudo-label"]
    assert shown[0] is not None and shown[0].ours == "no number" and not shown[0].remark
    text = to_markdown(sheet)
    assert "'no number': the configuration does not ask for this number of labels in this row (pseudo-label)." in text
    assert text.count("pseudo-label minus supervised") == 1 and "is ok" not in text


def test_differences_are_paired_by_label_set() -> None:
    """Sets that differ much from each other, and rows that differ by about the same on each."""
    runs = [Run(spec_of("supervised", seed=seed), "ok") for seed in range(3)]
    hard, noise = np.array([0.0, 30.0, 60.0])[:, None], np.random.default_rng(0).normal(0, 5, (3, 90))
    theirs = Estimate(runs, 30, None, None, np.broadcast_to(hard, (3, 90)))
    ours = Estimate(runs, 26, None, None, hard - 4 + noise - noise.mean(axis=1, keepdims=True))
    found = TABLE.difference(ours, theirs)
    assert isinstance(found, Interval) and found.mean == pytest.approx(-4) and -6 < found.low < found.high < -2
    assert ours.values is not None
    again = TABLE.difference(dataclasses.replace(ours, runs=runs[::-1], values=ours.values[::-1]), theirs)
    assert again == pytest.approx(found), "by set, in whatever order"
    apart = TABLE.difference(dataclasses.replace(ours, runs=runs[:2], values=ours.values[:2]), theirs)
    assert isinstance(apart, Interval) and apart.high - apart.low > 20, "of other sets nothing is paired"


def test_what_is_published_and_cited() -> None:
    plan = read_plan({"few-labels": {"datasets": ["mnist"], "models": ["triple-gan"]}}, all_tasks())
    cells = collect(plan, Workspace(Path("nowhere")), FEW_LABELS, TABLE.problem)
    (cell,) = cells
    assert cell.published("error_100") == 0.91 and cell.published("error_200") is None
    assert "Triple Generative Adversarial Nets" in references(
        [FEW_LABELS], [run for cell in cells for run in cell.runs]
    )


def test_the_classes_of_a_dataset() -> None:
    assert images().n_classes == without_a_class().n_classes == CLASSES
