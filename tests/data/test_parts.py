"""A part of a dataset has every class in its share."""

from __future__ import annotations

import numpy as np
import pytest

from dgmbench.data.parts import evenly_spaced

SORTED = np.repeat(np.arange(5), 20)
TURNS = np.tile(np.arange(5), 20)  # a fixed step through them would take one class alone
MIXED = np.random.default_rng(0).permutation(SORTED)


@pytest.mark.parametrize("labels", [SORTED, TURNS, MIXED])
@pytest.mark.parametrize("limit", [5, 20, 35, 99])
def test_every_class_has_its_share(labels: np.ndarray, limit: int) -> None:
    places = evenly_spaced(100, labels, limit)
    assert len(np.unique(places)) == limit and (np.diff(places) > 0).all()
    assert np.ptp(np.bincount(labels[places], minlength=5)) <= 1


@pytest.mark.parametrize("limit", [0, 100, 101])
def test_no_limit_takes_all(limit: int) -> None:
    assert evenly_spaced(100, TURNS, limit).tolist() == list(range(100))


def test_without_labels_the_order_counts() -> None:
    assert evenly_spaced(9, None, 3).tolist() == [0, 4, 8]
