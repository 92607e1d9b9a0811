"""The auto-encoder and its memory: the protocol's sizes, initial state, objective."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dgmbench.models.images.distributions import log_bernoulli, sample
from dgmbench.models.images.memory import LocalError, MemoryLayer, ladder
from dgmbench.models.images.vae import VAE

LETTERS, MNIST = {"hidden": (200, 200), "latent": 50}, {"hidden": (500, 500), "latent": 100}


def images(n: int, pixels: int = 30) -> Tensor:
    return (torch.rand(n, pixels, generator=torch.Generator().manual_seed(0)) < 0.4).float()


def small(memory: bool, attention: str = "sigmoid", **options: object) -> VAE:
    torch.manual_seed(0)
    return VAE(30, (16, 12), 5, memory, slots=(7, 3), attention=attention, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pixels", "options", "expected"),
    [
        (784, MNIST, 1_440_984),
        (784, {**MNIST, "memory": True}, 1_550_084),
        (784, {"hidden": (530, 530), "latent": 100}, 1_559_184),
        (128, LETTERS, 163_828),
        (128, {**LETTERS, "memory": True}, 207_528),
    ],
)
def test_parameter_counts_are_the_protocol_s(pixels: int, options: dict[str, object], expected: int) -> None:
    assert sum(p.numel() for p in VAE(pixels, **options).parameters()) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("memory", "attention"), [(False, "sigmoid"), (True, "sigmoid"), (True, "softmax")])
def test_the_loss_is_made_of_the_log_weights(memory: bool, attention: str) -> None:
    model = small(memory, attention, importance_samples=4, local_error=0.3)
    torch.manual_seed(3)
    values = model.loss(images(9))
    torch.manual_seed(3)
    log_w = model.log_weights(images(9), 4)
    assert log_w.shape == (4, 9)
    torch.testing.assert_close(values["bound"], (torch.logsumexp(log_w, 0) - torch.tensor(4.0).log()).mean().detach())
    error = values.get("local_error", torch.zeros(()))
    assert bool(error > 0) == memory
    torch.testing.assert_close(values["loss"].detach(), 0.3 * error - values["bound"])


def test_samples_and_their_densities() -> None:
    generator = torch.Generator().manual_seed(1)
    mean, log_variance = (torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    z, log_ratio = sample(mean, log_variance, 100_000)
    q = torch.distributions.Normal(mean, torch.exp(0.5 * log_variance))
    p = torch.distributions.Normal(torch.zeros_like(mean), 1.0)
    torch.testing.assert_close(log_ratio, (p.log_prob(z) - q.log_prob(z)).sum(-1))
    torch.testing.assert_close(z.mean(0), mean, rtol=0, atol=0.05)
    torch.testing.assert_close(z.var(0), torch.exp(log_variance), rtol=0.03, atol=0)


def test_pixels_of_extreme_logits_and_in_16_bits() -> None:
    logits, x = torch.randn(3, 4, 7) * 40, images(4, 7)
    expected = torch.distributions.Bernoulli(logits=logits.double()).log_prob(x.double()).sum(-1)
    torch.testing.assert_close(log_bernoulli(x, logits).double(), expected, rtol=1e-5, atol=1e-4)
    assert log_bernoulli(x, logits.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("memory", [False, True])
def test_16_bit_products_leave_the_bound_in_float32(memory: bool) -> None:
    torch.manual_seed(0)
    model = VAE(784, (64, 32), 10, memory, slots=(7, 3), importance_samples=3)
    found = {}
    for half in (False, True):
        torch.manual_seed(1)
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            values = model.loss(images(50, 784))
        values["loss"].backward()
        assert values["bound"].dtype == torch.float32
        found[half] = values["bound"], torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None])
    # nats of 784 pixels; summed in 16 bits they would be off by more
    assert abs(found[True][0] - found[False][0]) < 0.5
    assert F.cosine_similarity(found[True][1], found[False][1], dim=0) > 0.99


def test_memory_passes_the_hidden_layer_through_at_initialisation() -> None:
    torch.manual_seed(0)
    layer = MemoryLayer(8, 6, slots=5)
    x = torch.randn(20, 8)
    out = layer(x)
    torch.testing.assert_close(out, layer.hidden(x))
    out.square().sum().backward()
    for parameter in (layer.memory, layer.attention.weight, layer.attention.bias):
        assert parameter.grad is not None and not parameter.grad.any()
    assert layer.ladder.grad is not None and layer.ladder.grad[2].any()


@pytest.mark.parametrize(("memory", "attention"), [(False, "sigmoid"), (True, "sigmoid"), (True, "softmax")])
def test_every_parameter_gets_a_gradient_after_the_first_step(memory: bool, attention: str) -> None:
    model = small(memory, attention)
    for layer in model.modules():
        if isinstance(layer, MemoryLayer) and not layer.soft:
            layer.ladder.data += 0.1 * torch.randn_like(layer.ladder)
    model.loss(images(40))["loss"].backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # a bias before a batch norm cancels: what gradient there is, is rounding
    assert all(name.startswith(("encoder", "decoder")) and name.endswith("linear.bias") for name in without)


def test_a_derived_class_may_have_layers_of_its_own() -> None:
    model = small(False)
    model.decoder1 = torch.nn.Sequential(torch.nn.Linear(12, 16), torch.nn.ReLU())  # type: ignore[assignment]
    assert model.loss(images(9))["loss"].isfinite()


def test_the_ladder_by_hand() -> None:
    h, m = torch.tensor([[2.0, -1.0]]), torch.tensor([[3.0, 0.5]])
    coefficients = torch.arange(18.0).view(9, 2) / 10 - 0.9
    for j in range(2):
        a1, a2, a3, a4, b1, c1, c2, c3, c4 = coefficients[:, j].tolist()
        x, y = float(h[0, j]), float(m[0, j])
        gate = float(torch.sigmoid(torch.tensor(c1 + c2 * x + c3 * y + c4 * x * y)))
        expected = max(0.0, a1 + a2 * x + a3 * y + a4 * x * y + b1 * gate)
        assert float(ladder(h, m, coefficients)[0, j]) == pytest.approx(expected, abs=1e-6)
    assert float(ladder(h, m, coefficients.abs())[0, 0]) > 0


def test_local_error_by_its_definition() -> None:
    generator = torch.Generator().manual_seed(5)
    decoded = torch.randn(3, 10, 4, generator=generator) * 2 + 1
    encoded = torch.randn(10, 4, generator=generator) * 3

    def normalised(rows: Tensor) -> Tensor:
        return (rows - rows.mean(0)) / torch.sqrt(rows.var(0, correction=0) + 1e-5)

    average = normalised(decoded.reshape(30, 4)).reshape(3, 10, 4).mean(0)
    expected = (average - normalised(encoded)).square().mean()
    torch.testing.assert_close(LocalError(4)(encoded, decoded.reshape(30, 4)), expected)


def test_evaluation_does_not_depend_on_the_batch() -> None:
    model = small(True)
    with torch.no_grad():
        model.log_weights(images(60), 2)
    model.eval()
    x = images(9)
    torch.testing.assert_close(model.encode(x[4:5])[0][0], model.encode(x)[0][4])


def test_a_compiled_loss_computes_the_same() -> None:
    """The code is traced and run without a code generator."""
    model = small(True, importance_samples=2).double()
    x = images(10).double()
    torch.manual_seed(3)
    plain = model.loss(x)
    torch.manual_seed(3)
    compiled = torch.compile(model.loss, dynamic=False, backend="aot_eager")(x)
    torch.testing.assert_close(dict(compiled), plain)


@pytest.mark.parametrize(
    "options", [{"latent": 0}, {"hidden": (0, 5)}, {"latent": -1}, {"memory": True, "slots": (0, 0)}], ids=str
)
def test_layers_of_no_units_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give at least 1 of each"):
        VAE(30, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", [(), (20,), (20, 20, 20)])
@pytest.mark.parametrize("name", ["hidden", "slots"])
def test_sizes_of_other_than_two_layers_are_refused(name: str, sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"{name} is the .* of two layers, as .*, not \["):
        VAE(30, memory=True, **{name: sizes})  # type: ignore[arg-type]
