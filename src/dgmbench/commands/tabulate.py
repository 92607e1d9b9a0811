"""From run records to tables and figures."""

from __future__ import annotations

import logging
from types import ModuleType

from dgmbench.run import records
from dgmbench.run.config import Plan
from dgmbench.report.panels import classification_figures, density_figures
from dgmbench.report.shown import write_plan
from dgmbench.run.spec import TASKS, Task
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification import table as classification
from dgmbench.tasks.density import table as density
from dgmbench.report.cells import collect
from dgmbench.report.formats import to_csv, to_latex, to_markdown
from dgmbench.report.page import to_html

_TABLES: dict[Task, ModuleType] = {"density": density, "classification": classification}
_FIGURES = {"density": density_figures, "classification": classification_figures}

log = logging.getLogger("dgmbench")


def tabulate(plan: Plan, workspace: Workspace) -> None:
    """Write both tables as CSV, Markdown, HTML and LaTeX, and their figures.

    Only the records on disk count. Every published cell appears, and every planned one; what did not run shows as
    ``missing``, what failed as ``failed`` with its reason.

    Raises:
        UserError: the results folder cannot be written.
    """
    write_plan(plan, workspace.root / "plan.json")
    collected = {name: collect(plan, workspace, name) for name in TASKS}
    sheets = {name: _TABLES[name].sheet(cells, plan) for name, cells in collected.items()}
    for name, cells in collected.items():
        table, sheet = _TABLES[name], sheets[name]
        neighbours = [sheets[other] for other in TASKS if other != name and plan.of(other)]
        figures = _FIGURES[name](cells, workspace)
        for suffix, text in (
            ("csv", to_csv(table.COLUMNS, table.rows(cells))),
            ("md", to_markdown(sheet)),
            ("html", to_html(sheet, figures, neighbours)),
            ("tex", to_latex(sheet)),
        ):
            with records.atomic_write(workspace.tables / f"{name}.{suffix}") as file:
                file.write(text)
        done = sum(cell.status == "ok" for cell in cells)
        log.info("%s: %d of %d cells are ok", workspace.tables / f"{name}.csv", done, len(cells))
