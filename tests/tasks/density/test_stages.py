"""A density run through both stages, with its own models and with user-defined ones."""

from __future__ import annotations

import csv
import logging
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.models.images.vae import VAE
from dgmbench.run.config import build_run
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.building import build_model, load_model
from dgmbench.tasks.density.images import evaluation_images
from dgmbench.tasks.density.rows import ROWS
from dgmbench.tasks.density.task import DENSITY
from dgmbench.training.batch_norm import measure_batch_norm
from dgmbench.training.batches import Batches, as_they_are, binarised

pytestmark = pytest.mark.network

SMALL = {"hidden": [20, 20], "latent": 5}


class OnlyLogWeights(torch.nn.Module):
    """A user-defined model without an objective of its own."""

    def __init__(self, n_pixels: int, importance_samples: int = 0) -> None:
        super().__init__()
        self.offered = importance_samples
        self.norm = torch.nn.BatchNorm1d(n_pixels)
        self.encoder, self.decoder = torch.nn.Linear(n_pixels, 10), torch.nn.Linear(5, n_pixels)

    def encode(self, x: torch.Tensor) -> torch.distributions.Normal:
        mean, log_scale = self.encoder(self.norm(x)).chunk(2, -1)
        return torch.distributions.Normal(mean, log_scale.exp())

    def log_likelihood(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return torch.distributions.Bernoulli(logits=self.decoder(z)).log_prob(x).sum(-1)

    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        q, p = self.encode(x), torch.distributions.Normal(0.0, 1.0)
        z = q.rsample(torch.Size([k]))
        return self.log_likelihood(x, z) + (p.log_prob(z) - q.log_prob(z)).sum(-1)


class BetaVAE(OnlyLogWeights):
    """With one."""

    def __init__(self, n_pixels: int, beta: float = 4.0) -> None:
        super().__init__(n_pixels)
        self.beta = beta

    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        q = self.encode(x)
        divergence = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(-1).mean()
        reconstruction = self.log_likelihood(x, q.rsample()).mean()
        return {"loss": self.beta * divergence - reconstruction, "kl": divergence, "reconstruction": reconstruction}


class Exceeds(OnlyLogWeights):
    """Its log-weights are no logarithms of probabilities."""

    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        return super().log_weights(x, k) + 5000.0


@pytest.fixture(autouse=True)
def _importable() -> Iterator[None]:
    module = types.ModuleType("user_models")
    for cls in (BetaVAE, OnlyLogWeights, Exceeds):
        setattr(module, cls.__name__, cls)
    sys.modules[module.__name__] = module
    yield
    del sys.modules[module.__name__]


def tiny(model: str = "mem-vae", options: dict[str, Any] | None = None, **settings: Any) -> RunSpec:
    values = {"epochs": 3, "batch_size": 50, "train_limit": 300, "test_limit": 20, "k": 10, **settings}
    layer = {**values, "options": SMALL if options is None else options}
    return build_run(DENSITY, "ocr-letters", model, 3, [(layer, "test")], "test")


def both(spec: RunSpec, folder: Path) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, str]]]:
    """The records of both stages, and the curve."""
    workspace = Workspace(folder)
    training = train(DENSITY, spec, workspace)
    run = evaluate(DENSITY, spec, workspace)
    with (workspace.trained(spec) / "curve.csv").open() as file:
        return training, run, list(csv.DictReader(file))


def test_a_run_leaves_its_record_and_curve_and_repeats_bit_for_bit(tmp_path: Path) -> None:
    training, run, curve = both(tiny(), tmp_path / "a")
    assert (training["status"], training["epochs"], run["status"]) == ("ok", 3, "ok")
    assert list(curve[0]) == ["epoch", "loss", "bound", "local_error", "learning_rate", "seconds"]
    assert float(curve[-1]["bound"]) == training["final_bound"] == run["metrics"]["final_bound"]
    assert training["parameters"] == sum(p.numel() for p in VAE(128, (20, 20), 5, True).parameters())
    both(tiny(), tmp_path / "b")
    values = [np.load(Workspace(tmp_path / f).run(tiny()) / "per_example.npz")["log_likelihood"] for f in "ab"]
    np.testing.assert_array_equal(*values)
    assert run["metrics"]["log_likelihood"] == pytest.approx(values[0].mean())


def test_a_user_defined_objective_names_its_own_columns(tmp_path: Path) -> None:
    training, run, curve = both(tiny("user_models:BetaVAE", {"beta": 2.0}, epochs=5), tmp_path)
    assert list(curve[0]) == ["epoch", "loss", "kl", "reconstruction", "learning_rate", "seconds"]
    assert float(curve[-1]["loss"]) < float(curve[0]["loss"])
    assert training["final_bound"] is None and run["status"] == "ok" and run["metrics"]["log_likelihood"] < 0


def test_a_model_with_log_weights_alone_is_trained_by_its_bound(tmp_path: Path) -> None:
    spec = tiny("user_models:OnlyLogWeights", {}, importance_samples=4)
    training, run, curve = both(spec, tmp_path)
    assert list(curve[0]) == ["epoch", "loss", "bound", "learning_rate", "seconds"]
    assert training["final_bound"] > float(curve[0]["bound"]) and run["status"] == "ok"
    assert build_model(spec, find_row(DENSITY, spec.model), 128).offered == 4


@pytest.mark.parametrize("model", [VAE(12, (8, 8), 3, True, slots=(4, 3)), OnlyLogWeights(12)], ids=["ours", "user's"])
def test_batch_norm_is_evaluated_with_the_statistics_of_one_whole_pass(model: torch.nn.Module) -> None:
    pixels = (np.random.default_rng(0).random((60, 12)) < 0.4).astype(np.uint8)
    batches = Batches(pixels, 20, 0, as_they_are)
    for _ in range(2):  # what came before counts for nothing
        measure_batch_norm(model, lambda x: model.log_weights(x, 1), batches, epoch=4, seed=1)
    x = torch.from_numpy(pixels).float()
    norm = model.encoder1.norm if isinstance(model, VAE) else model.norm
    rows = model.encoder1.linear if isinstance(model, VAE) else torch.nn.Identity()
    torch.testing.assert_close(norm.running_mean, rows(x).mean(0).detach())  # type: ignore[union-attr]
    variances = torch.stack([rows(b).var(0, correction=0) for b in batches]).detach()
    torch.testing.assert_close(norm.running_var, variances.mean(0))  # type: ignore[union-attr]


def test_a_log_likelihood_that_no_binary_image_has_is_doubted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, run, _ = both(tiny("user_models:Exceeds", {}, epochs=1), tmp_path)
    (doubt,) = run["doubts"]
    assert run["metrics"]["log_likelihood"] > 0 and "for binary images is above 0" in doubt
    assert f"{run['run_id']}: {doubt}" in caplog.text
    _, run, _ = both(tiny("user_models:OnlyLogWeights", {}, epochs=1), tmp_path)
    assert "doubts" not in run


def test_a_divergence_is_a_result(tmp_path: Path) -> None:
    training, run, curve = both(tiny(learning_rate=1e30, schedule="constant"), tmp_path)
    assert (training["status"], training["diverged_at"], training["epochs"]) == ("diverged", 0, 0)
    assert training["final_bound"] is None and run["status"] == "diverged" and not curve


@pytest.mark.parametrize("content", [None, b"", b"text", b"PK\3\4", b"\x80\x02]q\x00.", "truncated"])
def test_a_damaged_model_is_refused_in_one_line(content: bytes | str | None, tmp_path: Path) -> None:
    path, row = tmp_path / "model.pt", find_row(DENSITY, "vae")
    torch.save(build_model(tiny(), row, 128).state_dict(), path)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"model\.pt is gone or damaged; remove .* and train again$"):
        load_model(tiny(), row, path, 128)


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    row = find_row(DENSITY, "mem-vae")
    torch.save(VAE(128, (10, 10), 2).state_dict(), tmp_path / "model.pt")
    with pytest.raises(UserError, match="another architecture") as caught:
        load_model(tiny(), row, tmp_path / "model.pt", 128)
    line = str(caught.value)
    assert "\n" not in line
    assert "encoder1.linear.weight (10, 128)" in line and "mem-vae" in line and "'hidden': [20, 20]" in line


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"importance_samples": 10**9}, "lower importance_samples or batch_size"),
        ({"train_limit": 1}, "1 training image"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(tmp_path: Path, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        train(DENSITY, tiny(**settings), Workspace(tmp_path))
    assert "\n" not in str(caught.value)


def test_devices_that_are_not_there_are_said_and_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgmbench.fast.products.multiplies_bfloat16_faster", lambda device: False)
    caplog.set_level(logging.INFO, logger="dgmbench")
    record = train(DENSITY, tiny(devices=2, precision="bf16", compile=True, epochs=1), Workspace(tmp_path))
    asked = [record[name] for name in ("devices_asked", "processes", "precision", "compiled")]
    assert asked == [2, 1, "32", False]
    assert "devices is 2, but it trains on the CPU" in caplog.text
    assert "precision bf16: this processor does not" in caplog.text and "compile is for a GPU" in caplog.text


def test_grey_images_are_binarised_at_their_own_rate() -> None:
    pixels = torch.tensor([0, 64, 128, 255], dtype=torch.uint8).expand(4000, 4)
    found = binarised(pixels, torch.Generator().manual_seed(0))
    assert set(found.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(found.mean(0), [0, 64 / 255, 128 / 255, 1], atol=0.03)


def test_the_test_images_are_the_same_for_every_seed_and_binary() -> None:
    images = evaluation_images(build_run(DENSITY, "mnist", "vae", 0, [], "test"))
    assert images.shape == (10_000, 784) and set(np.unique(images)) == {0.0, 1.0}
    assert abs(images.mean() - load_images("mnist").test.mean() / 255) < 1e-3
    np.testing.assert_array_equal(images, evaluation_images(build_run(DENSITY, "mnist", "iwae-5", 7, [], "test")))


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.factory.endswith(".vae:VAE")])
def test_the_rows_are_the_protocol_s(name: str) -> None:
    row = ROWS[name]
    model: Any = build_model(build_run(DENSITY, "mnist", name, 0, [], "test"), row, 784)
    assert model.k == row.settings.get("importance_samples", 1)
    assert model.memory == bool(row.options.get("memory"))


@pytest.mark.parametrize("options", [{"latent": 0}, {"latent": -1}, {"hidden": [0, 5]}, {"slots": [5]}], ids=str)
def test_options_that_make_no_model_are_one_line(options: dict[str, Any]) -> None:
    spec = tiny(options=options)
    with pytest.raises(UserError, match=r"^mem-vae: .*VAE refuses its options: .+$"):
        build_model(spec, find_row(DENSITY, "mem-vae"), 128)
