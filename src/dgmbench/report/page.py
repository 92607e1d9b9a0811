"""The report of a preset: one page with every table, figure and record, which needs nothing but a browser."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from html import unescape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dgmbench.report.cells import Cells
from dgmbench.report.origins import Origin, citations, costs, origins, problems
from dgmbench.report.pictures import data_address
from dgmbench.report.sheet import BRACKETS, DAGGER, DASH, Figure, Grid, Sheet, Value

if TYPE_CHECKING:
    from markupsafe import Markup

_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?( ±.*| \[.*\])?$")
_SCRIPTS = ("report.js", "axes.js", "panels.js", "charts.js")  # each uses those before it
_FOLDED = 12  # a smaller table with more rows than this is closed at first


@dataclass(frozen=True)
class Section:
    """A task in the report.

    Attributes:
        figures: those of its table.
        exhibits: what its analysis shows, in order; empty where it was not run.
    """

    cells: Cells
    sheet: Sheet
    figures: Sequence[Figure]
    exhibits: Sequence[Figure | Grid] = ()

    @property
    def name(self) -> str:
        return self.cells.task.name

    @property
    def problems(self) -> Grid:
        return problems(self.cells)

    @property
    def costs(self) -> Grid:
        return costs(self.cells)

    @cached_property
    def origins(self) -> list[Origin]:
        return origins(self.cells)

    @property
    def citations(self) -> list[tuple[str, str]]:
        return citations(self.cells)

    @property
    def has_analysis(self) -> bool:
        return self.cells.task.analysis is not None

    @property
    def is_outdated(self) -> bool:
        """Whether something was trained after the analysis: its figures may be of other models."""
        drawn_at = [each.path.stat().st_mtime for each in self.exhibits if isinstance(each, Figure)]
        trained = [run.get("training", "finished") for cell in self.cells for run in cell.runs]
        times = [str(time) for time in trained if time]  # UTC, as text in the order of time
        return bool(drawn_at and times) and max(times) > datetime.fromtimestamp(min(drawn_at), UTC).isoformat()

    @property
    def is_partial(self) -> bool:
        """Whether no cell is on all of the data."""
        return all(cell.part for cell in self.cells if cell.runs)

    @property
    def counts(self) -> dict[str, int]:
        """How many runs have each status."""
        found = dict.fromkeys(("ok", "diverged", "failed", "missing"), 0)
        for cell in self.cells:
            for run in cell.runs:
                found[run.status] += 1
        return {status: number for status, number in found.items() if number}

    @property
    def finished(self) -> str:
        """When the last of its runs was finished, UTC."""
        times = (run.get("evaluation", "finished") for cell in self.cells for run in cell.runs)
        return max((str(time) for time in times if time), default="")


@dataclass(frozen=True)
class Field:
    """What stands in one place of the main table.

    Attributes:
        text: a number as printed, or the word that stands for it.
        below: the published number and the difference to it, where these have no columns of their own.
        remark: what else must be known about the number.
        is_word: whether there is no number.
        origin: which of the page's origins tells where it comes from; empty for none.
    """

    text: str
    error: str = ""
    below: str = ""
    remark: str = ""
    best: bool = False
    is_word: bool = False
    origin: str = ""


@dataclass(frozen=True)
class Columns:
    """The main table: the headings of each dataset, and a row of fields per model.

    Attributes:
        groups: each dataset and its headings.
        rows: name, what it is, fields.
    """

    groups: list[tuple[str, list[str]]]
    rows: list[tuple[str, str, list[Field]]]


def columns_of(section: Section) -> Columns:
    """The sheet with its headline first, and the published number and the difference to it as columns of their own."""
    sheet = section.sheet
    about = {cell.model: cell.row.about for cell in section.cells if cell.row}
    places = {(origin.dataset, origin.model): f"{section.name}-{i}" for i, origin in enumerate(section.origins)}
    groups: list[tuple[str, list[str]]] = []
    rows: list[tuple[str, str, list[Field]]] = [(name, about.get(name, ""), []) for name, _ in sheet.rows]
    start = 0
    for dataset, titles in sheet.groups:
        first = titles.index(sheet.headline) if sheet.headline in titles else 0
        order = [first, *(i for i in range(len(titles)) if i != first)]
        headings = []
        for place in order:
            column = [values[start + place] for _, values in sheet.rows]
            split = place == first and any(value is not None and value.paper for value in column)
            headings += [titles[place], *(["paper", "ours − paper"] if split else [])]
            for (name, _, fields), value in zip(rows, column, strict=True):
                fields += _fields(value, split, places.get((dataset, name), ""))
        groups.append((dataset, headings))
        start += len(titles)
    return Columns(groups, rows)


def _fields(value: Value | None, split: bool, origin: str) -> list[Field]:
    """Our number and, where they have columns of their own, the published one and the difference."""
    if value is None:
        return [Field(DASH)] * (3 if split else 1)
    paper = f"paper {value.paper}" if value.paper not in ("", DASH) else ""
    below = "" if split else ", ".join(part for part in (paper, value.difference) if part)
    text, is_word = f"{value.ours}{'' if value.comparable else DAGGER}", value.ours == value.status
    own = Field(text, value.error, below, value.remark, value.best, is_word, origin)
    return [own, Field(value.paper or DASH), Field(value.difference or DASH)] if split else [own]


def to_report(preset: str, sections: Sequence[Section], others: Sequence[Figure], folder: Path) -> str:
    """The page; ``others`` are figures that no task speaks of, ``folder`` is where it lies beside what it links to."""
    counts: dict[str, int] = {}
    for section in sections:
        for status, number in section.counts.items():
            counts[status] = counts.get(status, 0) + number
    partial = [section.sheet.title for section in sections if section.is_partial]
    charts = {f"{section.name}-{i}": figure for section in sections for i, figure in enumerate(drawn(section))}
    return render(
        "report.html.j2",
        title=f"{preset}: results",
        preset=preset,
        sections=sections,
        columns={section.name: columns_of(section) for section in sections},
        counts=counts,
        partial=partial,
        all_partial=len(partial) == len(sections),
        finished=max((section.finished for section in sections), default=""),
        charts={name: figure.chart.plain() for name, figure in charts.items() if figure.chart},
        others=others,
        folder=folder,
        folded=_FOLDED,
        is_figure=lambda exhibit: isinstance(exhibit, Figure),
        is_number=lambda text: text == DASH or bool(_NUMBER.match(text)),
        brackets=BRACKETS,
        with_content=with_content,
    )


def linking_to(page: str, has: Callable[[str], bool]) -> str:
    """A report for another place, without the links to what is not there; those to above its folder go altogether.

    Args:
        has: whether there is a file of this name, from the folder of the page.
    """

    def link(found: re.Match[str]) -> str:
        name = unquote(unescape(found["name"]))
        if has(name):
            return found[0]
        return "" if name.startswith("../") else found["text"]

    return re.sub(r'<a href="(?P<name>[^"#][^"]*)">(?P<text>[^<]*)</a>', link, page)


def breakable(name: str) -> Markup:
    """A name that may go on in the next line behind a dot, a colon or the like, where it is too long for one."""
    from markupsafe import Markup, escape

    parts = re.split(r"(?<=[.:/_])(?=\w)", name)
    return Markup("<wbr>").join(map(escape, parts))


def with_content(grid: Grid) -> Grid:
    """A smaller table without the columns that have nothing for any row, as a spread over seeds where there is one."""
    kept = [i for i in range(len(grid.header)) if any(row[i] != DASH for row in grid.rows)]
    rows = [tuple(row[i] for i in kept) for row in grid.rows]
    return replace(grid, header=tuple(grid.header[i] for i in kept), rows=rows)


def drawn(section: Section) -> list[Figure]:
    """The figures of a section in the order of the page, which numbers their charts."""
    return [*section.figures, *(exhibit for exhibit in section.exhibits if isinstance(exhibit, Figure))]


def render(template: str, **values: Any) -> str:
    """A page from a template, with its style and script inside it; the browser lets it load nothing else."""
    from jinja2 import Environment, FunctionLoader
    from markupsafe import Markup

    folder = resources.files("dgmbench.report") / "templates"
    environment = Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
    )
    parts = [(folder / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    script = f'"use strict";\n{{\n{"".join(parts)}}}\n'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(template).render(
        style=Markup((folder / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        digest=digest,
        data_address=data_address,
        dash=DASH,
        dagger=DAGGER,
        breakable=breakable,
        **values,
    )
