"""Paired intervals against scipy, and against what is known without computing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind, ttest_rel
from sklearn.metrics import f1_score

from dgmbench.metrics.differences import Draws, _over_seeds, drawn_difference, example_draws, f1_draws, mean_difference


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 200), level=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_mean_difference_is_the_interval_of_a_paired_t_test(seed, n, level):
    rng = np.random.default_rng(seed)
    common = rng.normal(-90, 20, n)
    ours, theirs = common + rng.normal(0.3, 1, n), common + rng.normal(0, 1, n)
    found = mean_difference(ours, theirs, level)
    expected = ttest_rel(ours, theirs).confidence_interval(level)
    assert found.mean == pytest.approx((ours - theirs).mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.excludes_zero == (ttest_rel(ours, theirs).pvalue < 1 - level)


def test_one_example_says_nothing_and_other_examples_are_refused():
    assert not mean_difference(np.array([3.0]), np.array([1.0])).excludes_zero
    with pytest.raises(ValueError, match="same examples"):
        mean_difference(np.zeros(3), np.zeros(4))


def test_with_nothing_but_seeds_to_differ_the_interval_is_welchs():
    rng = np.random.default_rng(4)
    image = rng.normal(-90, 20, 50)
    ours, theirs = rng.normal(1, 0.1, 5), rng.normal(0, 0.3, 3)
    found = mean_difference(image + ours[:, None], image + theirs[:, None])
    expected = ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_interval_covers_the_true_difference_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covered, alone = 0, 0
    for _ in range(1000):
        image = rng.normal(-90, 20, 100)
        ours = image + rng.normal(0.5, 0.2, (3, 1)) + rng.normal(0, 0.5, (3, 100))
        theirs = image + rng.normal(0.0, 0.2, (3, 1)) + rng.normal(0, 0.5, (3, 100))
        found, naive = mean_difference(ours, theirs), mean_difference(ours.mean(axis=0), theirs.mean(axis=0))
        covered += found.low <= 0.5 <= found.high
        alone += naive.low <= 0.5 <= naive.high
    assert 930 <= covered <= 990
    assert alone < 600  # what images alone would claim


def wrong_sometimes(labels, share, n_seeds, rng, classes=5):
    """(seeds, documents) the labels, but for a share of the documents, which get any class."""
    shape = (n_seeds, len(labels))
    return np.where(rng.random(shape) < share, rng.integers(0, classes, shape), labels)


def test_drawn_difference_is_the_difference_of_macro_f1():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 5, 400)
    draws = example_draws(400)
    ours, theirs = wrong_sometimes(labels, 0.1, 2, rng, classes=6), wrong_sometimes(labels, 0.3, 1, rng)
    first, second = f1_draws(labels, ours, draws), f1_draws(labels, theirs, draws)
    for found, predictions in ((first, ours), (second, theirs)):
        expected = [100 * f1_score(labels, one, average="macro") for one in predictions]
        np.testing.assert_allclose(found.observed, expected)
    found = drawn_difference(first, second)
    assert found.mean == pytest.approx(first.observed.mean() - second.observed.mean())
    assert found.low < found.mean < found.high
    assert found.excludes_zero and found == drawn_difference(first, second)
    one = Draws(first.observed[:1], first.drawn[:1])
    assert drawn_difference(one, one) == (0.0, 0.0, 0.0)


def test_a_draw_is_macro_f1_of_the_drawn_documents():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, 50)
    predictions, draws = wrong_sometimes(labels, 0.4, 1, rng, classes=3), example_draws(50, 20)
    assert (draws.sum(axis=1) == 50).all()
    found = f1_draws(labels, predictions, draws).drawn[0]
    for value, draw in zip(found, draws, strict=True):
        chosen = np.repeat(np.arange(50), draw.astype(int))
        expected = f1_score(labels[chosen], predictions[0][chosen], average="macro", labels=[0, 1, 2], zero_division=0)
        assert value == pytest.approx(100 * expected)


def test_seeds_that_differ_widen_the_interval_as_their_standard_error_says():
    # documents change nothing here: all the width comes from the seeds
    seeds = np.array([90.0, 91.0, 92.0, 93.0, 97.0])
    many = Draws(seeds, np.repeat(seeds[:, None], 20_000, axis=1))
    fixed = Draws(np.array([80.0]), np.full((1, 20_000), 80.0))
    drawn = _over_seeds(many.drawn, np.random.default_rng(0))
    assert drawn.std() == pytest.approx(seeds.std(ddof=1) / np.sqrt(5), rel=0.02)
    assert drawn.mean() == pytest.approx(seeds.mean(), abs=0.05)
    found = drawn_difference(many, fixed)
    assert found.mean == pytest.approx(12.6) and found.low < 11 and found.high > 14


@pytest.mark.parametrize(("n_ours", "n_theirs"), [(5, 5), (3, 3), (2, 2), (2, 5), (3, 2)])
@pytest.mark.parametrize("sd_documents", [0.02, 0.3])
def test_the_f1_interval_of_few_seeds_covers_as_often_as_it_says(n_ours, n_theirs, sd_documents):
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(200):
        drawn = rng.normal(0, sd_documents, 400)
        ours = rng.normal(1 + rng.normal(0, sd_documents), 0.5, n_ours)
        theirs = rng.normal(0, 0.5, n_theirs)
        found = drawn_difference(
            Draws(ours, ours[:, None] + drawn), Draws(theirs, np.repeat(theirs[:, None], 400, axis=1))
        )
        covered += found.low <= 1 <= found.high
    assert covered >= 181  # of 200 at 95 %: fewer are a chance of less than 1 %


def test_the_f1_interval_of_one_seed_is_that_of_the_documents():
    rng = np.random.default_rng(7)
    ours, theirs = (Draws(np.array([mean]), rng.normal(mean, 1, (1, 1000))) for mean in (91.0, 90.0))
    found = drawn_difference(ours, theirs)
    low, high = np.quantile(ours.drawn[0] - theirs.drawn[0], [0.025, 0.975])
    assert found == pytest.approx((1.0, low, high), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_f1_of_documents_that_do_not_vary_has_no_interval(n):
    labels = np.zeros(n, int)
    draws = example_draws(n, 50)
    ours, theirs = (f1_draws(labels, np.full((1, n), given), draws) for given in (0, 1))
    found = drawn_difference(ours, theirs)
    assert found.mean > 0 and not found.is_known and not found.excludes_zero
    assert drawn_difference(ours, ours) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("n", "known"), [(1, False), (2, False), (5, False), (6, True), (50, True)])
def test_equal_differences_are_certain_only_where_chance_could_not_make_them(n, known):
    found = mean_difference(np.full(n, 3.0), np.full(n, 1.0))
    assert found.mean == 2.0 and found.is_known == found.excludes_zero == known
