"""The written-out training step in float32 against the modules in float64 with autograd; its loops against formulas."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgmbench.fast.images import fused

from dgmbench.fast.images import fused_layers

from dgmbench.models.images import sampling
from dgmbench.models.images.bernoulli import bernoulli_log_prob
from dgmbench.fast.images.dense import COMPILED_THREADS, is_compiled, product, weight_gradient
from dgmbench.fast.images.fused import FusedStep, fused_step
from dgmbench.fast.images.kernels import likelihood
from dgmbench.fast.images.kernels import normalisation
from dgmbench.training.optimiser import ClippedAdam, FlatParameters
from dgmbench.training.loop import DensityTraining, Images
from dgmbench.models.images.vae import VAE
from dgmbench.run.spec import DensitySettings


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network(memory: bool, attention: str = "sigmoid") -> VAE:
    """With every parameter away from its initial value, biases too."""
    torch.manual_seed(0)
    model = VAE(30, (16, 12), 5, memory, slots=(7, 3), attention=attention)
    for i, parameter in enumerate(model.parameters()):
        parameter.data += 0.3 * normal(*parameter.shape, seed=100 + i)
        parameter.grad = torch.full_like(parameter, float("nan"))  # every element has to be written
    return model.train()


def images(batch: int) -> Tensor:
    return (normal(batch, 30, seed=6) > 0).float()


def give_noise(patch: pytest.MonkeyPatch, noise: Tensor) -> None:
    for module in (fused, sampling):
        patch.setattr(module, "standard_normal", lambda *shape_device_dtype: noise.to(shape_device_dtype[-1]))


def set_block(patch: pytest.MonkeyPatch, rows: int) -> None:
    for module in (fused, fused_layers):
        patch.setattr(module, "BLOCK", rows)


def gradients(model: nn.Module) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("block", [37, 1000])
@pytest.mark.parametrize(("k", "batch"), [(1, 40), (7, 33), (50, 60)])
@pytest.mark.parametrize("estimator", ["iwae", "stl", "dreg"])
@pytest.mark.parametrize("memory", [False, True])
def test_cost_and_gradient(
    monkeypatch: pytest.MonkeyPatch, memory: bool, estimator: str, k: int, batch: int, block: int
) -> None:
    set_block(monkeypatch, block)
    give_noise(monkeypatch, normal(k, batch, 5, seed=7))
    model = network(memory)
    exact = copy.deepcopy(model).double()
    x = images(batch)
    settings = DensitySettings(importance_samples=k, estimator=estimator)
    reference = DensityTraining(exact, Images(x.byte().numpy(), True, batch, 0, x.device), settings, 0)
    cost, bound = reference.cost(x.double())
    exact.zero_grad()
    cost.backward()
    error, ours = FusedStep(model)(x, k, estimator, settings.local_error)
    torch.testing.assert_close(ours.double(), bound, rtol=1e-5, atol=1e-4)
    expected = settings.local_error * float(exact.training_terms(x.double(), k).local_error.detach())
    assert settings.local_error * error == pytest.approx(expected, rel=1e-4, abs=1e-6)
    for mine, theirs in zip(gradients(model), gradients(exact), strict=True):
        size = float(theirs.abs().max())
        torch.testing.assert_close(mine.double(), theirs, rtol=2e-4, atol=2e-5 * size + 1e-6)


@pytest.mark.parametrize("memory", [False, True])
def test_a_step_repeats_bit_for_bit_whatever_came_before(monkeypatch: pytest.MonkeyPatch, memory: bool) -> None:
    model = network(memory)
    step = FusedStep(model)
    found = []
    for batch, k in ((33, 4), (40, 6), (33, 4)):
        give_noise(monkeypatch, normal(k, batch, 5, seed=7))
        found.append((step(images(batch), k, "iwae", 0.1), gradients(model)))
    (first, before), _, (last, after) = found
    assert first[0] == last[0] and torch.equal(first[1], last[1])
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("memory", [False, True])
def test_noise_that_is_not_a_number_shows_in_the_bound(monkeypatch: pytest.MonkeyPatch, memory: bool) -> None:
    noise = normal(3, 20, 5, seed=8)
    noise[1, 4, 2] = float("nan")
    give_noise(monkeypatch, noise)
    assert FusedStep(network(memory))(images(20), 3)[1].isnan()


@pytest.mark.parametrize("memory", [False, True])
def test_what_a_step_keeps_is_predicted(monkeypatch: pytest.MonkeyPatch, memory: bool) -> None:
    set_block(monkeypatch, 10)
    step = FusedStep(network(memory))
    held = []
    for k in (4, 8):
        step(images(40), k)
        held.append(sum({id(_owner(array)): _owner(array).nbytes for array in _arrays_in(step)}.values()))
    predicted = step.kept_bytes(40, 8) - step.kept_bytes(40, 4)
    assert 0.8 * predicted < held[1] - held[0] <= predicted  # noise and weights are not held


def _arrays_in(thing: object) -> Iterator[np.ndarray]:
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, (list, tuple)):
        for value in thing:
            yield from _arrays_in(value)
    elif type(thing).__module__ in (fused.__name__, fused_layers.__name__):
        for value in vars(thing).values():
            yield from _arrays_in(value)


def _owner(array: np.ndarray) -> np.ndarray:
    return array if array.base is None or not isinstance(array.base, np.ndarray) else _owner(array.base)


def test_what_has_no_written_out_step() -> None:
    pixels = torch.zeros(4, 30, dtype=torch.uint8)
    assert fused_step(network(False), pixels) is not None and fused_step(network(True), pixels) is not None
    assert fused_step(network(True, "softmax"), pixels) is None
    assert fused_step(network(False).double(), pixels) is None

    class Other(VAE):
        """Might decode in another way."""

    assert fused_step(Other(30, (16, 12), 5), pixels) is None
    torch.set_num_threads(COMPILED_THREADS + 1)
    assert fused_step(network(False), pixels) is None


def test_parameters_without_gradients_are_refused() -> None:
    with pytest.raises(ValueError, match="need gradients"):
        FusedStep(VAE(30, (16, 12), 5))(images(4), 1)


def test_blocks_cover_all_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_block(monkeypatch, 10)
    for n in (1, 9, 10, 11, 95):
        rows = [i for block in fused_layers.blocks(n) for i in range(block.start, block.stop)]
        assert rows == list(range(n))
        assert max(block.stop - block.start for block in fused_layers.blocks(n)) <= 10


def test_a_mean_of_many_deviations_does_not_drown_the_variance() -> None:
    rows = normal(500, 9, seed=1).numpy() + np.float32(5000)
    sums, (mean, inverse) = np.zeros((2, 9)), np.empty((2, 9), np.float32)
    for part in (rows[:130], rows[130:]):
        normalisation.add_moments(part, rows[0], *sums)
    normalisation.finish_moments(500, rows[0], *sums, 1e-5, mean, inverse)
    np.testing.assert_allclose(mean, rows.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(inverse, 1 / np.sqrt(rows.astype(np.float64).var(0) + 1e-5), rtol=1e-3)


def pixel_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    out = torch.empty(len(logits))
    likelihood.bernoulli(logits.numpy(), x.numpy(), 0, out.numpy())
    return out


@pytest.mark.parametrize("pixels", [1, 63, 64, 65, 784])
def test_bernoulli(pixels: int) -> None:
    logits, x = normal(35, pixels, seed=3) * 20, (normal(7, pixels, seed=4) > 0).float()
    exact = bernoulli_log_prob(logits.double().view(5, 7, pixels), x.double()).view(-1)
    torch.testing.assert_close(pixel_log_likelihood(logits, x).double(), exact, rtol=1e-5, atol=1e-4)


def test_zero_logits_of_many_pixels_do_not_overflow() -> None:
    value = pixel_log_likelihood(torch.zeros(1, 1000), torch.ones(1, 1000))
    torch.testing.assert_close(value, torch.full((1,), -1000 * float(np.log(2))))


def test_logits_that_are_not_finite_do_not_pass_for_finite() -> None:
    logits = torch.zeros(2, 8)
    logits[1, 3] = float("nan")
    assert pixel_log_likelihood(logits, torch.ones(2, 8)).isfinite().tolist() == [True, False]


@pytest.mark.parametrize("rows", [10, 2500])
def test_products(rows: int) -> None:
    x, w, b, g = (normal(*s, seed=5 + i) for i, s in enumerate(((rows, 13), (7, 13), (7,), (rows, 7))))
    torch.testing.assert_close(product(x, w, b), x @ w.t() + b)
    torch.testing.assert_close(product(x, w, b, "relu"), torch.relu(x @ w.t() + b))
    torch.testing.assert_close(weight_gradient(g, x), g.t() @ x, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(weight_gradient(x, g), x.t() @ g, rtol=1e-4, atol=1e-3)


def test_other_precisions_and_more_threads_go_the_plain_way() -> None:
    x = torch.zeros(2, 3)
    assert is_compiled(x) and not is_compiled(x.double()) and not is_compiled(x.bfloat16())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not is_compiled(x)
    torch.set_num_threads(COMPILED_THREADS + 1)
    assert not is_compiled(x)


@pytest.mark.parametrize("scale", [0.01, 1.0, 1000.0])
def test_clipped_adam_is_the_library_s_after_both_clips(scale: float) -> None:
    settings = DensitySettings(clip_norm=5.0, clip_value=0.5)
    ours, library = (FlatParameters(copy.deepcopy(network(False))) for _ in range(2))
    adam, reference = ClippedAdam(ours, settings), torch.optim.Adam([library.flat], eps=settings.adam_eps)
    for i, rate in enumerate((1e-3, 5e-3, 1e-4)):
        for flat in (ours, library):
            flat.gradient.copy_(scale * normal(len(flat.gradient), seed=i))
        adam.clipped_step(rate)
        library.clip(5.0, 0.5)
        reference.param_groups[0]["lr"] = rate
        reference.step()
    torch.testing.assert_close(ours.flat, library.flat, rtol=1e-5, atol=1e-6)
    state = adam.state_dict()["state"][0]
    for name, value in reference.state_dict()["state"][0].items():
        torch.testing.assert_close(state[name], value, rtol=1e-4, atol=1e-7)


def test_a_gradient_that_is_not_a_number_shows_in_the_weights() -> None:
    flat = FlatParameters(network(False))
    flat.gradient.normal_()[7] = float("nan")
    ClippedAdam(flat, DensitySettings()).clipped_step(1e-3)
    assert flat.flat.isnan().any()


@pytest.mark.parametrize(("k", "batch"), [(1, 50), (50, 50)])
def test_lightning_s_loop_is_given_all_batches_in_order(k: int, batch: int) -> None:
    data = Images((normal(520, 30, seed=6) > 0).byte().numpy(), True, batch, 0, torch.device("cpu"))
    settings = DensitySettings(importance_samples=k, batch_size=batch)
    groups = DensityTraining(VAE(30, (16, 12), 5), data, settings, 0).train_dataloader()
    assert len(list(groups)) == len(groups) == (2 if k == 1 else 11)
    assert all(torch.equal(a, b) for a, b in zip([x for g in groups for x in g], data, strict=True))
