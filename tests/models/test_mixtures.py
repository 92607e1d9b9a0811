"""Mixtures fitted by expectation-maximisation: bounds that never fall, exact densities, starts, choices, resuming."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from dgmbench.data.load.points import load_points
from dgmbench.errors import UserError
from dgmbench.models import em
from dgmbench.models.images.mixture_of_bernoullis import MixtureOfBernoullis
from dgmbench.models.points.mixture_of_gaussians import COVARIANCES, MixtureOfGaussians, start
from dgmbench.run import checkpoint
from dgmbench.run.progress import Step, watched

RANDOM = np.random.default_rng(0)
TRUE = RANDOM.random((3, 12)).round()  # three patterns of 12 pixels
BITS = (RANDOM.random((240, 12)) < 0.1 + 0.8 * TRUE[np.arange(240) % 3]).astype(np.uint8)
# four clusters of different sizes, shapes and directions
POINTS = np.concatenate(
    [
        RANDOM.standard_normal((n, 2)) @ RANDOM.standard_normal((2, 2)) + 6 * RANDOM.standard_normal(2)
        for n in (30, 50, 80, 40)
    ]
)


def bernoullis(components: tuple[int, ...] = (3,), **options: Any) -> MixtureOfBernoullis:
    return MixtureOfBernoullis(components, **{"tolerance": 1e-9, "iterations": 25, **options})


def gaussians(components: tuple[int, ...] = (4,), **options: Any) -> MixtureOfGaussians:
    return MixtureOfGaussians(components, **{"starts": 3, "iterations": 60, **options})


MIXTURES: dict[str, tuple[Callable[..., Any], np.ndarray]] = {
    "bernoullis": (bernoullis, BITS),
    "bernoullis, strongly smoothed": (lambda *a, **o: bernoullis(*a, smoothing=2.0, **o), BITS),
    "bernoullis, more components than patterns": (lambda *a, **o: bernoullis((20,), **o), BITS),
    **{name: (lambda *a, name=name, **o: gaussians(*a, covariance=name, **o), POINTS) for name in COVARIANCES},
    "gaussians, a component a point": (lambda *a, **o: gaussians((20,), **o), POINTS[:20]),
}
mixtures = pytest.mark.parametrize(("make", "data"), MIXTURES.values(), ids=MIXTURES)


@mixtures
@pytest.mark.parametrize("seed", [0, 1])
def test_the_bound_never_falls_and_repeats_bit_for_bit(make: Callable[..., Any], data: np.ndarray, seed: int) -> None:
    model, again = make(), make()
    fit = model.fit(data, seed=seed)
    assert len(fit.bounds) > 1 and np.isfinite(fit.bounds).all()
    assert np.diff(fit.bounds).min() > -1e-12 * abs(fit.bounds[0])
    assert again.fit(data, seed=seed) == fit
    for name, values in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], values, rtol=0, atol=0)


@mixtures
def test_the_last_bound_is_that_of_the_parameters_and_weights_sum_to_one(
    make: Callable[..., Any], data: np.ndarray
) -> None:
    model = make()
    fit = model.fit(data)
    log_p = float(model.log_prob(data).sum())
    if isinstance(model, MixtureOfBernoullis):
        theta = model.probabilities
        prior = model.smoothing * float(model.weights.log().sum() + (theta * (1 - theta)).log().sum())
    else:
        penalty = model.floor * data.var(axis=0).mean()
        prior = -0.5 * penalty * float(torch.linalg.inv(model.covariances).diagonal(dim1=1, dim2=2).sum())
    assert fit.bounds[-1] == pytest.approx((log_p + prior) / len(data), rel=1e-12)
    assert float(model.weights.sum()) == pytest.approx(1, abs=1e-12)


@mixtures
def test_a_fitted_mixture_is_kept_and_loaded_whatever_its_size(make: Callable[..., Any], data: np.ndarray) -> None:
    model, other = make(), make()
    model.fit(data)
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other.log_prob(data), model.log_prob(data), rtol=0, atol=0)


@pytest.mark.parametrize("smoothing", [1e-3, 0.1, 1.0])
@pytest.mark.parametrize("k", [1, 3, 7])
def test_a_mixture_of_bernoullis_has_the_probability_of_its_definition(k: int, smoothing: float) -> None:
    model = bernoullis((k,), smoothing=smoothing)
    model.fit(BITS)
    theta, weights = model.probabilities.numpy(), model.weights.numpy()
    expected = [
        np.log(sum(w * np.prod(np.where(x, p, 1 - p)) for w, p in zip(weights, theta, strict=True))) for x in BITS
    ]
    np.testing.assert_allclose(model.log_prob(BITS), expected, rtol=0, atol=1e-9)


def test_the_probabilities_of_all_images_sum_to_one() -> None:
    model = bernoullis()
    model.fit(BITS[:, :10])
    everything = (np.arange(2**10)[:, None] >> np.arange(10)) & 1
    assert float(model.log_prob(everything).exp().sum()) == pytest.approx(1, abs=1e-12)


def test_one_component_is_the_smoothed_frequency_of_each_pixel() -> None:
    model = bernoullis((1,), smoothing=0.5)
    model.fit(BITS)
    np.testing.assert_allclose(model.probabilities[0], (BITS.sum(axis=0) + 0.5) / (len(BITS) + 1), rtol=1e-14)


def test_planted_patterns_are_found() -> None:
    many = (np.random.default_rng(5).random((3000, 12)) < 0.1 + 0.8 * TRUE[np.arange(3000) % 3]).astype(np.uint8)
    model = bernoullis(starts=5)
    model.fit(many)
    np.testing.assert_array_equal(np.unique(model.probabilities.round(), axis=0), np.unique(TRUE, axis=0))
    assert float((model.probabilities - 0.5).abs().mean()) == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("k", [1, 4])
def test_a_mixture_of_gaussians_has_the_density_of_its_definition(k: int, covariance: str) -> None:
    model = gaussians((k,), covariance=covariance)
    model.fit(POINTS)
    parts = zip(model.weights.numpy(), model.means.numpy(), model.covariances.numpy(), strict=True)
    expected = np.log(sum(w * multivariate_normal(m, c).pdf(POINTS) for w, m, c in parts))
    np.testing.assert_allclose(model.log_prob(POINTS), expected, rtol=0, atol=1e-9)
    for matrix in model.covariances.numpy():
        assert covariance == "full" or matrix[0, 1] == 0
        assert covariance != "spherical" or matrix[0, 0] == matrix[1, 1]


@pytest.mark.network  # the cache of datasets
@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize(("name", "k"), [("two-moons", 3), ("rings", 3), ("old-faithful-like", 2)])
def test_the_likelihood_is_that_of_scikit_learn_from_the_same_starts(name: str, k: int, covariance: str) -> None:
    points = load_points(name).train[:150]
    model = MixtureOfGaussians([k], covariance, starts=3, iterations=2000, tolerance=1e-11, floor=1e-9)
    model.fit(points, seed=1)
    kind = {"full": "full", "diagonal": "diag", "spherical": "spherical"}[covariance]
    theirs = []
    for number in range(3):
        first = start(torch.from_numpy(points), k, covariance, 1e-9 * points.var(axis=0).mean(), [1, k, number])
        precisions = torch.linalg.inv(first["covariances"]).numpy()
        given = {"full": precisions, "diag": precisions.diagonal(axis1=1, axis2=2), "spherical": precisions[:, 0, 0]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = GaussianMixture(
                k,
                covariance_type=kind,
                tol=1e-11,
                reg_covar=0,
                max_iter=2000,
                weights_init=first["weights"].numpy(),
                means_init=first["means"].numpy(),
                precisions_init=given[kind],
            ).fit(points)
        theirs.append(other.score(points))
    assert float(model.log_prob(points).mean()) == pytest.approx(max(theirs), abs=1e-6)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_criterion_is_that_of_scikit_learn_and_the_smallest_wins(covariance: str) -> None:
    model = gaussians((1, 2, 4, 6), covariance=covariance)
    fit = model.fit(POINTS)
    kind = {"full": "full", "diagonal": "diag", "spherical": "spherical"}[covariance]
    for k in (1, fit.components):
        other = GaussianMixture(k, covariance_type=kind).fit(POINTS)
        expected = other._n_parameters() * np.log(len(POINTS)) - 2 * len(POINTS) * other.score(POINTS)
        if k == 1:
            assert -fit.by_components[1] == pytest.approx(expected, abs=1e-2)
        assert model.free_parameters(k, 2) == other._n_parameters()
    assert fit.by_components[fit.components] == max(fit.by_components.values()) and fit.components > 1


def test_the_components_of_bernoullis_are_chosen_on_held_out_images() -> None:
    model, alone = bernoullis((1, 3, 60)), bernoullis((3,))
    fit = model.fit(BITS[:180], BITS[180:])
    assert fit.components == 3 and list(fit.by_components) == [1, 3, 60]
    alone.fit(BITS[:180])
    assert fit.by_components[3] == pytest.approx(float(alone.log_prob(BITS[180:]).mean()), rel=1e-12)
    assert fit.free_parameters == 2 + 3 * 12


def test_without_held_out_images_the_last_sixth_chooses_and_all_are_fitted() -> None:
    model, choosing, alone = bernoullis((1, 3, 60)), bernoullis((1, 3, 60)), bernoullis((3,))
    fit, on_a_part = model.fit(BITS), choosing.fit(BITS[:200], BITS[200:])
    assert fit.by_components == on_a_part.by_components
    # the fit goes on from that of a part, and ends where one of all ends
    assert len(fit.bounds) < len(on_a_part.bounds)
    assert float(model.log_prob(BITS).mean()) > float(choosing.log_prob(BITS).mean())
    assert fit.bounds[-1] == pytest.approx(alone.fit(BITS).bounds[-1], abs=0.01)


def test_more_starts_are_never_worse() -> None:
    bounds = [gaussians((6,), starts=starts).fit(POINTS).bounds[-1] for starts in (1, 2, 5)]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize("make", [gaussians, bernoullis], ids=["gaussians", "bernoullis"])
def test_samples_have_the_moments_of_what_was_fitted(make: Callable[..., Any]) -> None:
    model, data = make(), POINTS if make is gaussians else BITS
    model.fit(data)
    drawn = model.sample(20_000, seed=3)
    torch.testing.assert_close(model.sample(20_000, seed=3), drawn, rtol=0, atol=0)
    error = data.std(axis=0) / np.sqrt(20_000)
    assert (np.abs(drawn.numpy().mean(axis=0) - data.mean(axis=0)) < 5 * error + 0.01).all()


class KilledError(Exception):
    """Stands for the death of the process."""


@pytest.mark.parametrize("last", [1, 2, 5, 9, 14])
@pytest.mark.parametrize("make", [gaussians, bernoullis], ids=["gaussians", "bernoullis"])
def test_a_killed_fit_goes_on_to_the_same_bits(
    make: Callable[..., Any], last: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = POINTS if make is gaussians else BITS
    few: dict[str, Any] = {"iterations": 8, "starts": 2}
    whole, resumed = make((2, 5), **few), make((2, 5), **few)
    expected = whole.fit(data, data[:20])
    steps = count_steps(monkeypatch)
    again = make((2, 5), **few)
    again.fit(data, data[:20])
    of_all, steps[0] = steps[0], 0
    written, write = [0], checkpoint.write_arrays

    def dying(path: Path, **arrays: np.ndarray) -> None:
        write(path, **arrays)
        written[0] += 1
        if written[0] == last:
            raise KilledError

    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SHARE", float("inf"))
    monkeypatch.setattr(checkpoint, "write_arrays", dying)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    with pytest.raises(KilledError):
        make((2, 5), **few).fit(data, data[:20], state=tmp_path, fingerprint="one")
    steps[0] = 0
    fit = resumed.fit(data, data[:20], state=tmp_path, fingerprint="one")
    assert dataclasses.replace(fit, earlier=(0.0, 0.0)) == expected and all(seconds > 0 for seconds in fit.earlier)
    assert steps[0] < of_all
    for name, values in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], values, rtol=0, atol=0)


def count_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps were computed, in the first place of a list."""
    steps, logsumexp = [0], torch.logsumexp

    def counting(*given: Any, **named: Any) -> torch.Tensor:
        steps[0] += 1
        return logsumexp(*given, **named)

    monkeypatch.setattr(torch, "logsumexp", counting)
    return steps


with_nan = POINTS.copy()
with_nan[7, 1] = np.nan
MISTAKES: dict[str, tuple[Callable[[], Any], np.ndarray, str]] = {
    "fewer points than components": (gaussians, POINTS[:3], "3 examples are fewer than 4 components"),
    "fewer images than components": (lambda: bernoullis((500,)), BITS, "240 examples are fewer than 500 components"),
    "NaN": (gaussians, with_nan, r"example 7 \(from 0\) has a value that is NaN"),
    "infinity": (gaussians, np.where(np.isnan(with_nan), np.inf, with_nan), "example 7"),
    "one dimension": (gaussians, POINTS[:, 0], r"the data has the shape \(200,\); give \(examples, dimensions\)"),
    "images with height and width": (bernoullis, BITS.reshape(-1, 3, 4), r"shape \(240, 3, 4\)"),
    "no points": (gaussians, POINTS[:0], r"shape \(0, 2\)"),
    "grey": (bernoullis, BITS * 255, "not all 0 or 1; binarise"),
    "fractions": (bernoullis, BITS * 0.5, "not all 0 or 1"),
    "all the same": (gaussians, np.ones((50, 2)), "all 50 points are the same"),
}


@pytest.mark.parametrize(("make", "data", "message"), MISTAKES.values(), ids=MISTAKES)
def test_bad_data_ends_in_one_line(make: Callable[[], Any], data: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message) as found:
        make().fit(data)
    assert "\n" not in str(found.value)


OPTIONS: dict[str, tuple[Callable[[], Any], str]] = {
    "covariance": (lambda: gaussians(covariance="round"), "give one of full, diagonal, spherical"),
    "floor": (lambda: gaussians(floor=0), "floor is 0"),
    "smoothing": (lambda: bernoullis(smoothing=0), "smoothing is 0"),
    "starts": (lambda: gaussians(starts=0), "at least 1"),
    "iterations": (lambda: bernoullis(iterations=0), "at least 1"),
    "no components": (lambda: gaussians(()), "whole numbers of at least 1"),
    "half a component": (lambda: bernoullis((0.5,)), "whole numbers of at least 1"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("make", "message"), OPTIONS.values(), ids=OPTIONS)
def test_bad_options_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises((ValueError, UserError), match=message):
        make()


def test_numbers_of_components_beyond_the_examples_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert em.possible([500, 10, 2], 100, "mixture") == [2, 10]
    assert "no more than 10 components are tried" in caplog.text


@pytest.mark.parametrize("components", [(1,), (3,), (2, 4), (1, 2, 3), (5,)])
def test_whoever_watches_is_told_each_step_of_a_fit_and_each_number_of_components(components: tuple[int, ...]) -> None:
    steps: list[Step] = []
    with watched(steps.append):
        fit = bernoullis(components).fit(BITS, BITS[:20])
        gaussians(components, starts=1, iterations=3).fit(POINTS)
    told: dict[str, list[Step]] = {}
    for step in steps:
        told.setdefault(step.what, []).append(step)
    for what in ("mixture of Bernoullis: K", "mixture of Gaussians: K"):
        assert [(step.done, step.total, step.values) for step in told.pop(what)] == [
            (number + 1, len(components), {}) for number in range(len(components))
        ]
    assert list(told) == [f"{k} components: step" for k in components]
    of_chosen = told[f"{fit.components} components: step"]
    assert [step.values for step in of_chosen] == [{f"{fit.components} components: bound": b} for b in fit.bounds]
    assert [step.done for step in of_chosen] == list(range(1, len(fit.bounds) + 1))


def test_a_resumed_fit_is_counted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SHARE", float("inf"))
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    steps: list[Step] = []
    with pytest.raises(KeyboardInterrupt), watched(_stop_after(4, steps)):
        bernoullis().fit(BITS, BITS[:20], state=tmp_path, fingerprint="a")
    before = [step.done for step in steps]
    with watched(steps.append):
        fit = bernoullis().fit(BITS, BITS[:20], state=tmp_path, fingerprint="a")
    assert before == [1, 2, 3, 4]
    # the step under way when it was killed is repeated
    assert [step.done for step in steps[4:] if step.what.endswith("step")] == list(range(4, len(fit.bounds) + 1))


def _stop_after(n: int, steps: list[Step]) -> Callable[[Step], None]:
    def watch(step: Step) -> None:
        steps.append(step)
        if step.done == n:
            raise KeyboardInterrupt

    return watch
