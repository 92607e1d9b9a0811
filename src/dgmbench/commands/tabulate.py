"""From run records to tables and figures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from dgmbench.errors import UserError
from dgmbench.files import atomic_write, write_text
from dgmbench.names import did_you_mean, load_object
from dgmbench.report.cells import collect
from dgmbench.report.figures import SUFFIXES
from dgmbench.report.formats import to_csv, to_html, to_latex, to_markdown
from dgmbench.report.table import Table
from dgmbench.report.values import values_file
from dgmbench.run.plan import Plan
from dgmbench.run.records import FORMAT, read_json, write_json
from dgmbench.run.workspace import Workspace

log = logging.getLogger("dgmbench")


def tabulate(plan: Plan, workspace: Workspace, task: str | None = None) -> None:
    """Write a table for each task of the plan, as CSV, Markdown, HTML and LaTeX, its values by example and its figures.

    Only the records on disk count. Every published cell appears, and every planned one; what did not run shows as
    ``missing``, what failed as ``failed`` with its reason. What an earlier configuration left and this one does not
    have goes. ``plan.json`` notes the runs and files, so that the folder tells them later without the configuration.

    Args:
        task: the only one whose table is written.

    Raises:
        UserError: the plan has no such task, or the results folder cannot be written.
    """
    if task is not None and task not in plan.tasks:
        raise UserError(f"preset {plan.preset!r} has no runs of {task}{did_you_mean(task, plan.tasks)}")
    tables: dict[str, Table] = {name: load_object(task.table) for name, task in plan.tasks.items()}
    collected = {name: collect(plan, workspace, plan.tasks[name], table.problem) for name, table in tables.items()}
    sheets = {name: table.sheet(collected[name]) for name, table in tables.items()}
    written: dict[str, list[Path]] = {}
    for name, table in tables.items():
        if task not in (None, name):
            continue
        cells, figures = collected[name], table.figures(collected[name], workspace)
        others = [sheet for other, sheet in sheets.items() if other != name]
        texts = {
            "csv": to_csv(table.rows(cells)),
            "md": to_markdown(sheets[name]),
            "html": to_html(sheets[name], figures, others),
            "tex": to_latex(sheets[name]),
        }
        for suffix, text in texts.items():
            write_text(workspace.tables / f"{name}.{suffix}", text)
        with atomic_write(workspace.tables / f"{name}.npz", "wb") as file:
            file.write(values_file(cells))
        written[name] = [workspace.tables / f"{name}.{suffix}" for suffix in (*texts, "npz")]
        written[name] += [figure.path.with_suffix(f".{suffix}") for figure in figures for suffix in SUFFIXES]
        done = sum(cell.status == "ok" for cell in cells)
        log.info("%s: %d of %d cells are ok", workspace.tables / f"{name}.csv", done, len(cells.cells))
    _note(plan, workspace, written)


def _note(plan: Plan, workspace: Workspace, written: Mapping[str, Sequence[Path]]) -> None:
    """Write ``plan.json`` and remove the tables and figures that only the one before names."""
    path = workspace.root / "plan.json"
    files = {name: [str(file.relative_to(workspace.root)) for file in files] for name, files in written.items()}
    with FileLock(workspace.root / ".plan.lock"):  # the tables of two tasks may be made at the same time
        before = _files_before(path)
        now = {name: files.get(name, before.get(name, [])) for name in plan.tasks}
        for gone in {name for each in before.values() for name in each} - {
            name for each in now.values() for name in each
        }:
            if (workspace.root / gone).parent in (workspace.tables, workspace.figures):
                (workspace.root / gone).unlink(missing_ok=True)
        runs = [{"run_id": r.run_id, "training_id": r.training_id, "spec": r.to_dict()} for r in plan.runs]
        write_json(path, {"format": FORMAT, "preset": plan.preset, "runs": runs, "files": now})


def _files_before(path: Path) -> dict[str, list[str]]:
    """What an earlier call wrote, by task."""
    try:
        files = read_json(path).get("files", {})
    except UserError:
        return {}  # there is none, or none that can be read
    return files if isinstance(files, dict) else {"": files}
