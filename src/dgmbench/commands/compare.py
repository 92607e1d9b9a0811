"""Compare two results: presets, folders of other machines, or the runs of a commit."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dgmbench.commands.kept import Kept, table_of, understood, without_warnings
from dgmbench.commands.plan import RESULTS
from dgmbench.data.catalogue import title_of
from dgmbench.errors import UserError
from dgmbench.files import write_text
from dgmbench.report.formats import to_csv, to_markdown
from dgmbench.report.page import render
from dgmbench.report.table import MetricTable
from dgmbench.report.versus import Versus, versus

log = logging.getLogger("dgmbench")

_COMMIT = re.compile(r"[0-9a-f]{4,40}")


def at_commit(name: str, results: Path = RESULTS) -> tuple[str, str]:
    """``PLACE@COMMIT`` as both; the commit is empty where none is given, or where the whole is the name of a place."""

    def is_place(text: str) -> bool:
        return any(path.exists() for path in (Path(text), results / text))

    place, _, commit = name.rpartition("@")
    if not place or not commit or is_place(name):
        return name, ""
    return (place, commit) if is_place(place) or _COMMIT.fullmatch(commit) else (name, "")


def of_commit(kept: Kept, commit: str) -> Kept:
    """The runs that the code of a commit trained or evaluated; all of them without a commit.

    Raises:
        UserError: there are none, or the first digits are those of several commits.
    """
    if not commit:
        return kept
    commits: dict[str, set[str]] = {}
    with without_warnings(), understood(kept.label):
        for spec in kept.plan.runs:
            run = kept.run(spec)
            named = (run.get(stage, "code", "commit") for stage in ("training", "evaluation"))
            commits[spec.run_id] = {str(commit) for commit in named if commit}
    known = list(dict.fromkeys(each for of_run in commits.values() for each in sorted(of_run)))
    meant = [each for each in known if each.startswith(commit.lower())]
    if len(meant) != 1:
        lacks = f"several commits that begin with {commit}" if meant else f"no run of commit {commit}"
        there = ", ".join(each[:10] for each in meant or known) or "none whose commit is known"
        raise UserError(f"{kept.label} has {lacks}; it has runs of {there}")
    runs = tuple(spec for spec in kept.plan.runs if meant[0] in commits[spec.run_id])
    tasks = {name: task for name, task in kept.plan.tasks.items() if any(spec.task == name for spec in runs)}
    return replace(kept, plan=replace(kept.plan, runs=runs, tasks=tasks), label=f"{kept.label}@{commit}")


def compare(first: Kept, second: Kept) -> list[Versus]:
    """Each task that both have, second minus first.

    Raises:
        UserError: they have no row in common, or a record is broken.
    """
    labels = _labels(first.label, second.label)
    found = []
    for name in [name for name in first.plan.tasks if name in second.plan.tasks]:
        table = table_of(first.plan.tasks[name])
        if not isinstance(table, MetricTable):
            log.warning("%s is left out: its table tells no metrics", name)
            continue
        with without_warnings(), understood(f"{first.label} or {second.label}"):
            found.append(versus(table, first.cells(name), second.cells(name), labels))
    if not any(found):
        rows = [
            sorted({f"{run.model} on {title_of(run.dataset)}" for run in kept.plan.runs}) for kept in (first, second)
        ]
        have = [", ".join(names[:4]) + (", …" if len(names) > 4 else "") for names in rows]
        raise UserError(f"no row is in both: {first.label} has {have[0]}; {second.label} has {have[1]}")
    return [each for each in found if each]


def _labels(first: str, second: str) -> tuple[str, str]:
    """Both by names that tell them apart: the last part of a path, where these differ."""
    last = [Path(name).name for name in (first, second)]
    pairs = ([name.removesuffix(".zip") for name in last], last, [first, second])
    names = next((each for each in pairs if each[0] != each[1] and all(each)), [first, second])
    return (names[0], names[1]) if names[0] != names[1] else (f"{names[0]} (first)", f"{names[1]} (second)")


def to_text(found: Sequence[Versus]) -> str:
    """A comparison as Markdown."""
    return "\n".join(to_markdown(each.sheet) for each in found)


def write(found: Sequence[Versus], folder: Path) -> Path:
    """Write ``comparison.html`` and ``comparison.md``, and a CSV file for each task; the page.

    Raises:
        UserError: the folder cannot be written.
    """
    page = folder / "comparison.html"
    write_text(page, render("comparison.html.j2", title="Comparison", sheets=[each.sheet for each in found]))
    write_text(folder / "comparison.md", to_text(found))
    for each in found:
        write_text(folder / f"{each.sheet.name}.csv", to_csv(each.lines))
    return page
