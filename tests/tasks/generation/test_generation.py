"""The generation task from training to table, on small parts of the real data."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from dgmbench.commands.check import findings
from dgmbench.errors import UserError
from dgmbench.report.cells import Run, arranged, collect
from dgmbench.report.formats import to_csv, to_html, to_latex, to_markdown
from dgmbench.run import stages
from dgmbench.run.config import read_plan
from dgmbench.run.plan import Plan
from dgmbench.run.records import read_arrays
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks, find_task
from dgmbench.tasks.generation.building import between, generated
from dgmbench.tasks.generation.evaluation import METRICS
from dgmbench.tasks.generation.images import as_bytes, part_of
from dgmbench.tasks.generation.table import TABLE
from dgmbench.training import alternating

SMALL = {"train_limit": 600, "test_limit": 300, "samples": 300, "classifier_epochs": 2, "batch_size": 100}
REFERENCES = ["training-images", "noise"]


def plan_for(*models: str, datasets: tuple[str, ...] = ("ocr-letters",), **settings: Any) -> Plan:
    density = {"settings": {"train_limit": 200, "epochs": 1}, "datasets": list(datasets), "models": ["vae"]}
    section = {"settings": SMALL | settings, "datasets": list(datasets), "models": list(models)}
    return read_plan({"density": density, "generation": section}, all_tasks())


def run_all(plan: Plan, workspace: Workspace) -> None:
    task = find_task("generation")
    sources = [run.source for run in plan.of("generation") if run.source]
    for spec in [*plan.parts, *sources, *plan.of("generation")]:
        stages.train(find_task(spec.task), spec, workspace)
    for spec in plan.of("generation"):
        stages.evaluate(task, spec, workspace)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Workspace]:
    """Both references on both datasets, and a VAE of the density task."""
    plan = plan_for(*REFERENCES, "vae", datasets=("ocr-letters", "mnist"), train_limit=5000, classifier_epochs=4)
    workspace = tmp_path_factory.mktemp("made")
    run_all(plan, Workspace(workspace))
    return plan, Workspace(workspace)


def metrics_of(made: tuple[Plan, Workspace], dataset: str) -> dict[str, dict[str, Any]]:
    plan, workspace = made
    runs = [run for run in plan.of("generation") if run.dataset == dataset]
    return {run.model: json.loads((workspace.run(run) / "run.json").read_text())["metrics"] for run in runs}


@pytest.mark.parametrize("dataset", ["ocr-letters", "mnist"])
@pytest.mark.parametrize("metric", [metric for metric in TABLE.metrics if metric.name != "classes"])
def test_each_metric_puts_training_images_first_and_noise_last(made: Any, dataset: str, metric: Any) -> None:
    found = metrics_of(made, dataset)
    sign = 1 if metric.higher_is_better else -1
    best, worst = (sign * found[name][metric.name] for name in REFERENCES)
    # where a classifier has seen few images, noise lies in the middle of its features, in the balls of outliers
    assert best > worst or metric.name in ("precision", "density")


@pytest.mark.parametrize("dataset", ["ocr-letters", "mnist"])
def test_what_is_recorded_of_an_evaluation(made: Any, dataset: str) -> None:
    plan, workspace = made
    for run in plan.of("generation"):
        record = json.loads((workspace.run(run) / "run.json").read_text())
        arrays = read_arrays(workspace.run(run) / "per_example.npz")
        assert record["status"] == "ok" and TABLE.problem(record, arrays) == ""
        assert set(METRICS) <= record["metrics"].keys()
        (part,) = (each for each in plan.parts if each.dataset == run.dataset)
        assert record["protocol"]["classifier"] == part.training_id
        assert 0 < record["protocol"]["classifier_error"] < 90
        samples = read_arrays(workspace.trained(run) / "samples.npz")["samples"]
        assert samples.dtype == np.uint8 and samples.shape[0] == 300
        assert 0 < samples.max() <= (1 if run.dataset == "ocr-letters" else 255)


def test_the_density_model_is_trained_once(made: Any) -> None:
    plan, workspace = made
    trained = {path.name for path in (workspace.root / "trained").iterdir()}
    assert trained == {run.training_id for run in (*plan.runs, *plan.parts)}
    (vae,) = (run for run in plan.of("generation") if run.model == "vae" and run.dataset == "mnist")
    record = json.loads((workspace.trained(vae) / "training.json").read_text())
    assert record["epochs"] == 0 and not (workspace.trained(vae) / "model.pt").exists()


def test_the_table(made: Any) -> None:
    plan, workspace = made
    cells = collect(plan, workspace, find_task("generation"), TABLE.problem)
    frame = pd.read_csv(io.StringIO(to_csv(TABLE.rows(cells))))
    frame = frame[frame["status"] != "missing"]  # published, not planned
    assert list(frame["model"].unique()) == [*REFERENCES, "vae"] and (frame["status"] == "ok").all()
    assert frame["frechet_distance"].notna().all()
    sheet = TABLE.sheet(cells)
    for text in (to_markdown(sheet), to_latex(sheet), to_html(sheet, [], [])):
        assert "training-images" in text and "nan" not in text.lower().replace("nano", "")
    texts = " ".join(" ".join(map(str, row)) for grid in sheet.grids for row in grid.rows)
    assert "training-images minus noise" in texts and "vae minus mixture" not in texts
    bold = {model for model, line in sheet.rows for value in line if value and value.best}
    assert bold <= {"vae"}, "a reference is never the best"


def test_a_reduced_network_is_said_below_the_table_and_published_numbers_stand_in_it() -> None:
    models = {"gan": None, "triple-gan": {"options": {"network": "reduced"}}}
    plan = read_plan({"generation": {"datasets": ["mnist"], "models": models}}, all_tasks())
    record = {"metrics": dict.fromkeys(METRICS, 1.0) | {"samples": 9, "images": 9}, "training": {"epochs": 1}}
    record |= {"protocol": {"split": "test", "classifier_error": 0.5}, "evaluation": {}}
    found = [Run(spec, "ok", record | {"spec": spec.to_dict()}) for spec in plan.of("generation")]
    cells = arranged(plan, find_task("generation"), found)
    assert cells.models == ["gan", "triple-gan"]
    (note,) = TABLE.notes_on("mnist", list(cells.shown))
    assert note.endswith("; with a reduced network: triple-gan.")
    published = {cell.model: cell.paper.numbers for cell in cells if cell.paper}
    assert published == {"gan": {"parzen": 225}, "gmmn": {"parzen": 147}, "gmmn+ae": {"parzen": 282}}


def test_values_become_bytes() -> None:
    x = torch.tensor([[0.0, 0.2, 0.5, 0.999, 1.0]])
    assert as_bytes(x, 255, False, 0).tolist() == [[0, 51, 128, 255, 255]]
    assert as_bytes(x, 1, False, 0).tolist() == [[0, 0, 1, 1, 1]]
    drawn = as_bytes(torch.full((1, 4000), 0.3), 1, True, 0)
    assert drawn.mean() == pytest.approx(0.3, abs=0.03) and np.array_equal(
        drawn, as_bytes(torch.full((1, 4000), 0.3), 1, True, 0)
    )


def test_parts_do_not_meet() -> None:
    (spec,) = plan_for("noise", datasets=("mnist",), train_limit=0, test_limit=0).of("generation")
    parts = {name: part_of(spec, name) for name in ("train", "valid", "test")}
    assert [len(part.images) for part in parts.values()] == [50_000, 10_000, 10_000]
    (spec,) = plan_for("noise", split="valid", test_limit=0).of("generation")
    assert np.array_equal(part_of(spec, "test").images, part_of(spec, "valid").images)


class Sampler:
    def __init__(self, what: str = "good") -> None:
        self.what = what

    def fit(self, images: Tensor) -> None:
        if self.what == "fails":
            raise ValueError("these images are no good")

    def sample(self, n: int, seed: int) -> Any:
        generator = torch.Generator().manual_seed(seed)
        x = torch.rand(n, 128, generator=generator)
        wrong = {
            "none": None,
            "pair": (x, x),
            "words": ["an image"] * n,
            "good": x,
            "few": x[1:],
            "narrow": x[:, 1:],
            "wide": 2 * x - 1,
            "nan": x.index_fill(0, torch.tensor([3]), torch.nan),
            "flat": x.flatten(),
        }
        return wrong.get(self.what, x)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("few", r"sample\(300, 0\) gave \(299, 128\), not \(300, 128\)"),
        ("narrow", r"gave \(300, 127\), not \(300, 128\)"),
        ("flat", r"gave \(38400,\)"),
        ("wide", r"gave values from -0.99\d* to 0.99\d*; give 0 to 1"),
        ("none", r":Sampler: sample\(300, 0\) gave NoneType, not numbers of shape \(300, 128\)$"),
        ("pair", r"sample\(300, 0\) gave tuple, not"),
        ("words", r"sample\(300, 0\) gave list, not"),
        ("fails", "these images are no good"),
    ],
)
def test_a_wrong_sampler_is_said_in_a_line(tmp_path: Path, what: str, message: str) -> None:
    name = f"{__name__}:Sampler"
    (spec,) = plan_for(name).of("generation")
    spec = dataclasses.replace(spec, options={"what": what})
    with pytest.raises(UserError, match=message) as caught:
        stages.train(find_task("generation"), spec, Workspace(tmp_path))
    assert "\n" not in str(caught.value)


class FromPrior:
    """A generator that learns nothing; what its methods return is replaced."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    def prior(self, n: int, generator: torch.Generator) -> Any:
        return self.given.get("prior", torch.rand(n, 2, generator=generator))

    def generate(self, z: Tensor) -> Any:
        return self.given.get("generate", z.sum(dim=1, keepdim=True).expand(-1, 9) / 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"generate": None}, "it: generate(z) gave NoneType, not numbers of shape (1000, 9)"),
        ({"generate": (torch.ones(1000, 9), 1)}, "it: generate(z) gave tuple, not numbers of shape (1000, 9)"),
        ({"generate": torch.tensor(0.5)}, "it: generate(z) gave (), not (1000, 9): an image of all pixels a row"),
        (
            {"generate": torch.ones(1000, 9)},
            "it: generate(z) gave (1000, 9), not (200, 9): an image of all pixels a row",
        ),
        ({"prior": None}, "it: prior(1200, generator) gave NoneType, not a tensor of shape (1200, latent)"),
        ({"prior": torch.ones(3, 2)}, "it: prior(1200, generator) gave (3, 2), not a tensor of shape (1200, latent)"),
    ],
)
def test_a_wrong_prior_or_generate_is_said_in_a_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        generated(FromPrior(**given), 1200, 0, 9, "it")
    assert str(caught.value) == message
    assert generated(FromPrior(), 1200, 0, 9, "it").shape == (1200, 9)


def test_samples_that_are_not_finite_end_a_run_as_diverged(tmp_path: Path) -> None:
    plan, workspace, task = plan_for(f"{__name__}:Sampler"), Workspace(tmp_path), find_task("generation")
    (spec,) = plan.of("generation")
    spec = dataclasses.replace(spec, options={"what": "nan"})
    for each in (*plan.parts, spec):
        stages.train(task, each, workspace)
    record = stages.evaluate(task, spec, workspace)
    assert record["status"] == "diverged" and record["metrics"]["mmd"] is None
    assert TABLE.problem(record, {}) == ""


@pytest.mark.parametrize(
    ("split", "limit", "found"), [("test", 1, "1 test image"), ("valid", 5, "5 validation images")]
)
@pytest.mark.parametrize("what", ["good", "nan"])
def test_too_few_test_images_are_no_divergence(tmp_path: Path, what: str, split: str, limit: int, found: str) -> None:
    plan = plan_for(f"{__name__}:Sampler", split=split, classifier_epochs=1)
    workspace, task, (spec,) = Workspace(tmp_path), find_task("generation"), plan.of("generation")
    few = spec.settings.model_copy(update={"test_limit": limit})  # as of a user's dataset that is small
    spec = dataclasses.replace(spec, options={"what": what}, settings=few)
    for each in (*plan.parts, spec):
        stages.train(task, each, workspace)
    message = f"ocr-letters: {found}, and the metrics need 6 or more; raise test_limit, or use a larger dataset"
    with pytest.raises(UserError, match=f"^{message}$"):
        stages.evaluate(task, spec, workspace)
    assert not (workspace.run(spec) / "run.json").exists()


def test_a_limit_below_what_the_metrics_need_is_refused_at_once() -> None:
    with pytest.raises(UserError, match=r"\.test_limit: 5 is too small: the metrics need 6 test images$"):
        plan_for("noise", test_limit=5)


def test_as_many_test_images_as_the_metrics_need(tmp_path: Path) -> None:
    plan = plan_for(f"{__name__}:Sampler", test_limit=6, classifier_epochs=1)
    run_all(plan, Workspace(tmp_path))
    (spec,) = plan.of("generation")
    record = json.loads((Workspace(tmp_path).run(spec) / "run.json").read_text())
    assert record["status"] == "ok" and all(np.isfinite(record["metrics"][name]) for name in METRICS)


class Breaks:
    """Its images are finite, but for those on lines between two samples, which are not numbers."""

    def prior(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randint(2, (n, 7), generator=generator).float()

    def generate(self, z: Tensor) -> Tensor:
        corner = ((z == 0) | (z == 1)).all(dim=1, keepdim=True)
        return torch.where(corner, z.mean(dim=1, keepdim=True), torch.nan).expand(-1, 128)


@pytest.mark.filterwarnings("error:invalid value encountered in cast")
def test_images_between_samples_are_kept_where_they_are_finite(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (spec,) = plan_for(f"{__name__}:Breaks").of("generation")
    record = stages.train(find_task("generation"), spec, Workspace(tmp_path))
    assert record["status"] == "ok"
    assert read_arrays(Workspace(tmp_path).trained(spec) / "samples.npz").keys() == {"samples"}
    assert f"{spec.training_id}: the images between samples are not finite: they are left out" in caplog.text


class Wins(nn.Module):
    """Takes steps of its own; its weight turns to NaN in an epoch."""

    def __init__(self, bad: int = -1) -> None:
        super().__init__()
        self.bad, self.epoch = bad, 0
        self.weight = nn.Parameter(torch.zeros(128))

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        return {"own": torch.optim.Adam([self.weight], rate)}

    def begin(self, epoch: int, optimisers: Any) -> None:
        self.epoch = epoch

    def step(self, x: Tensor, optimisers: Any) -> dict[str, Tensor]:
        loss = ((self.weight + torch.rand(128) - x) ** 2).mean() * (torch.nan if self.epoch == self.bad else 1.0)
        optimisers["own"].zero_grad()
        loss.backward()
        optimisers["own"].step()
        return {"loss": loss.detach()}

    def prior(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.rand(n, 2, generator=generator)

    def generate(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.weight + z[:, :1])


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_steps_that_are_not_finite_end_as_diverged_with_the_last_good_weights(tmp_path: Path, bad: int) -> None:
    (spec,) = plan_for(f"{__name__}:Wins", epochs=3).of("generation")
    spec = dataclasses.replace(spec, options={"bad": bad})
    record = stages.train(find_task("generation"), spec, Workspace(tmp_path))
    assert (record["status"], record["diverged_at"], record["epochs"]) == ("diverged", bad, bad)
    weights = torch.load(Workspace(tmp_path).trained(spec) / "model.pt", weights_only=True)
    assert bool(torch.isfinite(weights["weight"]).all()) and bool((weights["weight"] != 0).any()) == (bad > 0)


class Learns(Wins):
    """What is wrong with how it learns; it begins no epoch."""

    begin: Any = property()

    def __init__(self, what: str = "") -> None:
        super().__init__()
        self.what = what

    def optimisers(self, rate: float) -> Any:
        found = super().optimisers(rate)
        wrong = {"bare": found["own"], "none": None, "rate": {"own": rate}}
        return wrong.get(self.what, found)

    def step(self, x: Tensor, optimisers: Any) -> Any:
        given: dict[str, Any] = super().step(x, optimisers)
        wrong = {
            "nothing": None,
            "loss alone": given["loss"],
            "each": given | {"error": x.mean(dim=1)},
            "words": given | {"error": "small"},
            "numbered": {0: given["loss"]},
            "numbers": given | {"half": 0.5, "one": 1, "single": torch.ones(1), "numpy": np.float32(0.25)},
        }
        return wrong.get(self.what, given)


class NoOptimisers(Wins):
    optimisers: Any = property()


class NoModule:
    """It has a step."""

    def step(self, x: Tensor, optimisers: Any) -> dict[str, Tensor]:
        return {}

    def sample(self, n: int, seed: int) -> Tensor:
        return torch.full((n, 128), 0.5)


class NoModuleLoses:
    """It has a loss."""

    def __init__(self) -> None:
        self.weight = torch.zeros(128, requires_grad=True)

    def loss(self, x: Tensor) -> dict[str, Tensor]:
        return {"loss": (self.weight - x).square().mean()}

    def sample(self, n: int, seed: int) -> Tensor:
        return torch.full((n, 128), 0.5)


class Loses(nn.Module):
    """It learns by a loss; ``what`` is wrong with it."""

    def __init__(self, what: str = "") -> None:
        super().__init__()
        self.weight, self.what = nn.Parameter(torch.zeros(128)), what

    def loss(self, x: Tensor) -> Any:
        loss = (self.weight - x).square().mean()
        wrong = {
            "nothing": None,
            "loss alone": loss,
            "each": {"loss": loss, "error": x.mean(dim=1)},
            "detached": {"loss": loss.detach()},
            "numbers": {"loss": loss, "half": 0.5, "one": 1, "numpy": np.float32(0.25)},
        }
        return wrong.get(self.what, {"loss": loss})

    def sample(self, n: int, seed: int) -> Tensor:
        return torch.sigmoid(self.weight).expand(n, 128)


MISTAKES = [
    ("Learns", "bare", "optimisers(rate) gave Adam: return a dictionary of torch optimisers by name"),
    ("Learns", "none", "optimisers(rate) gave NoneType: return a dictionary of torch optimisers by name"),
    ("Learns", "rate", "optimisers(rate) gave float for 'own': return a dictionary of torch optimisers by name"),
    ("Learns", "nothing", "step(x, optimisers) gave NoneType, not a dictionary of scalars by name"),
    ("Learns", "loss alone", "step(x, optimisers) gave Tensor, not a dictionary of scalars by name"),
    ("Learns", "each", "step(x, optimisers) gave no scalar for 'error' but a tensor of shape (50,)"),
    ("Learns", "words", "step(x, optimisers) gave no scalar for 'error' but str"),
    ("Learns", "numbered", "step(x, optimisers) gave a value by the name 0: names are strings"),
    ("NoOptimisers", "", "NoOptimisers has step and no optimisers(rate), which gives torch optimisers by name"),
    ("NoModule", "", "NoModule has step and is no torch module: derive it from torch.nn.Module"),
    ("NoModuleLoses", "", "NoModuleLoses has loss and is no torch module: derive it from torch.nn.Module"),
    ("Loses", "nothing", "loss(x) gave no tensor by the name 'loss': return a dictionary of scalars with that key"),
    ("Loses", "loss alone", "loss(x) gave no tensor by the name 'loss': return a dictionary of scalars with that key"),
    ("Loses", "each", "loss(x) gave no scalar for 'error' but a tensor of shape (50,)"),
    ("Loses", "detached", "loss(x) gave no scalar that carries a gradient"),
]


def learner(name: str, what: str) -> RunSpec:
    """On 100 images, in batches of 50."""
    (spec,) = plan_for(f"{__name__}:{name}", epochs=2, batch_size=50, train_limit=100).of("generation")
    return dataclasses.replace(spec, options={"what": what} if what else {})


@pytest.mark.parametrize(("name", "what", "message"), MISTAKES)
def test_a_mistake_in_how_a_generator_learns_is_said_in_a_line(
    name: str, what: str, message: str, tmp_path: Path
) -> None:
    spec = learner(name, what)
    with pytest.raises(UserError) as caught:
        stages.train(find_task("generation"), spec, Workspace(tmp_path))
    assert str(caught.value) == f"{spec.training_id}: {message}"


@pytest.mark.parametrize("name", ["Learns", "Loses"])
def test_numbers_of_python_are_noted_beside_the_loss(name: str, tmp_path: Path) -> None:
    spec = learner(name, "numbers")
    record = stages.train(find_task("generation"), spec, Workspace(tmp_path))
    assert record["status"] == "ok" and record["epochs"] == 2
    with (Workspace(tmp_path).trained(spec) / "curve.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(float(line["half"]), float(line["one"]), float(line["numpy"])) for line in lines] == [(0.5, 1.0, 0.25)] * 2


class Unlearned(Wins):
    """Its step is misspelt."""

    step: Any = property()

    def stp(self, x: Tensor, optimisers: Any) -> dict[str, Tensor]:
        return {}


@pytest.mark.parametrize(
    ("name", "what", "message"),
    [
        ("Learns", "each", "train, on a part of the data: .* gave no scalar for 'error' but a tensor of shape .*"),
        ("Loses", "each", r"loss\(x\) gave no scalar for 'error' but a tensor of shape \(\d+,\)"),
        ("NoModule", "", "train, on a part of the data: .*NoModule has step and is no torch module.*"),
        (
            "Unlearned",
            "",
            r"its parameters are not learned: it has stp, which generation does not call; give loss\(x\), "
            r"step\(x, optimisers\) or fit\(images\)",
        ),
    ],
)
def test_check_says_what_is_wrong_with_how_a_generator_learns(name: str, what: str, message: str) -> None:
    (line,) = findings(find_task("generation"), learner(name, what))
    assert re.fullmatch(message, line), line


@pytest.mark.parametrize(("name", "what"), [("Learns", ""), ("Learns", "numbers"), ("Loses", "numbers")])
def test_check_finds_that_a_generator_learns(name: str, what: str) -> None:
    assert findings(find_task("generation"), learner(name, what)) == []


class Multiplies(Wins):
    """Notes how its products are computed."""

    def step(self, x: Tensor, optimisers: Any) -> dict[str, Tensor]:
        level = {"highest": 0.0, "high": 1.0, "medium": 2.0}[torch.get_float32_matmul_precision()]
        return super().step(x, optimisers) | {"level": torch.tensor(level)}


@pytest.mark.parametrize(("asked", "level", "recorded"), [("32", 0, "32"), ("tf32", 0, "32"), ("bf16", 2, "bf16")])
def test_a_game_multiplies_as_asked_and_says_so(
    asked: str, level: int, recorded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a processor that rounds to bfloat16."""
    monkeypatch.setattr("dgmbench.fast.products.multiplies_bfloat16_faster", lambda device: True)
    monkeypatch.setattr("dgmbench.fast.products.rounds_on_the_processor", lambda precision: precision == "bf16")
    (spec,) = plan_for(f"{__name__}:Multiplies", epochs=1, precision=asked).of("generation")
    record = stages.train(find_task("generation"), spec, Workspace(tmp_path))
    with (Workspace(tmp_path).trained(spec) / "curve.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert float(line["level"]) == level and record["precision"] == recorded


NETWORKS = {
    "gmmn": {"hidden": [8, 16]},
    "gmmn+ae": {"widths_of_code": [16, 4], "hidden": [8], "autoencoder_epochs": 1},
    "cgmmn": {"hidden": [8, 16]},
    "gan": {"hidden": [16], "latent": 5, "units": [8, 8]},
    "gan-r1": {"hidden": [16], "latent": 5, "units": [8, 8]},
    "triple-gan": {"network": "reduced", "hidden": [8], "latent": 5, "units": [8], "game_from": 1, "generated_from": 2},
    "pmd": {"hidden": [8, 16], "latent": 5},
    "pmd-exact": {"hidden": [8, 16], "latent": 5},
}


class KilledError(Exception):
    pass


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A checkpoint after every epoch."""
    from dgmbench.training import checkpoint

    monkeypatch.setattr(alternating, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    yield


@pytest.mark.parametrize("model", NETWORKS)
def test_a_training_that_is_killed_ends_with_the_same_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, often: None, model: str
) -> None:
    (spec,) = plan_for(model, epochs=4).of("generation")
    spec, task = dataclasses.replace(spec, options={**spec.options, **NETWORKS[model]}), find_task("generation")
    whole, cut = Workspace(tmp_path / "whole"), Workspace(tmp_path / "cut")
    stages.train(task, spec, whole)
    from dgmbench.training.batches import Batches

    batches = Batches.__iter__

    def killed(self: Batches) -> Iterator[Tensor]:
        if self.epoch == 2:
            raise KilledError
        return batches(self)

    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(Batches, "__iter__", killed)
        stages.train(task, spec, cut)
    record = stages.train(task, spec, cut)
    assert record["resumed_from_epoch"] == 2
    found = [read_arrays(each.trained(spec) / "samples.npz") for each in (whole, cut)]
    assert found[0].keys() == {"samples", "between"}
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("model", ["noise", "gmmn", "gmmn+ae", "cgmmn", "vae", "gan-r1", "triple-gan", "pmd"])
def test_check_tries_every_kind_of_row(model: str) -> None:
    (spec,) = plan_for(model).of("generation")
    assert (
        findings(
            find_task("generation"), dataclasses.replace(spec, options={**spec.options, **NETWORKS.get(model, {})})
        )
        == []
    )


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("few", "not (20, 128)"),
        ("wide", "give 0 to 1"),
        ("nan", "NaN"),
        ("flat", "gave (2560,)"),
        ("none", "gave NoneType"),
    ],
)
def test_check_says_what_is_wrong_with_a_sampler(what: str, message: str) -> None:
    (spec,) = plan_for(f"{__name__}:Sampler").of("generation")
    found = findings(find_task("generation"), dataclasses.replace(spec, options={"what": what}))
    assert len(found) == 1 and message in found[0]


def test_images_between_two_samples_begin_and_end_with_them() -> None:
    torch.manual_seed(0)
    model = Wins()
    lines = between(model, 3, paths=2, steps=5)
    assert lines is not None and lines.shape == (10, 128)
    z = model.prior(4, torch.Generator().manual_seed(3))
    assert torch.allclose(lines[[0, 5, 4, 9]], model.generate(z).double())
    assert between(Sampler(), 3) is None
    assert generated(model, 7, 0, 128, "it").shape == (7, 128)
