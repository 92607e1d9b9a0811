"""The linear classifier that features are judged by."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dgmbench.metrics import linear_probe as module
from dgmbench.metrics.linear_probe import PENALTIES, Examples, Probe, linear_probe


def drawn(n: int, seed: int, noise: float = 1.0, classes: int = 3, width: int = 6) -> Examples:
    """Each class around a corner of its own."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    return Examples(3 * np.eye(classes, width)[labels] + noise * random.standard_normal((n, width)), labels)


def probe(change: object = None, noise: float = 1.0, standardised: bool = True) -> Probe:
    parts = [drawn(n, seed, noise) for seed, n in enumerate((300, 200, 400))]
    if callable(change):
        parts = [dataclasses.replace(part, features=change(part.features)) for part in parts]
    return linear_probe(*parts, standardised=standardised)


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_classes_that_lie_apart_are_told_apart(classes: int) -> None:
    parts = [drawn(300, seed, noise=0.2, classes=classes) for seed in range(3)]
    found = linear_probe(*parts)
    assert not found.wrong.any() and found.valid_error == 0 and found.converged and found.wrong.shape == (300,)


def test_the_error_is_that_of_the_best_classifier_there_is() -> None:
    """Two classes a distance of 2 apart with unit variance: the least error is Φ(−1) = 15.9 %."""
    random = np.random.default_rng(0)
    parts = []
    for n in (4000, 2000, 20_000):
        labels = random.integers(0, 2, n)
        parts.append(Examples(np.c_[2.0 * labels, np.zeros(n)] + random.standard_normal((n, 2)), labels))
    assert linear_probe(*parts).wrong.mean() == pytest.approx(0.1587, abs=0.008)


def test_features_without_information_give_chance() -> None:
    found = probe(lambda features: np.random.default_rng(len(features)).standard_normal(features.shape))
    assert found.wrong.mean() == pytest.approx(2 / 3, abs=0.08)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: 1000 * x,
        lambda x: x * 10.0 ** np.arange(-3, 3),
        lambda x: x - 50,
        lambda x: np.c_[x, np.full(len(x), 7.0)],
        lambda x: x[:, ::-1],
    ],
    ids=["scaled", "scaled each", "shifted", "with a constant", "reversed"],
)
def test_units_and_constants_do_not_count(change: object) -> None:
    plain, changed = probe(), probe(change)
    assert plain.penalty == changed.penalty
    assert np.mean(plain.wrong != changed.wrong) <= 0.01  # up to the solver's tolerance


@pytest.mark.parametrize("change", [lambda x: 1000 * x, lambda x: x - 50, lambda x: np.c_[x, np.full(len(x), 7.0)]])
def test_without_standardising_the_common_unit_and_constants_do_not_count(change: object) -> None:
    plain, changed = probe(standardised=False), probe(change, standardised=False)
    assert plain.penalty == changed.penalty
    assert np.mean(plain.wrong != changed.wrong) <= 0.01  # up to the solver's tolerance


def test_small_features_matter_little_where_they_are_not_standardised() -> None:
    """With ten examples of a class and 200 features that are noise of a hundredth of the others' size."""
    parts = [drawn(n, seed, noise=1.0) for seed, n in enumerate((30, 300, 2000))]
    random = np.random.default_rng(0)
    noisy = [Examples(np.c_[p.features, 0.01 * random.standard_normal((len(p.labels), 200))], p.labels) for p in parts]
    alone, own_size, standardised = (
        float(linear_probe(*of, standardised=each).wrong.mean())
        for of, each in ((parts, False), (noisy, False), (noisy, True))
    )
    assert own_size == pytest.approx(alone, abs=0.02)
    assert standardised > alone + 0.1


@pytest.mark.parametrize("noise", [1.5, 3.0, 5.0, 8.0, 12.0])
def test_the_penalty_is_the_first_minimum_of_the_validation_error(noise: float) -> None:
    from sklearn.linear_model import LogisticRegression

    train, valid, test = (drawn(n, seed, noise, width=30) for seed, n in enumerate((60, 300, 50)))
    shift, scale = train.features.mean(0), train.features.std(0)
    found, errors = linear_probe(train, valid, test), []
    for penalty in PENALTIES[: PENALTIES.index(found.penalty) + 1]:
        machine = LogisticRegression(C=1 / (penalty * 60), max_iter=5000, tol=1e-8)
        machine.fit((train.features - shift) / scale, train.labels)
        errors.append(float(np.mean(machine.predict((valid.features - shift) / scale) != valid.labels)))
    assert found.valid_error == pytest.approx(errors[-1], abs=0.011)
    assert found.valid_error <= min(errors) + 0.011


def test_the_test_labels_decide_nothing() -> None:
    train, valid, test = (drawn(n, seed, 2.0) for seed, n in enumerate((100, 100, 100)))
    mixed = Examples(test.features, np.random.default_rng(0).permutation(test.labels))
    one, other = linear_probe(train, valid, test), linear_probe(train, valid, mixed)
    assert one.penalty == other.penalty and one.valid_error == other.valid_error
    predictions = [np.where(found.wrong, -1, part.labels) for found, part in ((one, test), (other, mixed))]
    both_right = (predictions[0] >= 0) & (predictions[1] >= 0)
    np.testing.assert_array_equal(predictions[0][both_right], predictions[1][both_right])


def test_a_class_that_is_not_trained_is_wrong_throughout() -> None:
    train, valid, test = (drawn(200, seed, 0.1, classes=3) for seed in range(3))
    known = train.labels < 2
    found = linear_probe(Examples(train.features[known], train.labels[known]), valid, test)
    np.testing.assert_array_equal(found.wrong, test.labels == 2)


def test_a_solver_that_stops_early_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "MAX_ITERATIONS", 1)
    assert not probe().converged
    assert "the linear classifier stopped after 1 iterations" in caplog.text


def test_it_repeats_bit_for_bit() -> None:
    one, other = probe(noise=3.0), probe(noise=3.0)
    np.testing.assert_array_equal(one.wrong, other.wrong)
    assert (one.penalty, one.valid_error) == (other.penalty, other.valid_error)
