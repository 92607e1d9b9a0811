"""A table as a self-contained HTML page, its figures inside."""

from __future__ import annotations

import base64
from importlib import resources

from dgmbench.report.sheet import DAGGER, DASH, Figure, Sheet


def to_html(sheet: Sheet, figures: list[Figure], neighbours: list[Sheet]) -> str:
    """The page: no script, no address outside it but the links to its files and to the tables beside it."""
    from jinja2 import Environment

    template = (resources.files("dgmbench.report") / "templates" / "page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        sheet=sheet,
        neighbours=neighbours,
        figures=figures,
        base64=lambda path: base64.b64encode(path.read_bytes()).decode(),
        dagger=DAGGER,
        dash=DASH,
    )
