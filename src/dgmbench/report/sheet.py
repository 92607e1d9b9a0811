"""A table as people read it, before it becomes Markdown, HTML or LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dgmbench.report.charts import Chart

DASH = "–"
DAGGER = "†"
BRACKETS = " (the paper's number, ours minus the paper's)"
"""What the notes say of the brackets of a cell, which a page with columns for both does not have."""


@dataclass(frozen=True)
class Value:
    """One cell: our number, or the word that stands for it, and the paper's.

    Attributes:
        ours: the number as printed, or ``missing``, ``failed``, ``diverged``.
        error: its standard error as printed, if it has one.
        paper: the paper's number as printed, a dash where it has none, empty where nothing of the column is published.
        difference: ours minus the paper's, with its sign, where both exist.
        remark: what else must be known about this number.
        best: better than every other of its column, beyond the interval of the difference.
        comparable: measured on the data that the paper measured on.
    """

    ours: str
    error: str = ""
    paper: str = DASH
    difference: str = ""
    remark: str = ""
    best: bool = False
    comparable: bool = True
    status: str = "ok"

    @property
    def brackets(self) -> list[str]:
        """What stands in brackets behind our number."""
        return [part for part in (self.paper, self.difference, self.remark) if part]


@dataclass(frozen=True)
class Grid:
    """A plain table below the main one.

    Attributes:
        in_latex: shown below the LaTeX table too, as a sentence of its first three columns.
    """

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    in_latex: bool = False


@dataclass(frozen=True)
class Figure:
    """A drawn figure.

    Attributes:
        path: of the PNG; its data is beside it as CSV, and a PDF for print.
        title: heading above it.
        text: what it shows, for those who cannot see it.
        chart: the same to zoom and to read values from, in the report; None for a picture.
    """

    path: Path
    title: str
    text: str
    chart: Chart | None = None


@dataclass(frozen=True)
class Sheet:
    """The main table, what was measured how, and the smaller tables below it.

    Attributes:
        name: of its files.
        corner: what the rows are.
        groups: each dataset, with what its columns are.
        rows: a model and its cells, group by group; None where the table has no such cell.
        headline: the column that matters most, which the report shows first; empty for the first.
    """

    name: str
    title: str
    corner: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    rows: list[tuple[str, list[Value | None]]]
    notes: list[str]
    grids: list[Grid]
    headline: str = ""

    @property
    def several(self) -> bool:
        """Whether a dataset has more than one column."""
        return any(len(columns) > 1 for _, columns in self.groups)


def printed(number: float | None, digits: int) -> str:
    """A number with so many decimals, or a dash where there is none."""
    return DASH if number is None else f"{number:.{digits}f}"
