"""Comma-separated values that a spreadsheet takes for text where they are text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = re.compile(r"[+-](\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]inf", re.IGNORECASE)
# what a spreadsheet takes for the beginning of a formula, full-width forms included
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_text(frame: pd.DataFrame, float_format: str | None = None) -> str:
    """A data frame as CSV; an apostrophe stands before a text that a spreadsheet would run."""
    words = frame.map(as_text).rename(columns=as_text)
    return words.to_csv(index=False, lineterminator="\n", float_format=float_format)


def as_text(value: Any) -> Any:
    """A value of a CSV file: text that begins like a formula and is no number gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    if "\r" in value:  # would end the line: pandas puts no quotes around it
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{value}" if value.startswith(_FORMULA) and not _NUMBER.fullmatch(value) else value
