"""Generators without a likelihood: what each loss and each step is, by its formula."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dgmbench.models.images.cgmmn import CGMMN, conditional_mmd
from dgmbench.models.images.gan import GAN, Maxout
from dgmbench.models.images.gmmn import GMMN, WIDTHS, squared_mmd
from dgmbench.models.images.gmmn_code import CodeGMMN
from dgmbench.models.images.matching import exact_matching, fast_matching, plain_improve
from dgmbench.models.images.pmd import PMD


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_of_gmmn_is_the_double_sum(seed: int) -> None:
    torch.manual_seed(seed)
    x, y = torch.rand(6, 3), torch.rand(4, 3) + 0.5

    def k(a: torch.Tensor, b: torch.Tensor) -> float:
        return sum(math.exp(-float(((a - b) ** 2).sum()) / (2 * w**2)) for w in WIDTHS)

    means = [np.mean([k(a, b) for a in p for b in q]) for p, q in ((x, x), (y, y), (x, y))]
    assert float(squared_mmd(x, y)) == pytest.approx(means[0] + means[1] - 2 * means[2], abs=1e-5)
    assert float(squared_mmd(x, x)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("sizes", [(3, 3), (1, 5), (4, 2, 6), (2, 2, 2, 2), (7, 1)])
def test_the_conditional_loss_of_classes_is_the_sum_over_the_classes(sizes: tuple[int, ...]) -> None:
    """With the indicator of the class as the kernel of conditions: MMD² of each class, weighted by (n / (n + λ))²."""
    torch.manual_seed(sum(sizes))
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    classes = torch.nn.functional.one_hot(labels).double()
    x, y = (torch.rand(len(labels), 4, dtype=torch.float64) for _ in range(2))
    for ridge in (1e-3, 0.5):
        expected = sum(
            float(squared_mmd(x[labels == c], y[labels == c])) * (n / (n + ridge)) ** 2 for c, n in enumerate(sizes)
        )
        assert float(conditional_mmd(x, y, classes, classes, ridge)) == pytest.approx(expected, rel=1e-8)


def test_the_conditional_loss_is_the_traces() -> None:
    torch.manual_seed(0)
    x, y, of_x, of_y = (torch.rand(n, d, dtype=torch.float64) for n, d in ((5, 3), (4, 3), (5, 2), (4, 2)))
    from dgmbench.models.images.gmmn import kernel

    a, b = (torch.linalg.inv(c @ c.T + 0.1 * torch.eye(len(c), dtype=torch.float64)) for c in (of_x, of_y))
    first = torch.trace(of_x @ of_x.T @ a @ kernel(x, x, WIDTHS) @ a)
    second = torch.trace(of_y @ of_y.T @ b @ kernel(y, y, WIDTHS) @ b)
    across = torch.trace(of_y @ of_x.T @ a @ kernel(x, y, WIDTHS) @ b)
    assert float(conditional_mmd(x, y, of_x, of_y, 0.1)) == pytest.approx(float(first + second - 2 * across), rel=1e-8)


def test_classes_are_generated_as_often_as_they_are_seen() -> None:
    torch.manual_seed(0)
    model = CGMMN(4, 3, hidden=(8,), latent=2)
    labels = torch.tensor([0.0] * 6 + [2.0] * 2)[:, None]
    model.loss(torch.cat([torch.rand(8, 4), labels], dim=1))["loss"].backward()
    z = model.prior(4000, torch.Generator().manual_seed(0))
    assert z[:, 2:].mean(dim=0).tolist() == pytest.approx([0.75, 0.0, 0.25], abs=0.03)
    assert model.generate(z).shape == (4000, 4)


def test_moment_matching_of_codes_begins_with_the_auto_encoder() -> None:
    torch.manual_seed(0)
    model = CodeGMMN(6, (8, 3), (8,), 2, autoencoder_epochs=2)
    optimisers, x = model.optimisers(1e-2), torch.rand(30, 6)
    for epoch in range(4):
        model.begin(epoch, optimisers)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        model.step(x, optimisers)
        changed = {
            name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])
        }
        assert changed == ({"encoder", "decoder"} if epoch < 2 else {"layers"})


@pytest.mark.parametrize(
    ("build", "low", "high"),
    [
        (lambda: GMMN(6, (16,), 3), -1, 1),
        (lambda: PMD(6, (16,), 3), -1, 1),
        (lambda: GAN(6, (16,), 3, (8,)), -(3**0.5), 3**0.5),
        (lambda: GAN(6, (16,), 3, (8,), penalty=1.0), 0, 1),
    ],
)
def test_what_is_generated_follows_from_the_prior(
    build: Callable[[], torch.nn.Module], low: float, high: float
) -> None:
    torch.manual_seed(0)
    model = build().eval()
    first, again = (model.prior(400, torch.Generator().manual_seed(3)) for _ in range(2))  # type: ignore[operator]
    assert torch.equal(first, again) and first.shape == (400, 3)
    assert low <= float(first.min()) < low + 0.05 and high - 0.05 < float(first.max()) <= high + 1e-6
    images = model.generate(first)  # type: ignore[operator]
    assert images.shape == (400, 6) and float(images.min()) >= 0 and float(images.max()) <= 1


def trained(model: torch.nn.Module, x: torch.Tensor, steps: int, rate: float) -> np.ndarray:
    torch.manual_seed(0)
    model.train()
    if hasattr(model, "loss"):
        optimiser = torch.optim.Adam(model.parameters(), rate)
        for _ in range(steps):
            loss = model.loss(x[torch.randperm(len(x))[:100]])["loss"]  # type: ignore[operator]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    else:
        optimisers = model.optimisers(rate)  # type: ignore[operator]
        for epoch in range(steps // 20):
            model.begin(epoch, optimisers)  # type: ignore[operator]
            for _ in range(20):
                model.step(x[torch.randperm(len(x))[:100]].clone(), optimisers)  # type: ignore[operator]
    with torch.no_grad():
        found = model.eval().generate(model.prior(1000, torch.Generator().manual_seed(1)))  # type: ignore[operator]
        return found.numpy()


@pytest.mark.parametrize(
    ("build", "steps", "rate"),
    [
        (lambda: GMMN(2, hidden=(32, 32), latent=2, widths=(0.1, 0.3, 1.0)), 150, 3e-3),
        (lambda: GAN(2, (32, 32), 4, (16, 16), penalty=1.0), 300, 2e-3),
        (lambda: PMD(2, (32, 32), 2), 60, 1e-2),
        (lambda: PMD(2, (32, 32), 2, matching="exact"), 60, 1e-2),
    ],
)
def test_a_generator_learns_two_clusters(build: Callable[[], torch.nn.Module], steps: int, rate: float) -> None:
    """Their mean, and points nearer to one of them than those of the untrained network, which lie between."""
    torch.manual_seed(0)
    model = build()
    rng = np.random.default_rng(0)
    centres = np.array([[0.25, 0.3], [0.75, 0.6]])
    x = torch.from_numpy(centres[rng.integers(2, size=1000)] + 0.03 * rng.standard_normal((1000, 2))).float()
    before, after = trained(model, x, 0, rate), trained(model, x, steps, rate)
    far, near = (np.linalg.norm(found[:, None] - centres, axis=2).min(axis=1).mean() for found in (before, after))
    assert near < 0.75 * far
    assert np.abs(after.mean(axis=0) - centres.mean(axis=0)).max() < 0.2  # one cluster alone is 0.25 away


def test_the_penalty_is_that_of_the_gradient() -> None:
    """Of a discriminator with one piece that matters, the slope is the length of its weights."""
    torch.manual_seed(0)
    model = GAN(3, (4,), 2, (2,), penalty=4.0)
    seen = model.step(torch.rand(9, 3), model.optimisers(0.0))
    x = torch.rand(9, 3, requires_grad=True)
    slopes = []
    for row in x:
        (gradient,) = torch.autograd.grad(model.discriminator(row[None]).sum(), row)
        slopes.append(float(gradient.square().sum()))
    assert set(seen) == {"discriminator", "generator", "slope"}
    torch.manual_seed(1)
    again = GAN(3, (4,), 2, (2,), penalty=4.0)
    again.load_state_dict(model.state_dict())
    assert float(again.step(x.detach().clone(), again.optimisers(0.0))["slope"]) == pytest.approx(
        np.mean(slopes), rel=1e-5
    )


def test_maxout_takes_the_largest_piece() -> None:
    torch.manual_seed(0)
    layer, x = Maxout(4, 3), torch.randn(7, 4)
    pieces = layer.linear(x).view(7, 3, 5)
    assert torch.equal(layer(x), pieces.max(dim=2).values)


def test_a_losing_generator_has_a_gradient() -> None:
    """Non-saturating: where the discriminator is sure, the generator's slope is not small."""
    model = GAN(3, (4,), 2, (2,), penalty=1.0)
    with torch.no_grad():
        model.discriminator[-1].bias.fill_(-20.0)  # everything is called generated
    before = [p.clone() for p in model.layers.parameters()]
    found = model.step(torch.rand(8, 3), model.optimisers(0.1))
    assert float(found["generator"]) == pytest.approx(20, abs=3)
    assert any(not torch.equal(a, b) for a, b in zip(before, model.layers.parameters(), strict=True))


@pytest.mark.parametrize("epoch", [0, 125, 250, 1000])
def test_the_published_schedules(epoch: int) -> None:
    gan, pmd = GAN(3, (4,), 2, (2,)), PMD(3, (4,), 2)
    optimisers = gan.optimisers(0.1)
    gan.begin(epoch, optimisers)
    assert {g["momentum"] for o in optimisers.values() for g in o.param_groups} == {0.5 + 0.2 * min(1, epoch / 250)}
    optimisers = pmd.optimisers(3e-4)
    for each in (0, epoch):
        pmd.begin(each, optimisers)
    assert optimisers["generator"].param_groups[0]["lr"] == pytest.approx(3e-4 * 10 / (10 + epoch))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 20, 60])
def test_exact_is_at_most_fast_is_at_most_the_identity(n: int) -> None:
    rng = np.random.default_rng(n)
    cost = rng.random((n, n))
    matchings = {"exact": exact_matching(cost), "fast": fast_matching(cost, rng), "identity": np.arange(n)}
    for found in matchings.values():
        assert sorted(found) == list(range(n))
    totals = [cost[np.arange(n), found].sum() for found in matchings.values()]
    assert totals == sorted(totals)
    if n <= 5:
        best = min(sum(cost[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(n)))
        assert totals[0] == pytest.approx(best)


@pytest.mark.parametrize("n", [2, 3, 10, 40, 100])
def test_the_compiled_exchanges_are_the_plain_ones(n: int) -> None:
    from dgmbench.fast.images.matching import improve

    rng = np.random.default_rng(n)
    cost, order, offsets = rng.random((n, n)), rng.permutation(n), rng.integers(n, size=n)
    offsets[::2] = 0
    if n == 40:
        cost = np.round(4 * cost)  # many exchanges gain nothing and lose nothing
    plain, compiled = np.arange(n), np.arange(n)
    plain_improve(cost, plain, order, offsets)
    improve(cost, compiled, order, offsets)
    assert np.array_equal(plain, compiled)


@pytest.mark.parametrize(("n", "m", "width"), [(1, 1, 1), (3, 5, 2), (7, 4, 784), (20, 20, 128)])
def test_compiled_distances_are_the_sums(n: int, m: int, width: int) -> None:
    from dgmbench.fast.images.matching import l1_distances

    rng = np.random.default_rng(n)
    x, y = rng.random((n, width), np.float32), rng.random((m, width), np.float32)
    sums = np.abs(x[:, None].astype(np.float64) - y).sum(axis=2)
    np.testing.assert_allclose(l1_distances(x, y), sums, rtol=1e-5)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_the_fast_matching_of_500_is_nearly_optimal(shift: float) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.random((500, 12)) for _ in range(2))
    cost = np.abs(x[:, None] - (y + shift)[None]).sum(axis=2)
    exact, fast = exact_matching(cost), fast_matching(cost, rng)
    rows = np.arange(500)
    assert cost[rows, fast].sum() <= 1.1 * cost[rows, exact].sum()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PMD(3, matching="best"), "matching is 'best'"),
        (lambda: PMD(3, steps=0), "steps is 0"),
        (lambda: GAN(3, penalty=-1), "penalty is -1"),
        (lambda: GAN(3, decay=0.99), "decay is 0.99"),
        (lambda: GAN(3, averaging=0.5), "averaging is 0.5"),
        (lambda: GMMN(3, hidden=()), "at least one hidden layer"),
        (lambda: GMMN(3, latent=0), "latent dimension"),
    ],
)
def test_wrong_options_are_said(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]


def test_the_published_game_begins_small_and_at_the_mean_image() -> None:
    torch.manual_seed(0)
    mean = np.array([0.0, 0.2, 0.9])
    model = GAN(3, (40,), 20, (4,), mean_image=mean)
    for network, largest in ((model.layers, 0.05), (model.discriminator, 0.005)):
        weights = torch.cat([p.flatten() for name, p in network.named_parameters() if name.endswith("weight")])
        assert 0.9 * largest < float(weights.detach().abs().max()) <= largest
    with torch.no_grad():
        at_first = model.generate(model.prior(100)).mean(dim=0).numpy()
    assert np.abs(at_first - mean).max() < 0.05


@pytest.mark.parametrize(("penalty", "weight"), [(0.0, 0.5), (1e-12, 1.0)])
def test_the_published_discriminator_minimises_half_of_its_cross_entropies(penalty: float, weight: float) -> None:
    """By gradient steps without momentum; the slope of the penalty is none here."""
    torch.manual_seed(0)
    model = GAN(3, (4,), 2, (2,), penalty=penalty).eval()  # no dropout
    with torch.no_grad():
        for p in model.discriminator.parameters():
            p.uniform_(-1.0, 1.0)  # the published first weights are so small that all answers are a half
    bias = model.discriminator[-1].bias
    optimisers = {part: torch.optim.SGD(p, 1.0) for part, p in parts(model).items()}
    x, before = torch.rand(8, 3), float(bias)
    generator = torch.get_rng_state()
    z = model.prior(8)
    torch.set_rng_state(generator)
    with torch.no_grad():
        real, fake = (torch.sigmoid(model.discriminator(images)) for images in (x, model.generate(z)))
    expected = float((real - 1).mean() + fake.mean())  # of the cross-entropies by the last bias
    model.step(x, optimisers)
    assert before - float(bias) == pytest.approx(weight * expected, rel=1e-4)


def parts(model: GAN) -> dict[str, list[torch.nn.Parameter]]:
    return {"generator": [*model.layers.parameters()], "discriminator": [*model.discriminator.parameters()]}


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 0.1 / 1.000004**3), ({"decay": 1.1}, 0.1 / 1.1**3), ({"penalty": 1.0, "decay": 1.1}, 0.1)],
)
def test_the_published_rate_falls_and_that_of_adam_does_not(options: dict[str, float], expected: float) -> None:
    model = GAN(3, (4,), 2, (2,), **options)  # type: ignore[arg-type]
    optimisers = model.optimisers(0.1)
    for _ in range(3):
        model.step(torch.rand(5, 3), optimisers)
    rates = [group["lr"] for optimiser in optimisers.values() for group in optimiser.param_groups]
    assert rates == pytest.approx([expected] * 2, rel=1e-12)


@pytest.mark.parametrize(("averaging", "weights"), [(1.0, (1, 1, 1, 1)), (2.0, (0, 1, 2, 3)), (100.0, (0, 0, 0, 1))])
def test_what_generates_is_the_average_of_the_weights(averaging: float, weights: tuple[float, ...]) -> None:
    """After training; while it goes on the weights themselves generate, and learn as they do without an average."""
    torch.manual_seed(0)
    plain = GAN(3, (4,), 2, (2,))
    for p in plain.discriminator.parameters():
        torch.nn.init.uniform_(p, -1.0, 1.0)  # the published first weights teach the generator next to nothing
    averaged = GAN(3, (4,), 2, (2,), averaging=averaging)
    averaged.load_state_dict(plain.state_dict(), strict=False)
    assert averaged.average is not None
    x, after = [torch.rand(5, 3) for _ in weights], []
    for model in (plain, averaged):
        torch.manual_seed(1)
        optimisers = model.optimisers(0.5)
        for images in x:
            model.step(images, optimisers)
            if model is averaged:
                after.append([p.detach().clone() for p in averaged.layers.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), parameters_that_learn(averaged), strict=True))
    assert float((after[-1][0] - after[0][0]).abs().max()) > 1e-3
    for p, *of_steps in zip(averaged.average.parameters(), *after, strict=True):
        expected = sum(w * each for w, each in zip(weights, of_steps, strict=True)) / sum(weights)
        assert torch.allclose(p, torch.as_tensor(expected), atol=1e-6)
    z = averaged.prior(7)
    assert torch.equal(averaged.generate(z), torch.sigmoid(averaged.layers(z)))
    assert torch.equal(averaged.eval().generate(z), torch.sigmoid(averaged.average(z)))


def parameters_that_learn(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_the_generator_answers_the_discriminator_that_has_just_learned(penalty: float) -> None:
    """By the same images: its step is that of −log D of the new discriminator, and moves nothing else."""
    torch.manual_seed(0)
    model = GAN(3, (4,), 2, (2,), penalty=penalty).eval()  # no dropout
    optimisers = {part: torch.optim.SGD(p, 0.5) for part, p in parts(model).items()}
    x, before, state = torch.rand(8, 3), copy.deepcopy(model), torch.get_rng_state()
    model.step(x.clone(), optimisers)
    torch.set_rng_state(state)
    before.discriminator.load_state_dict(model.discriminator.state_dict())
    loss = F.softplus(-before.discriminator(before.generate(before.prior(8)))).mean()
    gradients = torch.autograd.grad(loss, [*before.layers.parameters()])
    for p, old, gradient in zip(model.layers.parameters(), before.layers.parameters(), gradients, strict=True):
        assert torch.allclose(p, old - 0.5 * gradient, atol=1e-6)
    assert all(p.requires_grad for p in model.parameters())
