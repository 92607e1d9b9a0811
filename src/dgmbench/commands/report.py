"""From run records, figures and analyses to the report of a preset, and the page of all presets."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock

from dgmbench.commands.kept import Kept
from dgmbench.errors import UserError
from dgmbench.files import write_text, writing
from dgmbench.names import load_object
from dgmbench.report.cells import Cells, collect
from dgmbench.report.page import Section, drawn, to_report
from dgmbench.report.sheet import Figure, Grid
from dgmbench.report.summary import FILE, read_summaries, summary, to_index
from dgmbench.report.table import Table
from dgmbench.report.values import read_values
from dgmbench.run.plan import Plan
from dgmbench.run.records import write_json
from dgmbench.run.task import Task
from dgmbench.run.workspace import Workspace

log = logging.getLogger("dgmbench")


def report(plan: Plan, workspace: Workspace) -> Path:
    """Write ``report.html`` and ``summary.json`` of a preset and, above it, ``index.html`` of all presets; the page.

    Only what is on disk counts, nothing is trained. A run that is missing or failed shows as such. The figures of the
    tables also go to ``report/tables/<task>``, for ``snakemake --report``.

    Raises:
        UserError: the results folder cannot be written.
    """
    page = workspace.root / "report.html"
    with _alone(workspace.root):
        sections = [_section(plan, workspace, task) for task in plan.tasks.values()]
        for each in sections:
            collect_figures(each.figures, workspace.root / "report" / "tables" / each.name)
        known = {figure.path for each in sections for figure in drawn(each)}
        pictures = sorted(workspace.figures.glob("*.png"))
        others = [Figure(path, path.stem, f"Figure {path.stem}.") for path in pictures if path not in known]
        write_text(page, to_report(plan.preset, sections, others, workspace.root))
        write_json(workspace.root / FILE, summary(plan.preset, sections))
    results = workspace.root.parent
    with _alone(results):
        write_text(results / "index.html", to_index(read_summaries(results)))
    log.info("%s: %.1f MB", page, page.stat().st_size / 1e6)
    return page


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Several analyses may end at once: who writes last has seen what all of them left."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".report.lock")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _section(plan: Plan, workspace: Workspace, task: Task) -> Section:
    table: Table = load_object(task.table)
    cells = _cells(plan, workspace, task, table)
    return Section(cells, table.sheet(cells), table.figures(cells, workspace), exhibits(plan, workspace, task))


def _cells(plan: Plan, workspace: Workspace, task: Task, table: Table) -> Cells:
    """The cells of a task; runs that were kept without their values by example have those beside the table, rounded."""
    beside = workspace.tables / f"{task.name}.npz"
    folders = [workspace.run(spec) for spec in plan.of(task.name)]
    if beside.is_file() and any((each / "run.json").is_file() and not _has_values(each) for each in folders):
        with contextlib.suppress(UserError):  # the file is damaged: without it
            kept = Kept(workspace, str(workspace.root), plan, True, {task.name: read_values(beside)})
            return kept.cells(task.name)
    return collect(plan, workspace, task, table.problem)


def _has_values(folder: Path) -> bool:
    return (folder / "per_example.npz").is_file()


def exhibits(plan: Plan, workspace: Workspace, task: Task) -> Sequence[Figure | Grid]:
    """What the analysis of a task shows, of what is on disk."""
    if task.analysis is None or not task.analysis.shown:
        return []
    try:
        found: Sequence[Figure | Grid] = load_object(task.analysis.shown)(plan, workspace)
    except (KeyError, ValueError, TypeError) as error:
        # tables that another version of the analysis wrote
        log.warning("the analysis of %s cannot be shown (%r); run it again", task.name, error)
        return []
    return found


def collect_figures(figures: Iterable[object], folder: Path) -> None:
    """Copy the pictures of some figures into a folder that holds nothing else, with titles and captions beside them."""
    drawn_ones = [figure for figure in figures if isinstance(figure, Figure)]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()
        for figure in drawn_ones:
            shutil.copyfile(figure.path, folder / figure.path.name)
    words = {figure.path.stem: {"figure": figure.title, "shows": figure.text} for figure in drawn_ones}
    write_json(folder / "captions.json", words)


def show_analysis(plan: Plan, workspace: Workspace, task: str) -> None:
    """Make the report again with what an analysis left, whose figures also go to ``report/analysis/<task>``."""
    collect_figures(exhibits(plan, workspace, plan.tasks[task]), workspace.root / "report" / "analysis" / task)
    report(plan, workspace)
