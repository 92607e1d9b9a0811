"""Documents in slices of time: as many in each, in the order of their dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dgmbench.errors import UserError, counted


def time_slices(dates: Sequence[Any] | np.ndarray | None, n: int, what: str) -> np.ndarray:
    """(documents,) int64, the slice of each document from 0 to n − 1; of equal dates the earlier document comes first.

    Slices differ by one document at most, so that a slice may end within a day.

    Args:
        dates: (documents,) datetime64, or what numpy reads as such; None where they are not known.
        n: how many slices.
        what: is sliced, as in "my-corpus", for messages.

    Raises:
        UserError: there are no dates, one cannot be read, or there are more slices than documents.
    """
    if dates is None:
        raise UserError(f"{what}: its documents have no dates to cut slices by; take a corpus with dates, or slices: 0")
    moments = read_dates(dates, what)
    if n > len(moments):
        raise UserError(f"{what}: {n} slices of {counted(len(moments), 'document')}; ask for fewer slices")
    found = np.empty(len(moments), np.int64)
    found[np.argsort(moments, kind="stable")] = np.arange(len(moments)) * n // len(moments)
    return found


def read_dates(dates: Sequence[Any] | np.ndarray, what: str) -> np.ndarray:
    """(documents,) datetime64 to the second, so that days and moments within them compare.

    Raises:
        UserError: one cannot be read.
    """
    moments = np.empty(len(dates), "datetime64[s]")
    for i, date in enumerate(dates):
        try:
            moments[i] = np.datetime64(date, "s")
        except (TypeError, ValueError):
            moments[i] = np.datetime64("NaT")
        if np.isnat(moments[i]):
            raise UserError(
                f"{what}: the date of document {i} is {str(date)!r}, which cannot be read; write it as 1987-02-26 or "
                "1987-02-26T15:01:01"
            )
    return moments
