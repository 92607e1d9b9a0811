"""Batches, schedules, resuming, divergence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from dgmbench.data import load_images
from dgmbench.errors import UserError
from dgmbench.training import loop as training
from dgmbench.fast.images.fused import FusedStep
from dgmbench.training.optimiser import FlatParameters, WeightAverage, learning_rate, write_weights
from dgmbench.training.loop import Images
from dgmbench.models.images.vae import VAE
from dgmbench.run.spec import DensitySettings, RunSpec
from dgmbench.training import capacity
from dgmbench.tasks.density import stages as density
from dgmbench.training import fit as fitting
from dgmbench.training.capacity import explain_lack_of_memory
from dgmbench.run.workspace import Workspace

CPU = torch.device("cpu")


def test_every_image_comes_once_an_epoch_in_batches_of_nearly_equal_size() -> None:
    pixels = np.eye(23, 40, dtype=np.uint8)
    images = Images(pixels, True, 10, 0, CPU)
    batches = list(images)
    assert sorted(len(b) for b in batches) == [7, 8, 8]
    assert torch.equal(torch.cat(batches).sum(0)[:23], torch.ones(23))


def test_grey_images_are_binarised_anew_each_epoch_at_their_own_rate() -> None:
    pixels = np.tile(np.array([0, 64, 128, 255], np.uint8), (4000, 1))
    images = Images(pixels, False, 500, 0, CPU)
    first = torch.cat(list(images))
    images.epoch = 1
    second = torch.cat(list(images))
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first, second)
    np.testing.assert_allclose(first.mean(0), [0, 64 / 255, 128 / 255, 1], atol=0.03)
    images.epoch = 0
    assert torch.equal(torch.cat(list(images)), first)


def test_flat_parameters_step_as_separate_ones_do() -> None:
    torch.manual_seed(0)
    one, two = VAE(20, (8, 8), 3), VAE(20, (8, 8), 3)
    two.load_state_dict(one.state_dict())
    x = (torch.rand(16, 20) < 0.5).float()
    flat = FlatParameters(one)
    ours = torch.optim.Adam([flat.flat], lr=0.01, eps=1e-4)
    theirs = torch.optim.Adam(two.parameters(), lr=0.01, eps=1e-4)
    for step in range(3):
        flat.gradient.zero_()
        theirs.zero_grad()
        for model in (one, two):
            torch.manual_seed(step)
            (-50 * model.log_weights(x, 2).mean()).backward()
        flat.clip(5.0, 1.0)
        torch.nn.utils.clip_grad_norm_(two.parameters(), 5.0)
        torch.nn.utils.clip_grad_value_(two.parameters(), 1.0)
        ours.step()
        theirs.step()
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_published_schedule() -> None:
    settings = DensitySettings()
    assert learning_rate(settings, 0, 10) == learning_rate(settings, 10_009, 10) == 1e-3
    assert learning_rate(settings, 10 * 1500, 10) == pytest.approx(1e-3 * 0.998**500)


def test_one_cycle_rises_and_falls() -> None:
    settings = DensitySettings(schedule="one-cycle", epochs=10, warm_up=0.3)
    rates = [learning_rate(settings, step, 10) for step in range(100)]
    assert rates.index(max(rates)) == 30
    assert rates[0] < 0.1 * max(rates) and rates[-1] < 0.01 * max(rates)


def test_weight_average_is_the_mean_at_first_and_forgets_later() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    flat = FlatParameters(module)
    average = WeightAverage(flat, steps=10)
    seen = []
    for step in range(200):
        flat.flat.data.fill_(float(step))
        seen.append(float(step))
        average.update(step)
        if step < 10:
            assert float(average.values) == pytest.approx(np.mean(seen), rel=1e-5)
    weights = np.exp(-np.arange(200)[::-1] / 10)
    assert float(average.values) == pytest.approx(np.average(seen, weights=weights), rel=1e-3)
    write_weights(average.values, module)
    assert float(module.weight.detach()) == float(average.values)


def tiny(**settings: object) -> RunSpec:
    values = {"epochs": 4, "batch_size": 50, "train_limit": 300, "test_limit": 20, "k": 10, **settings}
    options = {"hidden": [20, 20], "latent": 5, "memory": True, "slots": [6, 4]}
    return RunSpec("density", "ocr-letters", "mem-vae", 3, "", DensitySettings(**values), options)  # type: ignore[arg-type]


@pytest.mark.network
def test_two_runs_of_one_specification_are_identical(tmp_path: Path) -> None:
    values = []
    for name in ("a", "b"):
        workspace = Workspace(tmp_path / name)
        density.train(tiny(), workspace)
        density.evaluate(tiny(), workspace)
        values.append(np.load(workspace.run(tiny()) / "per_example.npz")["log_likelihood"])
    np.testing.assert_array_equal(*values)


@pytest.mark.network
@pytest.mark.parametrize("weight_average", [0.0, 0.3])
def test_a_killed_run_resumes_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weight_average: float
) -> None:
    spec = tiny(weight_average=weight_average)
    whole, killed = Workspace(tmp_path / "whole"), Workspace(tmp_path / "killed")
    density.train(spec, whole)
    reference = torch.load(whole.trained(spec) / "model.pt", weights_only=True)

    save = training.save_state

    class Killed(BaseException):
        pass

    def save_then_die(path: Path, state: dict[str, object]) -> None:
        save(path, state)
        if state["epochs"] == 2:
            raise Killed

    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(training, "save_state", save_then_die)
    with pytest.raises(Killed):
        density.train(spec, killed)
    monkeypatch.setattr(training, "save_state", save)
    record = density.train(spec, killed)
    assert record["resumed_from_epoch"] == 2
    assert record["epochs"] == 4
    resumed = torch.load(killed.trained(spec) / "model.pt", weights_only=True)
    for name, value in reference.items():
        assert torch.equal(value, resumed[name]), name


@pytest.mark.network
def test_a_finished_run_is_not_trained_again_and_a_changed_one_is(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first = density.train(tiny(), workspace)
    assert density.train(tiny(), workspace) == first
    assert tiny(k=20).training_id == tiny().training_id
    assert tiny(learning_rate=0.01).training_id != tiny().training_id


@pytest.mark.network
def test_divergence_is_a_result_with_the_last_good_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "CHECKPOINT_SECONDS", 0)
    calls = 0
    original = FusedStep.__call__

    def breaks_in_the_third_epoch(self: FusedStep, *batch: object) -> tuple[float, torch.Tensor]:
        nonlocal calls
        calls += 1
        error, bound = original(self, *batch)  # type: ignore[arg-type]
        return error, bound * (float("nan") if 12 < calls <= 18 else 1.0)

    monkeypatch.setattr(FusedStep, "__call__", breaks_in_the_third_epoch)
    workspace = Workspace(tmp_path)
    record = density.train(tiny(), workspace)
    assert record["status"] == "diverged"
    assert record["diverged_at"] == 2 and record["epochs"] == 2
    run = density.evaluate(tiny(), workspace)
    assert run["status"] == "diverged"
    assert np.isfinite(np.load(workspace.run(tiny()) / "per_example.npz")["log_likelihood"]).all()


@pytest.mark.network
def test_numpy_s_products_keep_to_the_threads_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    original = FusedStep.__call__

    def looks(self: FusedStep, *batch: object) -> tuple[float, torch.Tensor]:
        seen.update(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return original(self, *batch)  # type: ignore[arg-type]

    monkeypatch.setattr(FusedStep, "__call__", looks)
    for threads in (1, 2):
        seen.clear()
        fitting.fit(tiny(epochs=1), tmp_path / f"{threads}.pt", "", threads=threads)
        assert seen == {threads}


@pytest.mark.network
def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    density.train(tiny(), workspace)
    other = VAE(128, (10, 10), 2)
    torch.save(other.state_dict(), workspace.trained(tiny()) / "model.pt")
    with pytest.raises(UserError, match="another architecture") as caught:
        density.evaluate(tiny(), workspace)
    line = str(caught.value)
    assert "\n" not in line
    assert "encoder1.linear.weight (10, 128)" in line and "mem-vae" in line and "'hidden': [20, 20]" in line


@pytest.mark.network
def test_a_divergence_in_the_first_epoch_is_a_result_too(tmp_path: Path) -> None:
    spec = tiny(learning_rate=1e30, schedule="constant")
    record = density.train(spec, Workspace(tmp_path))
    assert (record["status"], record["diverged_at"], record["epochs"], record["final_bound"]) == (
        "diverged",
        0,
        0,
        None,
    )
    run = density.evaluate(spec, Workspace(tmp_path))
    assert run["status"] == "diverged"


@pytest.mark.network
@pytest.mark.parametrize("setting", [{"importance_samples": 10**9}, {"batch_size": 10**8}])
def test_what_cannot_fit_into_memory_is_refused_before_training(tmp_path: Path, setting: dict[str, int]) -> None:
    options = {"hidden": [200000, 20], "latent": 5}
    spec = RunSpec("density", "ocr-letters", "vae", 0, "", DensitySettings(epochs=1, **setting), options)  # type: ignore[arg-type]
    advice = "importance_samples or batch_size" if "importance_samples" in setting else "batch_size"
    with pytest.raises(UserError, match=f"needs more than .* GB and .* GB are free on cpu: lower {advice}$"):
        density.train(spec, Workspace(tmp_path))


@pytest.mark.network
def test_memory_that_runs_out_while_training_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FusedStep, "__call__", lambda *batch: torch.empty(2**60))
    with pytest.raises(UserError, match=r"out of memory; lower importance_samples or batch_size$"):
        density.train(tiny(), Workspace(tmp_path))


def test_other_errors_keep_their_traceback() -> None:
    with pytest.raises(RuntimeError, match="shapes"), explain_lack_of_memory("here", "do that"):
        raise RuntimeError("shapes do not match")
    with pytest.raises(UserError, match=r"^here: out of memory; do that$"), explain_lack_of_memory("here", "do that"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


@pytest.mark.parametrize(("rows", "k"), [(2, 1), (7, 3), (50, 4)])
@pytest.mark.parametrize("memory", [False, True])
def test_what_a_step_keeps_is_predicted(rows: int, k: int, memory: bool) -> None:
    class Other(VAE):
        """Not written out."""

    model = Other(30, (16, 12), 5, memory, slots=(7, 3))
    assert capacity.kept_bytes(model, 30, rows, k) == capacity._kept(model, 30, rows, k)


def test_grey_images_are_no_binary_ones() -> None:
    with pytest.raises(ValueError, match="0 and 1 alone"):
        Images(np.full((4, 4), 200, np.uint8), True, 2, 0, CPU)


@pytest.mark.network
def test_the_test_images_are_the_same_for_every_seed_and_binary() -> None:
    spec = RunSpec("density", "mnist", "vae", 0)
    images = density.evaluation_images(spec)
    assert images.shape == (10_000, 784)
    assert set(np.unique(images)) == {0.0, 1.0}
    grey = load_images("mnist").test / 255
    assert abs(images.mean() - grey.mean()) < 1e-3
    other = density.evaluation_images(RunSpec("density", "mnist", "iwae-5", 7))
    np.testing.assert_array_equal(images, other)


@pytest.mark.parametrize("memory", [False, True])
def test_a_compiled_model_computes_the_same_and_keeps_its_names(memory: bool) -> None:
    """The code is traced and run without a code generator; in float64, which takes the way of a GPU."""
    torch.manual_seed(0)
    model = VAE(20, (8, 8), 3, memory, slots=(4, 3)).double()
    module = training.DensityTraining(
        model, Images(np.eye(20, dtype=np.uint8), True, 10, 0, CPU), DensitySettings(importance_samples=2), 0
    )
    names = list(model.state_dict())
    x = (torch.rand(10, 20, generator=torch.Generator().manual_seed(0)) < 0.5).double()

    def cost_and_gradient() -> list[torch.Tensor]:
        torch.manual_seed(3)
        model.zero_grad()
        cost, bound = module.cost(x)
        cost.backward()
        return [cost.detach(), bound, *(p.grad.clone() for p in model.parameters() if p.grad is not None)]

    plain = cost_and_gradient()
    module.compile_terms(backend="aot_eager")
    torch.testing.assert_close(cost_and_gradient(), plain)
    assert list(model.state_dict()) == names == list(module.model.state_dict())


@pytest.mark.network
def test_dreg_cannot_be_compiled(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dreg cannot be compiled; set compile: false$"):
        density.train(tiny(estimator="dreg", compile=True), Workspace(tmp_path))
