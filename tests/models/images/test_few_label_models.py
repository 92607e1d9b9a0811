"""Learners with few labels: closed forms of their losses, their schedules, and small problems that they solve."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dgmbench.models.images import averaged_classifier, triple_gan
from dgmbench.models.images.averaged_classifier import (
    NETWORKS,
    SHARE,
    AveragedClassifier,
    Dropout,
    cross_entropy,
    labelled_part,
    unlabelled_part,
)
from dgmbench.models.images.cgmmn_classifier import CGMMNClassifier, same_conditions_mmd
from dgmbench.models.images.gmmn import kernel
from dgmbench.models.images.pseudo_label import PseudoLabel
from dgmbench.models.images.supervised import Supervised
from dgmbench.models.images.triple_gan import TripleGAN, entropy, fooling, imbalance, pair_loss

SHAPE, CLASSES = (6, 6), 3


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(averaged_classifier.NETWORKS, "reduced", ((4, 8, 16), 0.25))


def examples(labelled: int, others: int, seed: int = 0) -> Tensor:
    """Three classes, bright in rows of their own, at each, each second or each third pixel; −1 hides a class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(labelled + others) % CLASSES
    place, own = torch.arange(36), labels[:, None]
    bright = (place // 12 == own) & (place % 6 % (own + 1) == 0)
    x = 0.3 * torch.rand(len(labels), 36, generator=generator) + 0.7 * bright
    seen = torch.where(torch.arange(len(labels)) < labelled, labels, -1)
    return torch.cat([x, seen[:, None].float()], dim=1)


def small(model: type, **options: Any) -> Any:
    torch.manual_seed(3)
    if model is TripleGAN:
        options = {"hidden": (16,), "latent": 4, "units": (16, 16), "game_from": 0, "generated_from": 0} | options
        return TripleGAN(36, SHAPE, CLASSES, network="reduced", **options)
    return model(SHAPE, CLASSES, network="reduced", **options)


def taught(model: Any, steps: int, batch: Tensor, epoch: int = 0, rate: float = 2e-3) -> dict[str, Tensor]:
    optimisers = model.train().optimisers(rate)
    model.begin(epoch, optimisers)
    noted = {}
    for _ in range(steps):
        noted = model.step(batch, optimisers)
    return noted


@pytest.mark.parametrize(
    ("logits", "nats"),
    [
        ([[0.0, 0.0]], math.log(2)),
        ([[3.0, 3.0, 3.0]], math.log(3)),
        ([[100.0, 0.0, 0.0]], 0.0),
        ([[0.0, 0.0], [200.0, 0.0]], math.log(2) / 2),
        ([[math.log(3), 0.0]], -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))),
    ],
)
def test_entropy(logits: list[list[float]], nats: float) -> None:
    assert float(entropy(torch.tensor(logits))) == pytest.approx(nats, abs=1e-6)


@pytest.mark.parametrize(
    ("logits", "nats"),
    [
        ([[0.0, 0.0]], math.log(2)),
        ([[50.0, 0.0], [0.0, 50.0]], math.log(2)),  # sure of each, and equally often of both
        ([[math.log(3), 0.0]], -(math.log(0.75) + math.log(0.25)) / 2),
        ([[50.0, 0.0], [50.0, 0.0]], -math.log(1e-8) / 2),
        ([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]], math.log(3)),
    ],
)
def test_imbalance_is_least_where_classes_are_equally_frequent(logits: list[list[float]], nats: float) -> None:
    assert float(imbalance(torch.tensor(logits))) == pytest.approx(nats, abs=1e-4)


@pytest.mark.parametrize(
    ("real", "generated", "classified"),
    [(0.5, 0.5, 0.5), (0.8, 0.2, 0.2), (0.3, 0.9, 0.5), (0.1, 0.4, 0.8), (0.6, 0.0, 0.3)],
)
def test_the_best_discriminator_is_that_of_the_mixture(real: float, generated: float, classified: float) -> None:
    """D*(x, y) = p / (p + ½ g + ½ c), here of a pair that each of the three players gives with a probability."""
    best = math.log(real / (0.5 * generated + 0.5 * classified))
    logit = torch.tensor(best, dtype=torch.float64, requires_grad=True)
    other = torch.zeros((), dtype=torch.float64)

    def of(p: float) -> Tensor:  # a thousand pairs, of which so many are this one
        return torch.cat([logit.expand(round(1000 * p)), other.expand(1000 - round(1000 * p))])

    pair_loss(of(real), of(generated), of(classified)).backward()
    assert logit.grad is not None and float(logit.grad) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("refused", [0.0, 0.1, 1.0, 5.0, 80.0])
def test_the_classifier_is_less_sure_of_pairs_that_are_refused(refused: float) -> None:
    logits = torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
    value = fooling(logits, torch.tensor([refused]))
    p = math.e / (math.e + 2)
    assert float(value.detach()) == pytest.approx(p * refused, rel=1e-5)
    value.backward()
    assert logits.grad is not None and float(logits.grad[0, 0]) == pytest.approx(refused * p * (1 - p), rel=1e-4)


@pytest.mark.parametrize("n", [1, 2, 5, 12, 40])
@pytest.mark.parametrize("ridge", [1e-3, 0.5])
def test_by_an_indicator_kernel_the_means_of_each_condition_are_matched(n: int, ridge: float) -> None:
    """Σ_c ‖Σ_{i of c} (y_i − given_i)‖² / (n_c + λ)²."""
    generator = torch.Generator().manual_seed(n)
    y, given = (torch.rand(n, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    conditions = F.one_hot(torch.arange(n) % 3, 3).double()
    sums, counts = conditions.T @ (y - given), conditions.sum(dim=0)
    expected = (sums.square().sum(dim=1) / (counts + ridge) ** 2).sum()
    found = same_conditions_mmd(y, given, conditions @ conditions.T, ridge)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    assert float(same_conditions_mmd(y, y, conditions @ conditions.T, ridge)) == 0


@pytest.mark.parametrize("width", [0.1, 1.0, 2.0, 5.0, 20.0])
def test_the_conditional_discrepancy_of_labels_is_that_of_the_three_traces(width: float) -> None:
    """As Ren et al. define it, with the product for the kernel of what is generated."""
    generator = torch.Generator().manual_seed(0)
    x, y, given = (torch.rand(12, 9, generator=generator, dtype=torch.float64) for _ in range(3))
    k = kernel(x, x, (width,))
    a = torch.linalg.inv(k + 1e-2 * torch.eye(12, dtype=torch.float64))
    traces = [torch.trace(k @ a @ (one @ other.T) @ a) for one, other in ((y, y), (given, given), (y, given))]
    expected = float(traces[0] + traces[1] - 2 * traces[2])
    assert float(same_conditions_mmd(y, given, k, 1e-2)) == pytest.approx(expected, rel=1e-6)


def test_an_average_follows_the_weights() -> None:
    torch.manual_seed(0)
    model = AveragedClassifier(SHAPE, CLASSES, "reduced")
    before = {name: value.clone() for name, value in model.average.state_dict().items()}
    with torch.no_grad():
        for p in model.network.parameters():
            p.add_(1.0)
    for n in range(1, 4):
        model.follow()
        share = 1 - (1 - SHARE) ** n
        for name, _ in model.network.named_parameters():
            torch.testing.assert_close(model.average.state_dict()[name], before[name] + share)
    assert not any(p.requires_grad for p in model.average.parameters())


@pytest.mark.parametrize(
    ("side", "maps"),  # sides of the maps behind each convolution
    [
        (28, [24, 12, 10, 5, 5]),
        (12, [8, 4, 2, 1, 1]),
        (11, [11, 5, 5, 2, 2]),
        (8, [8, 4, 4, 2, 2]),
        (4, [4, 2, 2, 1, 1]),
    ],
)
def test_the_published_convolutions_and_half_of_them(
    side: int, maps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the published widths
    for network, widths in (("convolutional", [32, 64, 64, 128, 128]), ("reduced", [16, 32, 32, 64, 64])):
        torch.manual_seed(0)
        model = AveragedClassifier((side, side), 10, network)
        found, x = [], torch.rand(3, side * side)
        layers = [layer for layer in model.average if isinstance(layer, torch.nn.Conv2d)]
        for layer in model.average.eval():
            x = layer(x)
            if layer in layers:
                found.append([*x.shape])
        assert x.shape == (3, 10)
        assert found == [[3, width, now, now] for width, now in zip(widths, maps, strict=True)]
        assert [layer.kernel_size[0] for layer in layers] == [5, 3, 3, 3, 3]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_what_predicts_is_the_average_without_noise(network: str, n: int) -> None:
    torch.manual_seed(0)
    model = AveragedClassifier((8, 9), 4, network)
    x = torch.rand(n, 72)
    one, other = model.predict(x), model.predict(x)
    assert one.shape == (n, 4) and torch.equal(one, other)
    torch.testing.assert_close(model.predict(torch.cat([x, x]))[:n], one)


@pytest.mark.parametrize("share", [0.25, 0.5, 3 / 256])
def test_dropout_sets_a_share_to_zero_and_keeps_the_mean(share: float) -> None:
    torch.manual_seed(0)
    x = torch.rand(50, 4, 20, 30).add(1).contiguous(memory_format=torch.channels_last).requires_grad_()
    y = Dropout(share)(x)
    kept = y != 0
    assert float((~kept).double().mean()) == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / x.numel()))
    torch.testing.assert_close(y[kept], x[kept] / (1 - share))
    assert y.is_contiguous(memory_format=torch.channels_last)
    y.sum().backward()
    torch.testing.assert_close(x.grad, kept / (1 - share))
    # images, maps, and neighbours in memory are dropped independently of each other
    dropped = (~kept).double().permute(0, 2, 3, 1).flatten()
    for distance in (1, 7, 8, 4 * 20 * 30):
        both = float((dropped[distance:] * dropped[:-distance]).mean())
        assert both == pytest.approx(share**2, abs=5 * share / math.sqrt(x.numel()))
    assert torch.equal(Dropout(share).eval()(x), x)
    wide = Dropout(share)(torch.ones(2000, 1).expand(2000, 2))  # one number in memory for both columns
    assert float(((wide[:, 0] == 0) == (wide[:, 1] == 0)).double().mean()) < 1


@pytest.mark.parametrize("share", [0.3, 1.0, -0.25])
def test_dropout_has_a_share_in_bytes(share: float) -> None:
    with pytest.raises(ValueError, match="a multiple of 1/256"):
        Dropout(share)


@pytest.mark.parametrize(
    ("epoch", "weight"), [(0, 0.0), (10, 0.0), (11, 0.15), (20, 1.5), (30, 3.0), (31, 3.0), (500, 3.0)]
)
def test_the_weight_of_pseudo_labels_rises(epoch: int, weight: float) -> None:
    model = small(PseudoLabel, begins=10, ends=30)
    model.begin(epoch, {})
    assert model.now == pytest.approx(weight)


@pytest.mark.parametrize(
    ("epoch", "factor"),
    [(0, 0.15), (29, 0.15), (30, 1.0), (300, 1.0), (301, 0.995), (310, 0.995**10), (999, 0.995**699)],
)
def test_the_rates_of_the_game_fall_as_published(epoch: int, factor: float) -> None:
    model = small(TripleGAN, game_from=30, generated_from=300)
    optimisers = model.optimisers(2e-3)
    for each in (7, epoch):  # whatever epoch was before
        model.begin(each, optimisers)
    assert set(optimisers) == {"generator", "discriminator", "classifier"}
    for optimiser in optimisers.values():
        (group,) = optimiser.param_groups
        assert group["lr"] == pytest.approx(2e-3 * factor) and group["betas"][0] == 0.5
    assert optimisers["classifier"].param_groups[0]["weight_decay"] == 1e-4


@pytest.mark.parametrize(("labelled", "others", "pairs"), [(6, 20, 1), (200, 20, 2), (12, 0, 12)])
def test_few_labelled_pairs_are_shown_to_the_discriminator(labelled: int, others: int, pairs: int) -> None:
    model = small(TripleGAN)
    optimisers = model.train().optimisers(1e-3)
    model.begin(0, optimisers)
    seen = []
    model.discriminator.register_forward_hook(lambda _, x, y: seen.append(len(x[0])))
    model.step(examples(labelled, others), optimisers)
    n = others or labelled
    assert seen[0] == pairs + n // 2 + n + (n - n // 2)  # of the data, generated, refused


@pytest.mark.parametrize(("epoch", "weight"), [(0, 0.3), (4, 0.3), (5, 0.001)])
def test_a_classifier_alone_is_held_to_equal_classes(
    epoch: int, weight: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the loss gains when imbalance is made to be 1 everywhere."""
    losses = []
    monkeypatch.setattr(triple_gan, "descend", lambda optimiser, loss: losses.append(float(loss.detach())))
    for constant in (0.0, 1.0):
        monkeypatch.setattr(triple_gan, "imbalance", lambda logits, value=constant: torch.tensor(value))
        model = small(TripleGAN, game_from=5, generated_from=9)
        optimisers = model.train().optimisers(1e-3)
        model.begin(epoch, optimisers)
        torch.manual_seed(0)
        model.step(examples(6, 20), optimisers)
    without, with_it = losses[len(losses) // 2 - 1], losses[-1]
    assert with_it - without == pytest.approx(weight, rel=1e-3)


def test_without_pseudo_labels_the_steps_are_the_supervised_ones() -> None:
    models = [small(Supervised), small(PseudoLabel, begins=5, ends=6)]
    for model in models:
        torch.manual_seed(1)
        taught(model, 5, examples(6, 20))
    one, other = (model.classifier.state_dict() for model in models)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_before_the_game_only_the_classifier_learns() -> None:
    model = small(TripleGAN, game_from=2, generated_from=3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    noted = taught(model, 3, examples(6, 20), epoch=1)
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"classifier"} and float(noted["discriminator"]) == 0


def test_each_player_changes_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of one optimiser at a time: the others' parameters stay as they are."""
    model = small(TripleGAN)
    parts = {"generator": model.layers, "discriminator": model.discriminator, "classifier": model.classifier.network}
    optimisers, seen = model.train().optimisers(1e-2), list[str]()

    def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        (name,) = (name for name, each in optimisers.items() if each is optimiser)
        before = {other: [p.clone() for p in part.parameters()] for other, part in parts.items()}
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        for other, part in parts.items():
            same = all(torch.equal(p, q) for p, q in zip(part.parameters(), before[other], strict=True))
            assert same == (other != name)
        seen.append(name)

    monkeypatch.setattr(triple_gan, "descend", descend)
    model.begin(0, optimisers)
    model.step(examples(6, 20), optimisers)
    assert seen == ["discriminator", "generator", "classifier"]


@pytest.mark.parametrize(
    ("model", "options", "labelled", "others"),
    [
        (Supervised, {}, 6, 0),
        (PseudoLabel, {"begins": 0, "ends": 20}, 6, 30),
        (CGMMNClassifier, {"widths": [0.3]}, 30, 0),
        (TripleGAN, {}, 3, 30),
        (TripleGAN, {}, 30, 0),
    ],
)
def test_a_small_problem_is_solved(model: type, options: dict[str, Any], labelled: int, others: int) -> None:
    trained = small(model, **options)
    taught(trained, 400, examples(labelled, others), epoch=5, rate=5e-3)
    test = examples(90, 0, seed=1)
    x, labels = labelled_part(test)
    assert float((trained.predict(x).argmax(dim=1) != labels).float().mean()) < 0.05


def test_generated_images_are_of_the_class_that_is_asked_for() -> None:
    model = small(TripleGAN, hidden=(32,))
    taught(model, 600, examples(6, 24), rate=4e-3)
    model.eval()
    labels = torch.arange(CLASSES).repeat_interleave(20)
    images = model.sample_of(labels, seed=0)
    brightest = images.view(60, 3, 12).mean(dim=2).argmax(dim=1)
    assert float((brightest == labels).float().mean()) > 0.9
    assert torch.equal(images, model.sample_of(labels, seed=0)) and not torch.equal(images, model.sample_of(labels, 1))


@pytest.mark.parametrize("strength", [1e2, 1e4, 1e6, 1e8])
def test_a_discriminator_that_wins_for_good_shows_and_leaves_the_classifier(strength: float) -> None:
    """Its logits are as far from 0 as can be, and it learns no more."""
    model = small(TripleGAN)
    with torch.no_grad():
        model.discriminator.layers[-1].weight.zero_()
        model.discriminator.layers[-1].bias.fill_(-strength)
    for p in model.discriminator.parameters():
        p.grad = None
    optimisers = model.train().optimisers(2e-3)
    model.begin(0, optimisers)
    for group in optimisers["discriminator"].param_groups:
        group["lr"] = 0.0
    for _ in range(5):
        noted = model.step(examples(6, 60), optimisers)
    assert all(math.isfinite(value) for value in noted.values())
    assert float(noted["generator"]) == pytest.approx(strength / 2)
    x, _ = labelled_part(examples(90, 0, seed=1))
    assert bool(torch.isfinite(model.predict(x)).all())


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (Supervised, {"network": "large"}, "network is 'large'; choose convolutional or reduced"),
        (Supervised, {"shape": (3, 9)}, "4 x 4 pixels or more, not 3 x 9"),
        (PseudoLabel, {"begins": 5, "ends": 5}, "begins before ends"),
        (PseudoLabel, {"weight": -1.0}, "0 or more"),
        (CGMMNClassifier, {"ridge": 0.0}, "above 0"),
        (CGMMNClassifier, {"widths": []}, "above 0"),
        (TripleGAN, {"units": ()}, "at least one layer"),
        (TripleGAN, {"game_from": 5, "generated_from": 4}, "at most generated_from"),
        (TripleGAN, {"hidden": ()}, "hidden layer"),
    ],
)
def test_wrong_options_are_said(model: type, options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"shape": SHAPE, "n_classes": CLASSES, "network": "reduced"} | options
    with pytest.raises(ValueError, match=message):
        model(**arguments, **({"n_pixels": 36} if model is TripleGAN else {}))


def test_parts_of_a_batch() -> None:
    batch = examples(4, 6)
    x, labels = labelled_part(batch)
    assert len(x) == 4 and labels.tolist() == [0, 1, 2, 0] and len(unlabelled_part(batch)) == 6
    whole = examples(5, 0)
    assert torch.equal(unlabelled_part(whole), whole[:, :-1])
    assert float(cross_entropy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))) == 0
