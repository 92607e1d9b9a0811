"""Distances of samples against closed forms: mixtures of Gaussians whose distances are known exactly."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from dgmbench.metrics.class_coverage import classes_covered, prediction_entropy
from dgmbench.metrics.frechet import frechet_distance
from dgmbench.metrics.manifold import manifold
from dgmbench.metrics.mmd import WIDTHS, cubic, rbf, squared_mmd
from dgmbench.metrics.parzen import chosen_width, parzen_log_likelihood
from dgmbench.metrics.resampling import Weights, weights
from dgmbench.metrics.wasserstein import directions, sliced_wasserstein, wasserstein


@dataclass(frozen=True)
class Mixture:
    """Equal parts of Gaussians with one standard deviation each, the same in every dimension."""

    centres: tuple[tuple[float, ...], ...]
    sds: tuple[float, ...]

    def sample(self, n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        part = rng.integers(len(self.sds), size=n)
        centres = np.array(self.centres)[part]
        return centres + np.array(self.sds)[part, None] * rng.standard_normal(centres.shape)

    def parts(self) -> list[tuple[np.ndarray, float]]:
        return [(np.array(c), s) for c, s in zip(self.centres, self.sds, strict=True)]


ONE = Mixture(((0.0, 0.0),), (1.0,))
SHIFTED = Mixture(((2.0, 1.0),), (1.0,))
WIDER = Mixture(((0.0, 0.0),), (2.5,))
TWO = Mixture(((-3.0, 0.0), (3.0, 0.0)), (0.5, 1.0))
LOST_MODE = Mixture(((-3.0, 0.0),), (0.5,))
THREE = Mixture(((0.0, 4.0), (4.0, 0.0), (-4.0, -1.0)), (1.0, 0.3, 2.0))
PAIRS = [(ONE, SHIFTED), (ONE, WIDER), (TWO, LOST_MODE), (TWO, THREE), (ONE, ONE), (THREE, THREE)]


def expected_kernel(p: Mixture, q: Mixture, width: float) -> float:
    """E exp(−‖x − y‖² / 2σ²) for independent x and y: a product of Gaussians integrates in closed form."""
    terms = []
    for (a, s), (b, t) in itertools.product(p.parts(), q.parts()):
        variance = width**2 + s**2 + t**2
        terms.append((width**2 / variance) ** (len(a) / 2) * math.exp(-((a - b) ** 2).sum() / (2 * variance)))
    return float(np.mean(terms))


def exact_mmd(p: Mixture, q: Mixture, widths: tuple[float, ...]) -> float:
    return sum(expected_kernel(p, p, w) + expected_kernel(q, q, w) - 2 * expected_kernel(p, q, w) for w in widths)


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_mmd_is_within_its_error_of_the_closed_form(p: Mixture, q: Mixture) -> None:
    found = squared_mmd(p.sample(800, 1), q.sample(800, 2), rbf(), weights(800, 800, 3, draws=100))
    assert abs(found.observed - exact_mmd(p, q, WIDTHS)) < 4 * found.error + 1e-3


def test_mmd_has_no_bias() -> None:
    """Over many small samples of one distribution the mean is 0; the biased estimate would be above it."""
    values = [squared_mmd(TWO.sample(20, s), TWO.sample(30, 1000 + s), rbf((2.0,))).observed for s in range(300)]
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values)) < 3.5 * error
    assert error < 0.3 / 20 / 2, "the biased estimate is apart from 0 by about (1 − E k) (1/n + 1/m)"


@pytest.fixture(params=[1000, 3], ids=["one block", "several blocks"])
def blocks_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a matrix of pairs that are computed together."""
    monkeypatch.setattr("dgmbench.metrics.resampling.BLOCK", request.param)


@pytest.mark.usefixtures("blocks_of")
@pytest.mark.parametrize("seed", range(5))
def test_mmd_is_the_double_sum_of_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((7, 3)), rng.standard_normal((5, 3)) + 1

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return sum(math.exp(-((a - b) ** 2).sum() / (2 * w**2)) for w in WIDTHS)

    within = [np.mean([k(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in (x, y)]
    expected = sum(within) - 2 * np.mean([k(a, b) for a in x for b in y])
    assert squared_mmd(x, y, rbf()).observed == pytest.approx(expected, abs=1e-12)


@pytest.mark.usefixtures("blocks_of")
@pytest.mark.parametrize("kernel", [rbf(), cubic])
def test_a_bootstrap_draw_is_the_estimate_of_what_was_drawn(kernel: object) -> None:
    """Where nothing is drawn twice: weights 0 and 1 select."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 4)), rng.standard_normal((30, 4)) + 0.5
    w, v = (rng.random((3, 40)) < 0.5).astype(float), (rng.random((3, 30)) < 0.5).astype(float)
    w[:, :20], w[:, 20:] = 1, 0  # 20 of 40: the normaliser takes the number of examples from the sample
    v[:, :15], v[:, 15:] = 1, 0
    found = squared_mmd(x, y, kernel, Weights(2 * w, 2 * v)).drawn  # type: ignore[arg-type]
    # each of the selected counts twice: pairs within are those of different examples
    assert found == pytest.approx(np.full(3, squared_mmd(x[:20], y[:15], kernel).observed * 1.0), rel=1e-9)  # type: ignore[arg-type]


def moments(mixture: Mixture, order: int) -> float:
    """E xᵏ in one dimension."""
    of_part = [scipy.stats.norm(c[0], s).moment(order) for c, s in mixture.parts()]
    return float(np.mean(of_part))


LINE = [
    Mixture(((0.0,),), (1.0,)),
    Mixture(((1.0,),), (1.0,)),
    Mixture(((-1.0,), (1.0,)), (0.5, 0.2)),
    Mixture(((0.0,),), (1.5,)),
    Mixture(((-2.0,), (0.0,), (1.0,)), (0.3, 0.3, 0.6)),
]


@pytest.mark.parametrize("q", LINE)
def test_the_kernel_distance_is_within_its_error_of_the_moments(q: Mixture) -> None:
    p = LINE[0]

    def expected(a: Mixture, b: Mixture) -> float:
        return 1 + sum(math.comb(3, k) * moments(a, k) * moments(b, k) for k in (1, 2, 3))

    found = squared_mmd(p.sample(1500, 1), q.sample(1500, 2), cubic, weights(1500, 1500, 3, draws=50))
    exact = expected(p, p) + expected(q, q) - 2 * expected(p, q)
    assert abs(found.observed - exact) < 4 * found.error + 1e-3


@pytest.mark.parametrize("q", [*LINE[1:], LINE[0]])
def test_wasserstein_in_one_dimension_is_that_of_the_quantile_functions(q: Mixture) -> None:
    p = LINE[0]
    x, y = p.sample(500, 1), q.sample(500, 2)
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = [np.quantile(each.sample(100_000, 9)[:, 0], levels) for each in (p, q)]
    squared = float(np.mean((quantiles[0] - quantiles[1]) ** 2))
    found = sliced_wasserstein(x, y, weights(500, 500, 5, draws=20))
    assert abs(found.observed - math.sqrt(squared)) < 4 * found.error + 0.02
    (exact,) = wasserstein(x, y)
    assert exact == pytest.approx(scipy.stats.wasserstein_distance(x[:, 0], y[:, 0]), rel=1e-9)
    assert abs(exact - np.mean(np.abs(quantiles[0] - quantiles[1]))) < 0.15


@pytest.mark.parametrize("sizes", [(3, 5), (4, 6), (1, 7), (6, 6), (9, 2), (10, 15)])
def test_sliced_distances_of_unequal_samples_are_exact(sizes: tuple[int, int]) -> None:
    """As if each example were there so often that both are of one size."""
    rng = np.random.default_rng(sum(sizes))
    x, y = (rng.standard_normal((n, 2)) for n in sizes)
    common = math.lcm(*sizes)
    alike = [np.repeat(z, common // len(z), axis=0) for z in (x, y)]
    assert sliced_wasserstein(x, y).observed == pytest.approx(sliced_wasserstein(*alike).observed, rel=1e-12)


@pytest.mark.parametrize("width", [1, 2, 5, 20, 100])
def test_a_shift_has_known_distances(width: int) -> None:
    rng = np.random.default_rng(width)
    x, shift = rng.standard_normal((60, width)), rng.standard_normal(width)
    assert wasserstein(x, x + shift, pairs=60) == pytest.approx([np.linalg.norm(shift)])
    along = directions(width) @ shift
    assert sliced_wasserstein(x, x + shift).observed == pytest.approx(math.sqrt(np.mean(along**2)))
    assert np.mean(along**2) == pytest.approx((shift**2).mean(), rel=0.25)
    assert frechet_distance(x, x + shift).observed == pytest.approx((shift**2).sum(), rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_distance_is_the_best_of_all_matchings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.random((5, 3)), rng.random((5, 3))
    cost = [np.linalg.norm(x - y[list(order)], axis=1).mean() for order in itertools.permutations(range(5))]
    assert wasserstein(x, y, pairs=5) == pytest.approx([min(cost)])


def test_the_exact_distance_takes_sets_one_after_the_other() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((70, 3)), rng.random((65, 3))
    found = wasserstein(x, y, pairs=20, sets=5)
    assert found.shape == (3,)
    assert found[1] == wasserstein(x[20:40], y[20:40], pairs=20)[0]
    assert wasserstein(x[:7], y, pairs=20).shape == (1,)


@pytest.mark.parametrize("seed", range(5))
def test_the_frechet_distance_is_that_of_the_formula(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = (rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6)) + rng.random(6) for _ in range(2))
    of_x, of_y = np.cov(x.T), np.cov(y.T)
    root = scipy.linalg.sqrtm(of_x @ of_y)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(of_x + of_y - 2 * np.real(root))
    assert frechet_distance(x, y).observed == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (1.0, 1.0), (0.0, 2.0), (3.0, 0.5), (0.5, 0.0)])
def test_the_frechet_distance_of_gaussians_is_within_its_error_of_the_closed_form(shift: float, scale: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4000, 3)), shift + scale * rng.standard_normal((4000, 3))
    found = frechet_distance(x, y, weights(4000, 4000, 1, draws=100))
    assert abs(found.observed - 3 * (shift**2 + (1 - scale) ** 2)) < 4 * found.error + 0.01
    assert found.drawn.mean() == pytest.approx(found.observed)


@pytest.mark.parametrize("mixture", [ONE, SHIFTED, WIDER, TWO, THREE])
@pytest.mark.parametrize("width", [0.5, 1.0])
def test_a_parzen_window_tends_to_the_smoothed_density(mixture: Mixture, width: float) -> None:
    points = mixture.sample(50, 3)
    exact = np.log(
        np.mean(
            [scipy.stats.multivariate_normal(c, (s**2 + width**2) * np.eye(2)).pdf(points) for c, s in mixture.parts()],
            axis=0,
        )
    )
    (found,) = parzen_log_likelihood(points, mixture.sample(40_000, 4), (width,))
    assert found.mean() == pytest.approx(exact.mean(), abs=0.02)


def test_the_width_is_that_of_the_highest_validation_likelihood() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.standard_normal((20, 1)), rng.standard_normal((5000, 1))
    valid = rng.standard_normal((300, 1))
    assert chosen_width(valid, few) > chosen_width(valid, many)
    copies = np.tile(valid[:5], (3, 1))
    assert chosen_width(valid[:5], copies) == min(10 ** np.linspace(-1.5, 0.5, 21))


def test_precision_and_the_rest_by_hand() -> None:
    """On a line, with the nearest neighbour: balls of test examples 0, 1, 3 reach 1, 1, 2."""
    found = manifold(np.array([[0.5], [10.0], [10.5]]), np.array([[0.0], [1.0], [3.0]]), k=1)
    assert found.precision.tolist() == [1, 0, 0]
    assert found.density.tolist() == [2, 0, 0]
    assert found.coverage.tolist() == [1, 1, 0]
    # the ball around 0.5 reaches 9.5
    assert found.recall.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("p", "q", "precision", "recall", "density", "coverage"),
    [
        (ONE, ONE, 0.95, 0.95, 1.0, 0.95),
        (TWO, TWO, 0.95, 0.95, 1.0, 0.95),
        (LOST_MODE, TWO, 0.95, 0.5, 1.0, 0.5),
        (TWO, LOST_MODE, 0.5, 0.95, 0.5, 0.9),
        (Mixture(((50.0, 50.0),), (1.0,)), ONE, 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_what_a_lost_or_added_mode_does(
    p: Mixture, q: Mixture, precision: float, recall: float, density: float, coverage: float
) -> None:
    found = manifold(p.sample(1000, 1), q.sample(1000, 2))
    means = [values.mean() for values in (found.precision, found.recall, found.density, found.coverage)]
    assert means == pytest.approx([precision, recall, density, coverage], abs=0.08)


def test_too_few_examples_have_no_neighbours() -> None:
    with pytest.raises(ValueError, match="5 neighbours of 5 examples"):
        manifold(np.zeros((5, 2)), np.zeros((9, 2)))


def test_covered_classes_and_entropy() -> None:
    labels = np.repeat(np.arange(10), 100)
    drawn = weights(1000, 1000, 0).generated
    assert classes_covered(labels, labels, drawn).observed == 10
    assert classes_covered(np.minimum(labels, 4), labels, drawn).observed == 5
    rare = np.where(np.arange(1000) < 991, 0, 1)
    assert classes_covered(rare, labels, drawn).observed == 1
    assert 1 <= classes_covered(rare, labels, drawn).drawn.min() < classes_covered(rare, labels, drawn).drawn.max() <= 2
    even, one = np.full((1000, 10), 0.1), np.eye(10)[np.zeros(1000, int)]
    assert prediction_entropy(even, drawn).observed == pytest.approx(math.log(10))
    assert prediction_entropy(one, drawn).observed == pytest.approx(0)
    assert prediction_entropy(np.eye(10)[labels], drawn).error > 0


def test_the_same_test_images_are_drawn_for_every_model() -> None:
    first, second = weights(50, 60, 1), weights(50, 60, 2)
    assert np.array_equal(first.held_out, second.held_out)
    assert not np.array_equal(first.generated, second.generated)
    assert (first.generated.sum(axis=1) == 50).all() and (first.held_out.sum(axis=1) == 60).all()
