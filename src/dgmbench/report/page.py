"""A table as a self-contained HTML page, its figures inside."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from dgmbench.report.sheet import DAGGER, DASH, Sheet


@dataclass(frozen=True)
class Figure:
    """A drawn figure.

    Attributes:
        path: of the PNG; its data is beside it as CSV, and a PDF for print.
        title: heading above it.
        text: what it shows, for those who cannot see it.
    """

    path: Path
    title: str
    text: str


def to_html(sheet: Sheet, figures: list[Figure], neighbours: list[Sheet]) -> str:
    """The page: no script, no address outside it but the links to its files and to the tables beside it."""
    from jinja2 import Environment

    template = (resources.files("dgmbench.tables") / "templates" / "page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        sheet=sheet,
        neighbours=neighbours,
        several=any(len(columns) > 1 for _, columns in sheet.groups),
        figures=[
            {
                "name": f.path.stem,
                "title": f.title,
                "text": f.text,
                "png": base64.b64encode(f.path.read_bytes()).decode(),
            }
            for f in figures
        ],
        dagger=DAGGER,
        dash=DASH,
    )
