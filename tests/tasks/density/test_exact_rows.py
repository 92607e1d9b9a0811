"""Rows whose log-likelihood is exact, and points beside images: both stages, the table, what does not go together."""

from __future__ import annotations

import logging
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from dgmbench.commands import completion
from dgmbench.commands.check import findings as check
from dgmbench.commands.selection import Selection, configuration_of
from dgmbench.commands.tabulate import tabulate
from dgmbench.data import ImageSplits, PointSplits, load_images, load_points
from dgmbench.errors import UserError
from dgmbench.models.em import MixtureFit
from dgmbench.names import load_object
from dgmbench.report.cells import collect
from dgmbench.report.mlflow_words import Described
from dgmbench.run.config import build_run, read_plan
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks
from dgmbench.tasks.density.analysis.analyse import analyse
from dgmbench.tasks.density.analysis.bounds import bound_table
from dgmbench.tasks.density.analysis.shown import shown
from dgmbench.tasks.density.analysis.trained import trained_models
from dgmbench.tasks.density.building import build_model
from dgmbench.tasks.density.check import findings
from dgmbench.tasks.density.images import evaluation_images, kind_of_data, whole_training_set
from dgmbench.tasks.density.rows import ROWS
from dgmbench.tasks.density.settings import DensityAnalysisSettings
from dgmbench.tasks.density.table import TABLE
from dgmbench.tasks.density.task import DENSITY

pytestmark = pytest.mark.network

POINTS = ["two-moons", "rings", "old-faithful-like"]
SMALL = {"epochs": 2, "batch_size": 100, "train_limit": 300, "test_limit": 30, "k": 20}
OPTIONS: dict[str, Any] = {
    "mixture-of-bernoullis": {"components": [2, 4], "iterations": 5},
    "mixture-of-gaussians": {"components": [1, 3], "starts": 2},
    "vae-1d": {"hidden": [8]},
}
CELLS = [
    ("ocr-letters", "mixture-of-bernoullis"),
    ("mnist", "mixture-of-bernoullis"),
    *((name, row) for name in POINTS for row in ("mixture-of-gaussians", "vae-1d")),
]


def spec_of(dataset: str, model: str, **changes: Any) -> RunSpec:
    layer = {**SMALL, "options": OPTIONS.get(model, {}), **changes}
    return build_run(DENSITY, dataset, model, 3, [(layer, "test")], "test")


@pytest.mark.parametrize(("dataset", "model"), CELLS)
def test_both_stages_leave_an_exact_value_and_repeat_bit_for_bit(dataset: str, model: str, tmp_path: Path) -> None:
    spec, values = spec_of(dataset, model), []
    for folder in ("a", "b"):
        workspace = Workspace(tmp_path / folder)
        training, run = train(DENSITY, spec, workspace), evaluate(DENSITY, spec, workspace)
        values.append(np.load(workspace.run(spec) / "per_example.npz")["log_likelihood"])
    np.testing.assert_array_equal(*values)
    metrics, curve = run["metrics"], pd.read_csv(workspace.trained(spec) / "curve.csv")
    assert (training["status"], run["status"], len(values[0]), metrics["images"]) == ("ok", "ok", 30, 30)
    assert metrics["log_likelihood"] == pytest.approx(values[0].mean())
    assert len(curve) == training["epochs"] and run["protocol"]["batch_norm"] == "none"
    assert training["parameters"] > 0
    words = ("points", "nats per point") if dataset in POINTS else (None, None)
    assert (metrics.get("examples"), metrics.get("log_likelihood_unit")) == words
    if model == "vae-1d":
        assert metrics["k"] == 20 and metrics["exact_log_likelihood"] > metrics["log_likelihood"] - 0.2
        return
    assert metrics["k"] == "exact" and "exact_log_likelihood" not in metrics
    assert curve["bound"].is_monotonic_increasing and curve["bound"].iloc[-1] == training["final_bound"]
    assert training["components"] in OPTIONS[model]["components"]
    assert set(training["chosen_by"]) == {str(k) for k in OPTIONS[model]["components"]}


def test_the_exact_value_is_that_of_the_fit_by_hand(tmp_path: Path) -> None:
    spec = build_run(DENSITY, "ocr-letters", "mixture-of-bernoullis", 3, [({"options": {"components": [1]}}, "t")], "t")
    workspace, data = Workspace(tmp_path), load_images("ocr-letters")
    train(DENSITY, spec, workspace)
    theta = (data.train.sum(axis=0) + 0.1) / (len(data.train) + 0.2)
    expected = np.where(data.test, np.log(theta), np.log(1 - theta)).sum(axis=1).mean()
    assert evaluate(DENSITY, spec, workspace)["metrics"]["log_likelihood"] == pytest.approx(expected, rel=1e-12)


def test_mnist_chooses_on_its_last_10000_training_images_and_letters_on_their_validation_part() -> None:
    digits, none = whole_training_set(spec_of("mnist", "mixture-of-bernoullis", train_limit=0))
    assert digits.shape == (60_000, 784) and none is None and set(np.unique(digits)) == {0, 1}
    assert len(digits) - len(digits) // 6 == 50_000  # what `MixtureOfBernoullis.fit` fits before it chooses
    grey = load_images("mnist").train
    assert digits.mean() == pytest.approx(grey.mean() / 255, abs=1e-3)
    assert not digits[grey == 0].any() and digits[grey == 255].all()
    again, _ = whole_training_set(spec_of("mnist", "mixture-of-bernoullis", train_limit=0))
    np.testing.assert_array_equal(again, digits)
    letters, held_out = whole_training_set(spec_of("ocr-letters", "mixture-of-bernoullis", train_limit=0))
    np.testing.assert_array_equal(letters, load_images("ocr-letters").train)
    np.testing.assert_array_equal(held_out, load_images("ocr-letters").valid)


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("split", ["test", "valid"])
def test_points_are_evaluated_as_they_are(name: str, split: str) -> None:
    spec = spec_of(name, "vae-1d", test_limit=0, split=split)
    np.testing.assert_array_equal(evaluation_images(spec), getattr(load_points(name), split))
    assert kind_of_data(spec) == "points"


def test_rows_say_what_their_classes_say() -> None:
    assert {name: row.data for name, row in ROWS.items()} == {
        name: getattr(load_object(row.factory), "data", "images") for name, row in ROWS.items()
    }


class Exact(torch.nn.Module):
    """A user-defined density that fits itself: a Gaussian."""

    data = "points"

    def fit(self, x: torch.Tensor, held_out: Any, *, seed: int, state: Any, fingerprint: str) -> MixtureFit:
        self.register_buffer("mean", x.mean(dim=0))
        return MixtureFit([float(self.log_prob(x).mean())], 1, x.shape[1])

    def __init__(self, n_pixels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_pixels, dtype=torch.float64))

    def log_prob(self, x: Any) -> torch.Tensor:
        return torch.distributions.Normal(self.mean, 1.0).log_prob(torch.as_tensor(x)).sum(-1)


class Falling(Exact):
    def fit(self, x: torch.Tensor, held_out: Any, **_: Any) -> MixtureFit:
        return MixtureFit([-1.0, -2.0], 1, 1)


class Summed(Exact):
    def log_prob(self, x: Any) -> torch.Tensor:
        return super().log_prob(x).sum()


class Infinite(Exact):
    def log_prob(self, x: Any) -> torch.Tensor:
        return super().log_prob(x) / 0


class NoSeed(Exact):
    def fit(self, x: torch.Tensor) -> MixtureFit:  # type: ignore[override]
        return MixtureFit([0.0], 1, 1)


class OnlyFit(torch.nn.Module):
    data = "points"

    def fit(self, x: torch.Tensor) -> None:
        pass


X = np.random.default_rng(0).standard_normal((60, 2))
BITS = (X > 0).astype(np.uint8)


@pytest.fixture(autouse=True)
def _importable() -> Iterator[None]:
    module: Any = types.ModuleType("user_density")
    for kind in (Exact, Falling, Summed, Infinite, NoSeed, OnlyFit, NoState, OfMany, Forgets):
        setattr(module, kind.__name__, kind)
    module.points = lambda: PointSplits("mine", X[:40], X[:0], X[40:])
    module.images = lambda: ImageSplits("mine", (1, 2), True, BITS[:40], BITS[:0], BITS[40:])
    sys.modules[module.__name__] = module
    yield
    del sys.modules[module.__name__]


def test_a_user_defined_density_of_user_defined_points_goes_through_both_stages(tmp_path: Path) -> None:
    spec, workspace = spec_of("user_density:points", "user_density:Exact"), Workspace(tmp_path)
    assert train(DENSITY, spec, workspace)["components"] == 1
    run = evaluate(DENSITY, spec, workspace)
    expected = torch.distributions.Normal(torch.as_tensor(X[:40].mean(axis=0)), 1.0).log_prob(torch.as_tensor(X[40:]))
    assert run["metrics"]["log_likelihood"] == pytest.approx(float(expected.sum(-1).mean()), rel=1e-12)
    assert list(findings(spec, find_row(DENSITY, spec.model))) == []


@pytest.mark.parametrize(
    ("model", "finding"),
    [
        ("Falling", "the bound falls"),
        ("Summed", r"gave \(\), not \(100,\)"),
        ("Infinite", "NaN or infinity"),
        ("NoSeed", r"raised TypeError"),
    ],
)
def test_check_says_what_is_wrong_with_a_fit(model: str, finding: str) -> None:
    spec = spec_of("two-moons", f"user_density:{model}")
    found = list(findings(spec, find_row(DENSITY, spec.model)))
    assert any(re.search(finding, line) for line in found)


PAIRS: dict[str, tuple[str, str]] = {
    "a VAE on points": ("two-moons", "vae"),
    "a VAE with memory on points": ("rings", "mem-vae"),
    "a mixture of Bernoullis on points": ("old-faithful-like", "mixture-of-bernoullis"),
    "a mixture of Gaussians on grey images": ("mnist", "mixture-of-gaussians"),
    "a mixture of Gaussians on binary images": ("ocr-letters", "mixture-of-gaussians"),
    "a Gaussian VAE on images": ("mnist", "vae-1d"),
    "a user's density of points on images": ("mnist", "user_density:Exact"),
}


@pytest.mark.parametrize(("dataset", "model"), PAIRS.values(), ids=PAIRS)
def test_pixels_and_coordinates_are_never_in_one_column(dataset: str, model: str) -> None:
    section = {"datasets": [dataset], "models": [model]}
    with pytest.raises(UserError, match="binary pixels and real coordinates do not compare") as found:
        read_plan({"density": section}, {"density": DENSITY})
    assert str(found.value).startswith(f"config.density.models.{model}: it is for ")


@pytest.mark.parametrize(
    ("dataset", "model"),
    [("points", "vae"), ("points", "mixture-of-bernoullis"), ("images", "vae-1d"), ("images", "mixture-of-gaussians")],
)
def test_a_user_s_function_is_looked_at_when_it_is_called(dataset: str, model: str, tmp_path: Path) -> None:
    spec = spec_of(f"user_density:{dataset}", model)
    for act in (lambda: list(findings(spec, ROWS[model])), lambda: train(DENSITY, spec, Workspace(tmp_path))):
        with pytest.raises(UserError, match=f"{model}: it is for .*, and user_density:{dataset} has {dataset}"):
            act()


def test_a_model_without_log_weights_or_log_prob_is_refused() -> None:
    with pytest.raises(UserError, match="has no method log_weights"):
        build_model(spec_of("two-moons", "user_density:OnlyFit"), find_row(DENSITY, "user_density:OnlyFit"), 2)


def test_too_few_points_for_the_components_end_in_one_line(tmp_path: Path) -> None:
    spec = spec_of("user_density:points", "mixture-of-gaussians", options={"components": [50, 60]})
    with pytest.raises(UserError, match="40 examples are fewer than 50 components"):
        train(DENSITY, spec, Workspace(tmp_path))
    bad = spec_of("two-moons", "mixture-of-gaussians", options={"components": [0]})
    with pytest.raises(UserError, match=r"refuses its options: components is \[0\]"):
        train(DENSITY, bad, Workspace(tmp_path))


def plan_for(datasets: list[str], models: list[str]) -> Any:
    section = {
        "settings": SMALL,
        "datasets": datasets,
        "models": {name: {"options": OPTIONS.get(name, {"hidden": [10, 10], "latent": 3})} for name in models},
        "analysis": {"imputation_images": 4, "imputation_passes": 2, "bound_images": 10, "bound_k": 20},
    }
    return read_plan({"preset": "exact", "density": section}, {"density": DENSITY})


def done(plan: Any, folder: Path) -> Workspace:
    workspace = Workspace(folder / "exact")
    for spec in plan.runs:
        train(DENSITY, spec, workspace)
        evaluate(DENSITY, spec, workspace)
    return workspace


def test_the_table_of_images_says_exact_and_what_it_compares(tmp_path: Path) -> None:
    plan = plan_for(["ocr-letters"], ["vae", "mixture-of-bernoullis"])
    workspace = done(plan, tmp_path)
    tabulate(plan, workspace)
    table = pd.read_csv(workspace.tables / "density.csv").set_index("model")
    assert table["k"].dropna().to_dict() == {"vae": "20", "mixture-of-bernoullis": "exact"}
    assert table.loc["mixture-of-bernoullis", "parameters"] in (1 + 2 * 128, 3 + 4 * 128)
    text = (workspace.tables / "density.md").read_text()
    assert "mixture-of-bernoullis: exact log-likelihood, without importance samples" in text
    assert "ocr-letters: k = 20 (a smaller k" in text and "one is exact, the other estimated" in text
    bounds = bound_table(trained_models(plan, workspace, "cpu"), DensityAnalysisSettings(bound_images=4, bound_k=5))
    assert set(bounds["model"]) == {"linear-gaussian", "vae"}


def test_the_table_and_the_analysis_of_points(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plan = plan_for(["two-moons"], ["mixture-of-gaussians", "vae-1d"])
    workspace = done(plan, tmp_path)
    tabulate(plan, workspace)
    text = (workspace.tables / "density.md").read_text()
    assert "exact log-likelihood" in text and "none: real coordinates" in text
    assert "per image" not in text and "images" not in text.replace("no number of binary images compares", "")
    assert "Test log-likelihood in nats per point" in text and "its standard error over the test points" in text
    figures = {
        figure.title: figure for figure in TABLE.figures(collect(plan, workspace, DENSITY, TABLE.problem), workspace)
    }
    assert figures["Training"].chart.panels[0].y == "training bound (nats per point)"
    assert figures["Log-likelihood"].chart.panels[0].x == "log-likelihood (nats per point)"
    assert "two-moons: real coordinates, in nats per point: no number of binary images compares. k = 20;" in text
    with caplog.at_level(logging.INFO):
        analyse(plan, workspace)
    values = pd.read_csv(workspace.tables / "exact_and_estimated.csv").set_index("model")
    assert values["points"].tolist() == [2000, 2000]
    assert values["exact"].notna().all() and values["estimated"].notna().tolist() == [False, True]
    of_vae = values.loc["vae-1d"]
    assert of_vae["difference"] == pytest.approx(of_vae["estimated"] - of_vae["exact"], abs=1e-4)
    bounds = pd.read_csv(workspace.tables / "bound_vs_k.csv")
    assert bounds[bounds["model"] == "vae-1d"]["exact"].notna().all()
    drawn = pd.read_csv(workspace.figures / "points-two-moons.csv")
    assert list(drawn["model"].unique()) == ["mixture-of-gaussians", "vae-1d"] and (drawn["density"] >= 0).all()
    assert (workspace.figures / "points-two-moons.png").stat().st_size > 10_000
    assert {"Learnt densities: two-moons", "Exact and estimated log-likelihood of points"} <= {
        each.title for each in shown(plan, workspace)
    }
    assert dict(bounds.groupby("dataset")["unit"].first()) == {
        "oracle": "nats per image",
        "two-moons": "nats per point",
    }


WORDS: dict[str, tuple[str, str, dict[str, Any], list[str]]] = {
    "images, exact": ("mnist", "mixture-of-bernoullis", {"k": "exact"}, ["(nats per image): -1.50**", "- k: exact; "]),
    "images, estimated": ("mnist", "vae", {"k": 100}, ["(nats per image): -1.50**"]),
    "points, exact": (
        *("two-moons", "mixture-of-gaussians"),
        {"k": "exact", "examples": "points", "log_likelihood_unit": "nats per point"},
        ["(nats per point): -1.50**", "- k: exact; ", "trained on 300 points only"],
    ),
    "points, estimated": (
        *("rings", "vae-1d"),
        {"k": 20, "examples": "points", "log_likelihood_unit": "nats per point", "exact_log_likelihood": -1.4},
        ["(nats per point): -1.50**", "trained on 300 points only", "by quadrature"],
    ),
    "a record from before": ("ocr-letters", "vae", {}, ["(nats per image): -1.50**", "trained on 300 images only"]),
}


@pytest.mark.parametrize(("dataset", "model", "metrics", "said"), WORDS.values(), ids=WORDS)
def test_mlflow_says_what_is_exact_and_in_which_unit(
    dataset: str, model: str, metrics: dict[str, Any], said: list[str]
) -> None:
    spec = spec_of(dataset, model, options={}).to_dict()
    text = Described.of(DENSITY).about(spec, {"log_likelihood": -1.5, **metrics})
    assert all(part in text for part in said), text
    assert ("- k: " in text) == (metrics.get("k") == "exact")


@pytest.mark.parametrize(
    ("dataset", "model", "options"),
    [
        ("ocr-letters", "mixture-of-bernoullis", {"components": [2, 4], "iterations": 5}),
        ("ocr-letters", "mixture-of-bernoullis", {"components": [150], "iterations": 2, "starts": 1}),
        ("two-moons", "mixture-of-gaussians", {"components": [1, 3], "starts": 2}),
        ("rings", "mixture-of-gaussians", {"components": [120], "starts": 1, "iterations": 3}),
        ("old-faithful-like", "vae-1d", {"hidden": [8]}),
        ("user_density:points", "user_density:Exact", {}),
    ],
)
def test_check_tries_both_stages(dataset: str, model: str, options: dict[str, Any]) -> None:
    assert check(DENSITY, spec_of(dataset, model, options=options, train_limit=0)) == []


class NoState(Exact):
    def fit(self, x: torch.Tensor, held_out: Any, *, state: Any, **_: Any) -> MixtureFit:  # type: ignore[override]
        if state is not None:
            raise RuntimeError("keeps nothing")
        return MixtureFit([0.0], 1, 1)


class OfMany(Exact):
    def log_prob(self, x: Any) -> torch.Tensor:
        if len(x) < 10:
            raise RuntimeError("few points")
        return super().log_prob(x)


class Forgets(Exact):
    def fit(self, x: torch.Tensor, held_out: Any, **_: Any) -> MixtureFit:  # type: ignore[override]
        self.scale = float(x.std())
        return MixtureFit([0.0], 1, 1)

    def log_prob(self, x: Any) -> torch.Tensor:
        return super().log_prob(x) / self.scale


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("NoState", "train, on a part of the data, raised RuntimeError: keeps nothing"),
        ("OfMany", "evaluate, on a part of the data, raised RuntimeError: few points"),
        ("Forgets", "evaluate, on a part of the data, raised AttributeError: "),
    ],
)
def test_check_finds_what_a_run_of_a_fit_would_fail_at(model: str, found: str) -> None:
    (line,) = check(DENSITY, spec_of("two-moons", f"user_density:{model}"))
    assert line.startswith(found)


@pytest.mark.parametrize("name", POINTS)
def test_points_are_completed_and_selected_by_name(name: str) -> None:
    assert name in completion.datasets(SimpleNamespace(params={}), name[:3])
    found, _ = configuration_of(Selection(datasets=(name,), rows=("vae-1d",)))
    plan = read_plan(found.content, all_tasks())
    assert [(run.dataset, run.model) for run in plan.runs] == [(name, "vae-1d")]
