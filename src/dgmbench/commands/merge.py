"""Merge results of several machines, or of several goes, into one: nothing is trained, and nothing is averaged away."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgmbench.commands.kept import Kept, understood, without_warnings
from dgmbench.commands.report import report
from dgmbench.commands.tabulate import tabulate
from dgmbench.commands.verify import findings_of_run
from dgmbench.data.catalogue import title_of
from dgmbench.errors import UserError, counted
from dgmbench.files import writing
from dgmbench.report.cells import Run
from dgmbench.report.values import same_values
from dgmbench.run.plan import Plan
from dgmbench.run.records import FORMAT, write_json
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace

log = logging.getLogger("dgmbench")

_BEST_FIRST = ("ok", "diverged", "failed", "missing")


@dataclass(frozen=True)
class _Found:
    """A run and the side that it is from."""

    side: Kept
    run: Run

    @property
    def spec(self) -> RunSpec:
        return self.run.spec

    @property
    def row(self) -> str:
        return f"{self.spec.model} on {title_of(self.spec.dataset)}"


def merge(sides: Sequence[Kept], target: Path) -> list[str]:
    """Write the runs of all sides, their tables and report into a new folder; remarks on what differs, a line each.

    A run that several sides have is taken once. ``merged.json`` says which run came from which side.

    Raises:
        UserError: a row was run with other settings on another side, on other data or another split, or the same run
            has other numbers; a record does not agree with its values by example; the folder exists.
    """
    if target.exists():
        raise UserError(f"{target} exists; choose another name, or remove it")
    with without_warnings():
        found = [each for side in sides for each in _runs_of(side)]
        if refused := [*_other_settings(found), *_other_data(found), *_other_numbers(found)]:
            more = f" (and {counted(len(refused) - 1, 'more line')} like it)" if len(refused) > 1 else ""
            raise UserError(f"these cannot be merged: {refused[0]}{more}")
    chosen, remarks = _chosen(found), [*_remarks(found)]
    tasks = {name: task for side in sides for name, task in side.plan.tasks.items()}
    plan = Plan(target.name, tasks, tuple(each.spec for each in chosen))
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            place = Workspace(Path(folder) / target.name)
            _copy(chosen, place)
            sources = {each.spec.run_id: each.side.label for each in chosen if each.run.status != "missing"}
            write_json(place.root / "merged.json", {"format": FORMAT, "runs": sources, "remarks": remarks})
            place.root.rename(target)
    tabulate(plan, Workspace(target))
    report(plan, Workspace(target))
    return remarks


def _runs_of(side: Kept) -> Iterator[_Found]:
    """What became of each run of a side.

    Raises:
        UserError: a record does not agree with its values by example, or has none.
    """
    for spec in side.plan.runs:
        if side.rounded(spec):
            raise UserError(f"{side.label} has rounded values by example alone, beside its table: it cannot be merged")
        for finding in findings_of_run(side, spec):
            raise UserError(f"{side.label}: {finding}; dgmbench verify tells all that does not agree")
        with understood(side.label):
            yield _Found(side, side.run(spec))


def _together(found: Iterable[_Found], *keys: str) -> dict[tuple[Any, ...], list[_Found]]:
    """The runs that have these attributes of their specification in common."""
    groups: dict[tuple[Any, ...], list[_Found]] = {}
    for each in found:
        groups.setdefault(tuple(getattr(each.spec, key) for key in keys), []).append(each)
    return groups


def _other_settings(found: Sequence[_Found]) -> Iterator[str]:
    """Rows that were run with other settings, options or another class."""
    for group in _together(found, "task", "dataset", "model").values():
        first, of_first = group[0], _settings(group[0].spec)
        for other in group[1:]:
            of_other = _settings(other.spec)
            for name in dict.fromkeys([*of_first, *of_other]):
                if of_first.get(name) != of_other.get(name):
                    values = f"{_word(of_first.get(name))} in {first.side.label}, {_word(of_other.get(name))} in"
                    yield f"{first.row}: {name} is {values} {other.side.label}"
                    break
            else:
                continue
            break


def _settings(spec: RunSpec) -> dict[str, Any]:
    content = spec.to_dict()
    return {"class": content["factory"], **content["settings"], **content["options"]}


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _other_data(found: Sequence[_Found]) -> Iterator[str]:
    """Datasets of which runs read other arrays, or another split."""
    for group in _together([each for each in found if each.run.record], "task", "dataset").values():
        first = group[0]
        for other in group[1:]:
            one, its = (each.run.get("data", "checksums") or {} for each in (first, other))
            arrays = [name for name in one if name.startswith("array:") and name in its and one[name] != its[name]]
            splits = [_split(each.run) for each in (first, other)]
            if arrays or splits[0] != splits[1]:
                what = f"the arrays {', '.join(name.removeprefix('array:') for name in arrays[:3])} differ"
                what = what if arrays else f"the split is {splits[0]} and {splits[1]}"
                yield f"{first.row} in {first.side.label} and {other.row} in {other.side.label}: {what}"
                break


def _split(run: Run) -> str:
    return _word(run.get("protocol", "split") or run.get("spec", "settings", "split"))


def _other_numbers(found: Sequence[_Found]) -> Iterator[str]:
    """Runs of the same settings and seed that have other values by example."""
    for group in _by_id(found).values():
        measured = [each for each in group if each.run.arrays]
        for other in measured[1:]:
            if not same_values(measured[0].run.arrays, other.run.arrays):
                sides = f"{measured[0].side.label} and {other.side.label}"
                where = f"{other.row}, seed {other.spec.seed}"
                yield f"{where}: {sides} have other numbers by the same settings; leave one out"


def _by_id(found: Iterable[_Found]) -> Mapping[str, list[_Found]]:
    return {key[0]: group for key, group in _together(found, "run_id").items()}


def _chosen(found: Sequence[_Found]) -> list[_Found]:
    """Of each run what has most to say, the seeds of a row beside each other."""
    best = [min(group, key=lambda each: _BEST_FIRST.index(each.run.status)) for group in _by_id(found).values()]
    rows = [*_together(found, "task", "dataset", "model")]
    place = {row: number for number, row in enumerate(rows)}
    return sorted(best, key=lambda e: (place[e.spec.task, e.spec.dataset, e.spec.model], e.spec.seed))


def _remarks(found: Sequence[_Found]) -> Iterator[str]:
    """Settings in which the rows of a dataset differ between sides, and other code; a row's own settings apart."""
    for (_, dataset), group in _together(found, "task", "dataset").items():
        for name in dict.fromkeys(name for each in group for name in type(each.spec.settings).model_fields):
            by_side: dict[str, dict[str, None]] = {}
            for each in group:
                row = find_row(each.side.plan.task_of(each.spec), each.spec.model, each.spec.factory)
                if name not in row.settings:
                    value = _word(each.spec.to_dict()["settings"][name])
                    by_side.setdefault(each.side.label, {})[value] = None
            if len({tuple(values) for values in by_side.values()}) > 1:
                said = ", ".join(f"{' and '.join(values)} in {label}" for label, values in by_side.items())
                yield f"{title_of(dataset)}: rows differ in {name}: {said}"
    commits: dict[str, dict[str, None]] = {}
    for each in found:
        for stage in ("training", "evaluation"):
            if commit := each.run.get(stage, "code", "commit"):
                commits.setdefault(each.side.label, {})[str(commit)[:10]] = None
    if len({tuple(sorted(values)) for values in commits.values()}) > 1:
        said = ", ".join(f"{' and '.join(values)} in {label}" for label, values in commits.items())
        yield f"the code is of different commits: {said}"


def _copy(chosen: Sequence[_Found], place: Workspace) -> None:
    for each in chosen:
        for path in each.side.files_of(each.spec):
            to = place.root / path.relative_to(each.side.workspace.root)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
