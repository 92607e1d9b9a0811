"""Networks of the protocol: sizes, the memory's initial state, evaluation statistics."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from dgmbench.models.images.bernoulli import bernoulli_log_prob
from dgmbench.fast.images.dense import dense
from dgmbench.models.images.ladder import Ladder
from dgmbench.models.images.layers import BatchNorm, collect_statistics, finish_statistics
from dgmbench.models.images.memory import MemoryLayer, average_unit, local_error
from dgmbench.models.images.vae import VAE
from dgmbench.run.registry import DENSITY, load_factory

PARAMETERS = {
    ("mnist", "vae"): 1_440_984,
    ("mnist", "mem-vae"): 1_550_084,
    ("mnist", "large-vae"): 1_559_184,
    ("ocr-letters", "iwae-50"): 163_828,
    ("ocr-letters", "mem-iwae-50"): 207_528,
}


def images(n: int, pixels: int = 30) -> torch.Tensor:
    return (torch.rand(n, pixels, generator=torch.Generator().manual_seed(0)) < 0.4).float()


@pytest.mark.parametrize(("dataset", "name"), PARAMETERS)
def test_parameter_counts_are_the_protocol_s(dataset: str, name: str) -> None:
    entry = DENSITY[name]
    pixels = {"mnist": 784, "ocr-letters": 128}[dataset]
    model = load_factory(entry.factory)(n_pixels=pixels, **entry.options, **entry.by_dataset[dataset])
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[dataset, name]


@pytest.mark.parametrize("memory", [False, True])
def test_log_weights_have_a_value_for_each_sample_and_image(memory: bool) -> None:
    model = VAE(30, (16, 12), 5, memory, slots=(7, 3))
    assert model.log_weights(images(9), 4).shape == (4, 9)


def test_dense_agrees_with_pytorch_forward_and_backward() -> None:
    generator = torch.Generator().manual_seed(1)
    x, w, b = (torch.randn(*s, generator=generator, requires_grad=True) for s in ((3, 5, 7), (4, 7), (4,)))
    out, expected = dense(x, w, b), F.linear(x, w, b)
    torch.testing.assert_close(out, expected)
    grad = torch.randn(out.shape, generator=generator)
    for ours, theirs in zip(
        torch.autograd.grad(out, (x, w, b), grad), torch.autograd.grad(expected, (x, w, b), grad), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("pixels", [1, 7, 16, 128])
def test_bernoulli_log_prob_is_the_cross_entropy_even_for_extreme_logits(pixels: int) -> None:
    generator = torch.Generator().manual_seed(2)
    logits = (torch.randn(3, 4, pixels, generator=generator) * 40).requires_grad_()
    x = images(4, pixels)
    expected = -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)
    ours = bernoulli_log_prob(logits, x)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-4)
    grad = torch.randn(ours.shape, generator=generator)
    torch.testing.assert_close(
        torch.autograd.grad(ours, logits, grad)[0], torch.autograd.grad(expected, logits, grad)[0]
    )


def test_ladder_gradients_match_finite_differences() -> None:
    generator = torch.Generator().manual_seed(3)
    h, m, ladder = (
        torch.randn(*s, generator=generator, dtype=torch.float64, requires_grad=True) for s in ((6, 4), (6, 4), (9, 4))
    )
    assert torch.autograd.gradcheck(Ladder.apply, (h, m, ladder))


def test_compiled_ladder_agrees_with_the_formulas_in_pytorch() -> None:
    generator = torch.Generator().manual_seed(6)
    inputs = [torch.randn(*s, generator=generator) for s in ((50, 37), (50, 37), (9, 37))]
    grad = torch.randn(50, 37, generator=generator)
    results = []
    for dtype in (torch.float32, torch.float64):
        h, m, ladder = (x.to(dtype).requires_grad_() for x in inputs)
        out = Ladder.apply(h, m, ladder)
        results.append([out, *torch.autograd.grad(out, (h, m, ladder), grad.to(dtype))])
    for compiled, formula in zip(*results, strict=True):
        torch.testing.assert_close(compiled.double(), formula, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("memory", [False, True])
def test_16_bit_products_leave_the_bound_in_float32(memory: bool) -> None:
    torch.manual_seed(0)
    model = VAE(784, (64, 32), 10, memory, slots=(7, 3))
    x = images(50, 784)
    values = {}
    for half in (False, True):
        torch.manual_seed(1)
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            terms = model.training_terms(x, 3)
        assert terms.log_w.dtype == terms.z.dtype == torch.float32
        (terms.local_error - terms.log_w.mean()).backward()
        gradients = torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None])
        values[half] = float(terms.log_w.detach().mean()), gradients
    # nats of 784 pixels; summed in 16 bits they would be off by more
    assert abs(values[True][0] - values[False][0]) < 0.5
    assert torch.nn.functional.cosine_similarity(values[True][1], values[False][1], dim=0) > 0.99


def test_memory_passes_the_hidden_layer_through_at_initialisation() -> None:
    layer = MemoryLayer(8, 6, slots=5)
    layer.train()
    x = torch.randn(20, 8, generator=torch.Generator().manual_seed(4))
    out = layer(x)
    torch.testing.assert_close(out, layer.hidden(x))
    out.square().sum().backward()
    for parameter in (layer.memory, layer.attention.weight, layer.attention.bias):
        assert parameter.grad is not None and not parameter.grad.any()
    assert layer.ladder.grad is not None and layer.ladder.grad[2].any()


def test_every_parameter_gets_a_gradient_after_the_first_step() -> None:
    torch.manual_seed(0)
    model = VAE(30, (16, 12), 5, True, slots=(7, 3))
    with torch.no_grad():
        for layer in (model.decoder1, model.decoder2):
            layer.ladder += 0.1 * torch.randn_like(layer.ladder)
    model.train()
    terms = model.training_terms(images(40), 3)
    (terms.local_error - terms.log_w.mean()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # a bias before a batch norm cancels: what gradient there is, is rounding
    assert all(name.startswith(("encoder", "decoder")) and name.endswith("linear.bias") for name in without)


def test_local_error_by_its_definition() -> None:
    generator = torch.Generator().manual_seed(5)
    decoded = torch.randn(3, 10, 4, generator=generator) * 2 + 1
    encoded = torch.randn(10, 4, generator=generator)
    rows = decoded.reshape(30, 4)
    unit = (rows - rows.mean(0)) / torch.sqrt(rows.var(0, correction=0) + BatchNorm.eps)
    expected = (unit.reshape(3, 10, 4).mean(0) - encoded).square().mean()
    torch.testing.assert_close(local_error(encoded, average_unit(decoded)), expected)


def test_evaluation_statistics_come_from_one_whole_pass() -> None:
    torch.manual_seed(0)
    model = VAE(30, (16, 12), 5)
    model.train()
    x = images(60)
    collect_statistics(model)
    for batch in x.split(20):
        model.log_weights(batch, 1)
    finish_statistics(model)
    pre = model.encoder1.linear(x)
    torch.testing.assert_close(model.encoder1.norm.mean, pre.mean(0))
    batches = [model.encoder1.linear(b).var(0, correction=0) for b in x.split(20)]
    torch.testing.assert_close(model.encoder1.norm.variance, torch.stack(batches).mean(0))


def test_evaluation_does_not_depend_on_the_batch() -> None:
    torch.manual_seed(0)
    model = VAE(30, (16, 12), 5, True, slots=(7, 3))
    collect_statistics(model)
    model.train()
    model.log_weights(images(60), 2)
    finish_statistics(model)
    model.eval()
    x = images(9)
    whole, _ = model.encode(x)
    alone, _ = model.encode(x[4:5])
    torch.testing.assert_close(alone[0], whole[4])


def test_evaluation_folds_the_batch_norm_without_changing_it() -> None:
    torch.manual_seed(1)
    model = VAE(30, (16, 12), 5)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, BatchNorm):
                module.mean.normal_()
                module.variance.uniform_(0.5, 2)
                module.scale.normal_()
                module.shift.normal_()
    model.eval()
    x = images(9)
    layer = model.encoder1
    pre = F.linear(x, layer.linear.weight, layer.linear.bias)
    norm = layer.norm
    expected = torch.relu(F.batch_norm(pre, norm.mean, norm.variance, norm.scale, norm.shift, False, 0.0, norm.eps))
    torch.testing.assert_close(layer(x), expected)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected)
