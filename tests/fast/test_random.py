"""The generator of standard normal numbers: its words against the published algorithm, its numbers against N(0, 1)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from dgmbench.fast.images.fused import standard_noise as noise
from dgmbench.fast.random import LANES, PAIRS, standard_normal, state_from, step


def xoshiro128pp(state: list[int]) -> int:
    """One step of xoshiro128++ as Blackman and Vigna publish it."""

    def rotate(x: int, by: int) -> int:
        return (x << by | x >> 32 - by) & 0xFFFFFFFF

    result = (rotate((state[0] + state[3]) & 0xFFFFFFFF, 7) + state[0]) & 0xFFFFFFFF
    shifted = state[1] << 9 & 0xFFFFFFFF
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = rotate(state[3], 11)
    return result


def drawn(n: int, seed: bytes = b"1") -> np.ndarray:
    out = np.empty(n, np.float32)
    standard_normal(state_from(seed), out)
    return out


def words(seed: bytes, steps: int) -> np.ndarray:
    """(steps, lanes)."""
    state, out = state_from(seed), np.empty((steps, LANES), np.uint32)
    for row in out:
        step(*state, row)
    return out


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    return drawn(2_000_000).astype(np.float64)


def test_words_are_those_of_the_published_algorithm_in_every_lane() -> None:
    state = state_from(b"any")
    lanes = [[int(word) for word in state[:, lane]] for lane in range(LANES)]
    assert words(b"any", 50).tolist() == [[xoshiro128pp(lane) for lane in lanes] for _ in range(50)]


def test_numbers_are_the_transform_of_the_words() -> None:
    both = words(b"2", 80)
    first, second = both[::2], both[1::2]
    radius = np.sqrt(-2 * np.log(((first >> 1) + 0.5) / 2**31)) * np.where(first & 1, -1, 1)
    angle = second.view(np.int32) * (math.pi / 2**32)
    expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    np.testing.assert_allclose(drawn(40 * PAIRS, b"2").reshape(40, PAIRS), expected, rtol=1e-5, atol=2e-6)


def test_distribution(many: np.ndarray) -> None:
    assert stats.kstest(many, "norm").pvalue > 1e-3
    for power, expected in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
        values = many**power
        assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(len(many))
    for limit in (2, 3, 4):
        expected_count = len(many) * stats.norm.sf(limit)
        for tail in (many > limit, many < -limit):
            assert abs(tail.sum() - expected_count) < 4 * math.sqrt(expected_count)


def test_numbers_do_not_depend_on_each_other(many: np.ndarray) -> None:
    for values in (many, many**2 - 1, np.abs(many) - math.sqrt(2 / math.pi)):
        for lag in (1, 2, LANES, PAIRS, PAIRS + LANES, 50):
            products = values[lag:] * values[:-lag]
            assert abs(products.mean()) < 4.5 * products.std() / math.sqrt(len(products))
    # each lane and half alone, and all pairs of them
    columns = many[: len(many) // PAIRS * PAIRS].reshape(-1, PAIRS)
    assert all(stats.kstest(column, "norm").pvalue > 1e-4 for column in columns.T)
    correlations = np.corrcoef(columns.T)[np.triu_indices(PAIRS, 1)] * math.sqrt(len(columns))
    assert np.abs(correlations).max() < 5


def test_other_seeds_give_other_numbers() -> None:
    starts = np.stack([drawn(PAIRS, b"%d" % seed) for seed in range(20_000)]).astype(np.float64)
    assert stats.kstest(starts[:, 0], "norm").pvalue > 1e-3
    assert abs(np.corrcoef(starts[1:, 0], starts[:-1, 0])[0, 1]) < 4.5 / math.sqrt(len(starts))
    assert len(np.unique(starts[:, 0])) > 19_900


def test_a_seed_s_numbers_repeat_and_fewer_are_the_first_of_more() -> None:
    assert drawn(1000).tolist() == drawn(1000).tolist()
    for n in (1, PAIRS - 1, PAIRS, PAIRS + 1, 999):
        assert drawn(n).tolist() == drawn(1000)[:n].tolist()


def test_the_noise_of_a_training_follows_from_the_seed_and_goes_on() -> None:
    torch.manual_seed(3)
    first, second = noise(5, 40, 50), noise(5, 40, 50)
    torch.manual_seed(3)
    np.testing.assert_array_equal(noise(5, 40, 50), first)
    # of 10,000 independent pairs the correlation has a standard error of 0.01
    assert abs(np.corrcoef(first.flatten(), second.flatten())[0, 1]) < 0.05
    assert abs(np.corrcoef(first[0].flatten(), first[1].flatten())[0, 1]) < 0.1
    assert abs(float(first.std()) - 1) < 0.05
