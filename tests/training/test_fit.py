"""Fitting: minima, exact resumption, averages, divergence, memory, two processes."""

from __future__ import annotations

import logging
import shutil
import time
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from dgmbench.errors import UserError
from dgmbench.models.images.vae import VAE
from dgmbench.run import journal
from dgmbench.run.progress import watched
from dgmbench.training import checkpoint as checkpoints
from dgmbench.training.batches import Batches, as_they_are
from dgmbench.training.captured import CapturedStep
from dgmbench.training.fit import fit
from dgmbench.training.fitted import Fitted
from dgmbench.training.module import GradientTraining
from dgmbench.training.settings import TrainingSettings

PIXELS = (np.random.default_rng(0).random((303, 20)) < 0.3).astype(np.uint8)


class Mean(nn.Module):
    """Its loss is least at the mean of the examples."""

    def __init__(self) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(20))
        self.fails_at = self.steps = 0
        self.value = 1.0

    def loss(self, x: Tensor) -> dict[str, Tensor]:
        self.steps += 1
        if self.steps == self.fails_at:
            raise KeyboardInterrupt
        distance = (x - self.at).square().sum(-1).mean()
        return {"loss": distance * self.value, "noise": torch.rand(())}


def fitted(model: nn.Module, folder: Path, fingerprint: str = "f", **settings: Any) -> Fitted:
    threads = settings.pop("processes", 1)
    values = {"epochs": 6, "batch_size": 50, "learning_rate": 0.05, "schedule": "one-cycle", **settings}
    batches = Batches(PIXELS, values["batch_size"], 3, as_they_are)
    place = folder / "last.ckpt"
    options: dict[str, Any] = {"seed": 3, "checkpoint": place, "fingerprint": fingerprint, "name": "this training"}
    return fit(model, batches, TrainingSettings(**values), processes=threads, threads=threads, **options)


def vae(memory: bool = True) -> VAE:
    torch.manual_seed(0)
    return VAE(20, (12, 10), 3, memory, slots=(4, 3), importance_samples=2)


def test_it_finds_the_minimum_and_notes_what_the_loss_gives(tmp_path: Path) -> None:
    model = Mean()
    found = fitted(model, tmp_path, epochs=40)
    np.testing.assert_allclose(model.at.detach(), PIXELS.mean(0), atol=0.02)
    assert list(found.history) == ["epoch", "loss", "noise", "learning_rate", "seconds"]
    assert found.history["epoch"] == list(range(1, 41))
    assert found.history["loss"][-1] == pytest.approx(PIXELS.var(0).sum(), rel=0.01)
    assert (found.diverged_at, found.resumed_from) == (None, 0)


def test_seconds_are_counted_until_the_device_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on a GPU goes on when its steps are queued; reading the means back waits for it."""
    mean, now = GradientTraining._mean, [0.0]

    def waits(self: GradientTraining, values: list[Tensor]) -> float:
        now[0] += 100.0
        return mean(self, values)

    clock = types.SimpleNamespace(perf_counter=lambda: now[0], process_time=time.process_time)
    monkeypatch.setattr("dgmbench.training.module.time", clock)
    monkeypatch.setattr(GradientTraining, "_mean", waits)
    assert fitted(Mean(), tmp_path, epochs=3).history["seconds"] == [
        200.0,
        400.0,
        600.0,
    ]  # of the loss and of the noise


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (Mean, {}),
        (vae, {}),
        (partial(vae, memory=False), {"schedule": "published"}),
        (vae, {"weight_average": 0.3}),
        (Mean, {"epochs": 1}),
    ],
)
def test_those_who_watch_change_no_bit_and_are_told_each_epoch(
    make: Callable[[], nn.Module], settings: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "watched").mkdir()
    alone, seen = make(), make()
    plain = fitted(alone, tmp_path, **settings)
    notes = journal.begin(tmp_path / "watched/journal.jsonl", {"fingerprint": "f"})
    with watched(notes):
        found = fitted(seen, tmp_path / "watched", **settings)
    for name, value in alone.state_dict().items():
        assert torch.equal(value, seen.state_dict()[name]), name
    untimed = [{name: v for name, v in each.history.items() if name != "seconds"} for each in (plain, found)]
    assert untimed[0] == untimed[1]
    _, lines = journal.read(notes.path)
    assert [(line["what"], line["done"], line["total"]) for line in lines] == [
        ("epoch", epoch, settings.get("epochs", 6)) for epoch in found.history["epoch"]
    ]
    assert [line["values"]["loss"] for line in lines] == pytest.approx(found.history["loss"], rel=1e-6)


@pytest.mark.parametrize("rounded", [False, True])
def test_batches_of_one_turn_are_steps_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounded: bool
) -> None:
    together, alone = vae(), vae()
    one = partial(DataLoader, batch_size=1, collate_fn=list, generator=torch.Generator())
    step = GradientTraining.training_step

    def training_step(self: GradientTraining, *arguments: Any) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):  # as on a GPU with bf16
            step(self, *arguments)

    monkeypatch.setattr(GradientTraining, "training_step", training_step)
    if rounded:
        monkeypatch.setattr(VAE, "fast_step", lambda self: None)
    first = fitted(together, tmp_path / "together")  # 7 batches an epoch
    monkeypatch.setattr(GradientTraining, "train_dataloader", lambda self: one(self.batches))
    second = fitted(alone, tmp_path / "alone")
    assert all(torch.equal(value, alone.state_dict()[name]) for name, value in together.state_dict().items())
    for name in ("loss", "bound", "learning_rate"):
        assert first.history[name] == second.history[name]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weight_average": 0.3},
        {"optimizer": "muon"},
        {"optimizer": "muon", "weight_average": 0.3},
        {"precision": "bf16"},
        {"optimizer": "muon", "precision": "bf16"},
    ],
)
@pytest.mark.parametrize("kind", ["fast", "plain"])
def test_a_killed_training_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], kind: str
) -> None:
    if kind == "plain":
        monkeypatch.setattr(VAE, "fast_step", lambda self: None)
    whole, again = vae(), vae()
    reference = fitted(whole, tmp_path / "whole", **settings)
    save = checkpoints.save

    def save_then_die(path: Path, state: dict[str, Any]) -> None:
        save(path, state)
        if len(state["dgmbench"]["history"]["epoch"]) == 3:
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0)
        patch.setattr(checkpoints, "save", save_then_die)
        with pytest.raises(SystemExit):
            fitted(vae(), tmp_path / "killed", **settings)
    # a torn newest file: the one before is gone on from
    newest = tmp_path / "killed" / "last.ckpt"
    newest.write_bytes(newest.read_bytes()[:1000])
    found = fitted(again, tmp_path / "killed", **settings)
    assert found.resumed_from == 2
    record = found.record
    assert record["resumed_after_seconds"] == found.history["seconds"][1] < record["train_seconds"]
    assert 0 < record["resumed_after_cpu_seconds"] < 60 and reference.record["resumed_after_cpu_seconds"] == 0
    for name in ("loss", "bound", "learning_rate"):
        assert found.history[name] == reference.history[name]
    for (name, value), other in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(value, other), name


class Replayed(CapturedStep):
    """A captured step where there is nothing to capture with."""

    def __call__(self, x: Tensor) -> Any:
        return {name: value.detach().clone() for name, value in self._step(x).items()}


def test_a_captured_training_is_the_plain_one_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VAE, "fast_step", lambda self: None)
    plain = fitted(vae(), tmp_path / "plain", optimizer="muon")
    create, start = GradientTraining.__init__, GradientTraining.on_train_epoch_start

    def capturing(self: GradientTraining, *arguments: Any, **options: Any) -> None:
        create(self, *arguments, **options | {"capture": True})

    def interrupted(self: GradientTraining) -> None:
        if self.current_epoch == 3:
            raise InterruptedError
        start(self)

    monkeypatch.setattr("dgmbench.training.module.CapturedStep", Replayed)
    monkeypatch.setattr(GradientTraining, "__init__", capturing)
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0)
    whole = fitted(vae(), tmp_path / "whole", optimizer="muon")
    with monkeypatch.context() as patch, pytest.raises(InterruptedError):
        patch.setattr(GradientTraining, "on_train_epoch_start", interrupted)
        fitted(vae(), tmp_path / "parts", optimizer="muon")
    parts = fitted(vae(), tmp_path / "parts", optimizer="muon")
    assert (parts.resumed_from, whole.computing["captured"], plain.computing["captured"]) == (3, True, False)
    for name in ("loss", "bound", "learning_rate"):
        assert parts.history[name] == whole.history[name]
        assert whole.history[name] == pytest.approx(plain.history[name], rel=2e-3)  # rates are rounded
    # what was saved with tensors goes on without them
    monkeypatch.setattr(GradientTraining, "__init__", create)
    shutil.copytree(tmp_path / "parts", tmp_path / "on")
    longer = fitted(vae(), tmp_path / "on", optimizer="muon", epochs=8, schedule="constant")
    assert longer.resumed_from == 6 and len(longer.history["bound"]) == 8


def test_a_finished_or_foreign_checkpoint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dgmbench")
    first = Mean()
    fitted(first, tmp_path)
    second = Mean()
    assert fitted(second, tmp_path).resumed_from == 6 and second.steps == 0 and torch.equal(first.at, second.at)
    third = Mean()
    assert fitted(third, tmp_path, "another").resumed_from == 0 and third.steps > 0
    assert "belongs to another specification, data or code" in caplog.text


def test_a_checkpoint_runs_no_code(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save({"dgmbench": {"fingerprint": "f"}, "state_dict": Mean()}, tmp_path / "last.ckpt")
    assert fitted(Mean(), tmp_path).resumed_from == 0
    assert "does not load" in caplog.text


@pytest.mark.parametrize(
    "content", ["a list", "no history", "no times", "no weights", "empty", "text", "truncated", "other zip"]
)
def test_a_damaged_checkpoint_is_left_for_the_one_before(content: str, tmp_path: Path) -> None:
    reference = Mean()
    fitted(reference, tmp_path)
    newest = tmp_path / "last.ckpt"
    whole = torch.load(newest, weights_only=True)
    match content:
        case "a list":
            torch.save([1, 2], newest)
        case "no history":
            torch.save({**whole, "dgmbench": {"fingerprint": "f"}}, newest)
        case "no times":
            torch.save({**whole, "dgmbench": {**whole["dgmbench"], "cpu_seconds": None}}, newest)
        case "no weights":
            torch.save({name: value for name, value in whole.items() if name != "state_dict"}, newest)
        case "empty":
            newest.write_bytes(b"")
        case "text":
            newest.write_text("no checkpoint")
        case "truncated":
            newest.write_bytes(newest.read_bytes()[:-1])
        case "other zip":
            np.savez(tmp_path / "x.npz", a=1)
            (tmp_path / "x.npz").replace(newest)
    model = Mean()
    found = fitted(model, tmp_path)
    assert found.resumed_from == 1  # after the first epoch and the last one it is saved
    assert torch.equal(model.at, reference.at) and found.history["epoch"] == [1, 2, 3, 4, 5, 6]


def test_the_weight_average_is_that_of_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Watched(Mean):
        def loss(self, x: Tensor) -> dict[str, Tensor]:
            seen.append(self.at.detach().clone())
            return super().loss(x)

    monkeypatch.setattr("dgmbench.training.fit.require_memory", lambda *arguments: None)
    fitted(Watched(), tmp_path / "plain", epochs=3)
    last = Mean()
    fitted(last, tmp_path / "last", epochs=3)
    weights = [*seen[1:], last.at.detach()]  # after each of the 21 steps
    assert len(weights) == 21
    averaged = Mean()
    fitted(averaged, tmp_path / "averaged", epochs=3, weight_average=1.0)  # of a memory as long as the training
    expected, pull = weights[0], 1 - np.exp(-1 / 21)
    for step, value in enumerate(weights[1:], 1):
        expected = torch.lerp(expected, value, float(max(pull, 1 / (step + 1))))
    torch.testing.assert_close(averaged.at.detach(), expected)


def test_a_divergence_keeps_the_last_good_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0)

    class Diverging(Mean):
        def loss(self, x: Tensor) -> dict[str, Tensor]:
            self.value = float("nan") if self.steps >= 2 + 14 else 1.0  # two to predict memory, seven an epoch
            return super().loss(x)

    model, reference = Diverging(), Mean()
    found = fitted(model, tmp_path / "a")
    assert found.diverged_at == 2 and found.history["epoch"] == [1, 2]
    fitted(reference, tmp_path / "b", epochs=6)
    assert model.at.isfinite().all() and not torch.equal(model.at, reference.at)
    model = Diverging()
    model.steps = 100
    found = fitted(model, tmp_path / "c")
    assert found.diverged_at == 0 and not found.history and not model.at.any()


def test_ctrl_c_ends_the_training(tmp_path: Path) -> None:
    model = Mean()
    model.fails_at = 10
    with pytest.raises(SystemExit) as caught:
        fitted(model, tmp_path)
    assert isinstance(caught.value.__context__, KeyboardInterrupt)  # what the command line tells by


def test_too_few_examples_for_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^this training: a batch of 2 examples is too small for 2 device\(s\)$"):
        fitted(Mean(), tmp_path, batch_size=2, processes=2)


class Precision(Mean):
    """Its loss notes how its process multiplies."""

    def loss(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        allowed = {"highest": 0.0, "high": 1.0, "medium": 2.0}[torch.get_float32_matmul_precision()]
        return {**super().loss(x), "allowed": torch.tensor(allowed)}


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_each_of_two_processes_multiplies_as_asked(
    precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for found_out in ("multiplies_bfloat16_faster", "rounds_on_the_processor"):
        monkeypatch.setattr(f"dgmbench.fast.products.{found_out}", lambda of: True)
    found = fitted(Precision(), tmp_path, epochs=2, processes=2, precision=precision)
    assert found.history["allowed"] == [2.0 if precision == "bf16" else 0.0] * 2


def test_two_processes_share_the_training(tmp_path: Path) -> None:
    one, two = vae(False), vae(False)
    alone = fitted(one, tmp_path / "one", epochs=3, learning_rate=0.01)
    notes = journal.begin(tmp_path / "journal.jsonl", {"fingerprint": "f"})
    with watched(notes):
        found = fitted(two, tmp_path / "two", epochs=3, learning_rate=0.01, processes=2, weight_average=0.1)
    assert [line["done"] for line in journal.read(notes.path)[1]] == [1, 2, 3]  # told by one of both
    assert found.computing["processes"] == 2 and found.history["epoch"] == [1, 2, 3]
    # other noise, and each process's own batch statistics: the same course, not the same numbers
    np.testing.assert_allclose(found.history["bound"], alone.history["bound"], rtol=0.05)
    assert found.history["bound"][-1] > found.history["bound"][0] + 0.3
    assert all(p.isfinite().all() for p in two.parameters())
