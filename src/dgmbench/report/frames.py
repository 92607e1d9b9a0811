"""Tables of an analysis, read back from their CSV files and printed for the report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmbench.report.sheet import DASH, Grid

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("dgmbench")

Words = Callable[[Any], str]


def read_frame(path: Path, columns: Sequence[str], text: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV file; a frame without rows where there is none, or it is broken or lacks a column, which is logged.

    Args:
        text: columns that are names, even where they look like numbers.
    """
    import pandas as pd

    if not path.is_file():
        return pd.DataFrame(columns=list(columns))
    try:
        # a name may be "null", or look like a number
        gaps = {str(name): ["", "nan"] for name in pd.read_csv(path, nrows=0) if name not in text}
        frame = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=gaps)
        if lacking := [name for name in columns if name not in frame]:
            raise ValueError(f"no column {', '.join(lacking)}")
    except (OSError, ValueError) as error:
        log.warning("%s cannot be shown (%s); run the analysis again", path, error)
        return pd.DataFrame(columns=list(columns))
    return frame


def grid_of(title: str, frame: pd.DataFrame, columns: Mapping[str, tuple[str, Words | int | None]], note: str) -> Grid:
    """Columns of a frame as a table.

    Args:
        columns: by name, the heading and how a value is printed: a function of the row, a number of decimals, or None
            for the value as it is.
    """
    rows = [tuple(_printed(row, name, how) for name, (_, how) in columns.items()) for row in frame.to_dict("records")]
    return Grid(title, tuple(heading for heading, _ in columns.values()), rows, note)


def _printed(row: Mapping[Any, Any], name: str, how: Words | int | None) -> str:
    if callable(how):
        return how(row)
    value = row.get(name)
    if value is None or value != value:
        return DASH
    if how is None:
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f"{float(value):.{how}f}"


def with_error(value: str, error: str, digits: int) -> Words:
    """Prints a value of a row ± its error, from two columns."""

    def printed(row: Mapping[Any, Any]) -> str:
        number, spread = row.get(value), row.get(error)
        if number is None or number != number:
            return DASH
        known = spread is not None and spread == spread
        return f"{number:.{digits}f}" + (f" ± {spread:.{digits}f}" if known else "")

    return printed
