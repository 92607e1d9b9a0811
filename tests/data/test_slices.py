"""Slices of time: as many documents in each, in the order of their dates, whatever order these stand in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dgmbench.data.slices import time_slices
from dgmbench.errors import UserError


@pytest.mark.parametrize(("documents", "n"), [(6, 3), (7, 3), (8, 3), (9, 9), (100, 7), (1, 1)])
def test_slices_are_of_one_size_and_in_the_order_of_time(documents: int, n: int) -> None:
    days = np.datetime64("1987-02-26") + np.random.default_rng(documents).permutation(documents)
    slices = time_slices(days, n, "mine")
    sizes = np.bincount(slices, minlength=n)
    assert len(sizes) == n and sizes.max() - sizes.min() <= 1
    assert (np.diff(slices[np.argsort(days)]) >= 0).all()


@pytest.mark.parametrize(
    "dates",
    [
        np.array(["1987-02-28", "1987-02-26", "1987-02-27", "1987-02-26"], "datetime64[D]"),
        np.array(["1987-02-28", "1987-02-26", "1987-02-27", "1987-02-26"], "datetime64[ns]"),
        ["1987-02-28", "1987-02-26", "1987-02-27", "1987-02-26"],
        ["1987-02-28T12:00", "1987-02-26T23:59:59", "1987-02-27", "1987-02-26T23:59:59"],
        np.array(["1987-05", "1987-03", "1987-04", "1987-03"], object),
    ],
)
def test_dates_may_be_of_any_precision_and_of_equal_ones_the_earlier_document_comes_first(dates: Any) -> None:
    np.testing.assert_array_equal(time_slices(dates, 4, "mine"), [3, 0, 2, 1])


@pytest.mark.parametrize(
    ("dates", "n", "line"),
    [
        (None, 2, "mine: its documents have no dates"),
        (["1987-02-26", "yesterday"], 2, "mine: the date of document 1 is 'yesterday', which cannot be read"),
        (["1987-13-01", "1987-02-26"], 2, "document 0 is '1987-13-01'"),
        (np.array(["1987-02-26", "NaT"], "datetime64[s]"), 2, "document 1 is 'NaT'"),
        ([None, "1987-02-26"], 2, "document 0 is 'None'"),
        ([{}, "1987-02-26"], 2, "document 0 is '{}'"),
        (["1987-02-26", "1987-02-27"], 3, "mine: 3 slices of 2 documents; ask for fewer"),
    ],
)
def test_what_cannot_be_sliced_is_said_in_one_line(dates: Any, n: int, line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        time_slices(dates, n, "mine")
    assert "\n" not in str(caught.value)
