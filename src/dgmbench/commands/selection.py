"""From what a command line selects (tasks, datasets, rows, seeds) to a configuration that is laid over the files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgmbench.commands.arguments import read_pairs
from dgmbench.data.catalogue import is_user_defined, known_datasets
from dgmbench.errors import UserError
from dgmbench.names import did_you_mean
from dgmbench.run.checkout import DEFAULT
from dgmbench.run.config_files import Configuration, read_files
from dgmbench.run.needs import task_behind
from dgmbench.run.presets import preset_files
from dgmbench.run.task import Task
from dgmbench.tasks import all_tasks, find_task


@dataclass(frozen=True)
class Selection:
    """What a command line selects; empty where it says nothing.

    Attributes:
        preset: its file is the first that is laid over the default configuration.
        files: are laid over it, in their order.
        tasks, datasets, rows: names, each alone or several with commas between.
        seeds: numbers and ranges: ``0-4,7``.
        settings: ``KEY=VALUE`` for every selected row.
        name: of the folder of the results.
    """

    preset: str = ""
    files: Sequence[Path] = ()
    tasks: Sequence[str] = ()
    datasets: Sequence[str] = ()
    rows: Sequence[str] = ()
    seeds: str = ""
    settings: Sequence[str] = ()
    name: str = ""

    def laid_over(self) -> list[Path]:
        """The files that are laid over the default configuration.

        Raises:
            UserError: there is no such preset.
        """
        return [*(preset_files(self.preset) if self.preset else []), *self.files]

    def default(self) -> list[Path]:
        """The default configuration, which a folder may lack where other files are given."""
        return [DEFAULT] if DEFAULT.is_file() or not (self.preset or self.files) else []


def configuration_of(selection: Selection, instead: Sequence[Path] = ()) -> tuple[Configuration, list[str]]:
    """The configuration that a selection makes, and remarks about it, a line each.

    Args:
        instead: files in place of the default configuration.

    Raises:
        UserError: a mistake in a file or on the command line.
    """
    files = [*(instead or selection.default()), *selection.laid_over()]
    above, remarks = selected(selection, files)
    return read_files(files, above, "command line"), remarks


def selected(selection: Selection, files: Sequence[Path]) -> tuple[dict[str, Any], list[str]]:
    """What must be laid over the configuration of these files, and remarks about it, a line each.

    Raises:
        UserError: a name is no task's, or a seed or a setting cannot be read.
    """
    configuration = read_files(files)
    content, whole = configuration.content, configuration.with_left_out
    chosen = _chosen(selection, content, whole)
    seeds = _seeds(selection.seeds) if selection.seeds else []
    restored = dict.fromkeys(name for name in chosen if not _is_in(content, name))
    content = read_files(files, restored).content
    wanted = _wanted(chosen, content, seeds)
    beside = _taken_from(chosen, wanted)
    settings = read_pairs(selection.settings)
    for key, option in {"seeds": "seeds", **{task.datasets_word: "dataset" for task in all_tasks().values()}}.items():
        if key in settings:
            raise UserError(f"--set {key}: it is no setting; say it with --{option}")
    for key in settings:
        if "." in key:
            name = key.rpartition(".")[2]
            raise UserError(f"--set {key}: write the setting alone, {name}=..., and choose its runs by -t, -d and -m")
    above: dict[str, Any] = {"preset": selection.name} if selection.name else {}
    if content.get("analyses") and (selection.datasets or selection.rows):
        above["analyses"] = False  # of a part alone they would take the place of those of the whole
    if seeds:
        above["seeds"] = seeds
    remarks: list[str] = []
    for name, task in all_tasks().items():
        section, every = _entries(content.get(name)), _entries(whole.get(name))
        if name not in chosen and name not in beside:
            above |= {name: False} if _is_in(content, name) else {}
            continue
        datasets, rows = chosen.get(name) or beside[name]
        of_run = settings if name in chosen else {}
        layer: dict[str, Any] = {}
        if name in beside:
            layer["table"] = False
        elif section.get("table") is False and (selection.tasks or (rows and len(chosen) == 1)):
            layer["table"] = True
        if datasets:
            layer[task.datasets_word] = _only(datasets, _entries(every.get(task.datasets_word)))
            remarks += _without_settings(datasets, _entries(every.get(task.datasets_word)), of_run)
        below, now = _entries(every.get(task.rows_word)), _entries(section.get(task.rows_word))
        of_rows: dict[str, Any] = {}
        for row in rows or [row for row, own in now.items() if own is not False]:
            if name in beside:  # it is trained for the takers alone
                cells = _entries(_entries(below.get(row)).get(task.datasets_word))
                of_rows[row] = {task.datasets_word: _only([], cells) | wanted[name, row]}
            else:
                asked = datasets if rows else []
                of_rows[row] = _of_row(task, below.get(row), now.get(row), of_run, seeds, asked) or None
        if rows or any(of_rows.values()):
            layer[task.rows_word] = (_only([], below) if rows else {}) | of_rows
        if seeds and "seeds" in every:
            layer["seeds"] = seeds
        if layer or name in restored:
            above[name] = layer
    if restored:
        _require_both(list(chosen), read_files(files, above).content)
    return above, remarks


def _of_row(
    task: Task, below: Any, now: Any, of_run: Mapping[str, Any], seeds: Sequence[int], datasets: Sequence[str]
) -> dict[str, Any]:
    """What is laid over a row, and over the datasets that it has for itself: there what they have, too, is replaced.

    Args:
        below, now: the row as if nothing had been left out, and as it is.
        of_run: settings for it.
        seeds: in place of its own, where it has some.
        datasets: it is asked for with these alone; empty for its own.
    """
    given, values = _entries(below), {**of_run, **({"seeds": [*seeds]} if seeds else {})}
    cells, left = (_entries(row.get(task.datasets_word)) for row in (given, _entries(now)))
    of_row = {key: value for key, value in values.items() if key in of_run or key in given}
    of_cells: dict[str, Any] = _only(datasets, cells) if cells and datasets else {}
    for dataset, cell in cells.items():
        if dataset in datasets or (not datasets and left.get(dataset) is not False):
            of_cell = {key: value for key, value in values.items() if key in _entries(cell)}
            of_cells |= {dataset: of_cell} if of_cell else {}
    return of_row | ({task.datasets_word: of_cells} if of_cells else {})


def _chosen(
    selection: Selection, content: Mapping[str, Any], whole: Mapping[str, Any]
) -> dict[str, tuple[list[str], list[str]]]:
    """The datasets and rows of each selected task; of a task without any of the named ones nothing is run.

    A task that the configuration leaves out is selected by its name, or by a row that no task of it has; one that an
    overlay leaves out goes before one that no file names.
    """
    datasets, rows = _names(selection.datasets), _names(selection.rows)
    tasks = {name: find_task(name) for name in _names(selection.tasks)}
    added: dict[str, set[str]] = {}  # a task that the configuration leaves out, and the rows that it is selected for
    if not tasks:
        tasks = {name: task for name, task in all_tasks().items() if _is_in(content, name)}
        for further in (whole, all_tasks()):
            known = {row for name, task in tasks.items() for row in _known_rows(task, whole)}
            missing = {row for row in rows if ":" not in row} - known
            for name, task in all_tasks().items():
                if name in further and name not in tasks and (lacking := missing & set(_known_rows(task, whole))):
                    tasks[name], added[name] = task, lacking
    if not tasks:
        if datasets or rows:
            raise UserError("the configuration leaves every task out; name one with --task, see 'dgmbench list'")
        return {}
    known_data = {name: _known_datasets(task, whole) for name, task in tasks.items()}
    known_rows = {name: _known_rows(task, whole) for name, task in tasks.items()}
    _require(datasets, known_data, "--dataset")
    _require(rows, known_rows, "--model")
    found = {}
    for name in tasks:
        own_data = [each for each in datasets if each in known_data[name] or is_user_defined(each)]
        own_rows = [each for each in rows if each in added.get(name, known_rows[name]) or ":" in each]
        if (own_data or not datasets) and (own_rows or not rows):
            found[name] = (own_data, own_rows)
    if not found:
        raise UserError(f"no task has both {', '.join(datasets)} and {', '.join(rows)}; see 'dgmbench list'")
    for option, own in (("--dataset", datasets), ("--model", rows)):
        if len(found) > 1 and (unclear := [each for each in own if _says_itself(each)]):
            raise UserError(f"{option} {unclear[0]}: {' or '.join(found)}? Say it with --task")
    return found


def _require_both(names: Sequence[str], content: Mapping[str, Any]) -> None:
    """Raise a UserError where the configuration with the selection has no run of any of these tasks."""
    lacking: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for name in names:
        task, section = find_task(name), _entries(content.get(name))
        known = {
            task.datasets_word: ("--dataset", known_datasets(*task.kinds)),
            task.rows_word: ("--model", list(task.table_rows)),
        }
        lacking[name] = [
            named for word, named in known.items() if all(own is False for own in _entries(section.get(word)).values())
        ]
    if all(lacking.values()):
        name, options = next(iter(lacking.items()))
        advice = " and ".join(f"{option} (known: {', '.join(known)})" for option, known in options)
        raise UserError(f"the configuration has no runs of {name}; select some with {advice}")


def _is_in(content: Mapping[str, Any], task: str) -> bool:
    return content.get(task, False) is not False


def _taken_from(
    chosen: dict[str, tuple[list[str], list[str]]], wanted: Mapping[tuple[str, str], Mapping[str, Any]]
) -> dict[str, tuple[list[str], list[str]]]:
    """The datasets and rows of further tasks, whose trained models the chosen rows take.

    Where a row of a chosen task is lacking for that, it is chosen, too.
    """
    beside: dict[str, tuple[list[str], list[str]]] = {}
    for (other, row), of_row in wanted.items():
        known, needed = (chosen[other], True) if other in chosen else (beside.setdefault(other, ([], [])), False)
        for part, names in zip(known, (of_row, [row]), strict=True):
            if part or not needed:  # of a chosen task an empty list stands for all
                part += [each for each in names if each not in part]
    return beside


def _wanted(
    chosen: Mapping[str, tuple[list[str], list[str]]],
    content: Mapping[str, Any],
    seeds: Sequence[int],
) -> dict[tuple[str, str], dict[str, dict[str, list[int]]]]:
    """By task, row and dataset, the seeds with which the chosen rows take its trained models, as in a file.

    Args:
        seeds: those of the command line, which go before all others.
    """
    found: dict[tuple[str, str], dict[str, dict[str, list[int]]]] = {}
    for name, (datasets, rows) in chosen.items():
        task, section = find_task(name), _entries(content.get(name))
        of_rows, of_datasets = (_entries(section.get(word)) for word in (task.rows_word, task.datasets_word))
        for row in rows or [row for row, own in of_rows.items() if own is not False]:
            takes = task.rows[row].takes if row in task.rows else None
            if takes is None:
                continue
            known = found.setdefault((task_behind(task.rows[row]).name, takes.row), {})
            own = _entries(of_rows.get(row))
            cells = _entries(own.get(task.datasets_word))
            there = [each for each, of_data in of_datasets.items() if of_data is not False]
            for_it = [each for each in datasets or there if not cells or cells.get(each, False) is not False]
            for each in datasets if rows and datasets else for_it:
                # what is no list of seeds is refused where it stands when the whole is read
                given = (seeds, *(level.get("seeds") for level in (_entries(cells.get(each)), own, section, content)))
                of_cell = known.setdefault(each, {"seeds": []})["seeds"]
                of_taker = next((level for level in given if level and _are_numbers(level)), [0])
                of_cell += [seed for seed in of_taker if seed not in of_cell]
    return {key: of_row for key, of_row in found.items() if of_row}


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int for each in value)


def _require(names: Sequence[str], known: Mapping[str, Sequence[str]], option: str) -> None:
    every = {each: None for of_task in known.values() for each in of_task}
    for name in names:
        if name not in every and not _says_itself(name):
            of = "" if len(known) != 1 else f" of {next(iter(known))}"
            raise UserError(f"{option} {name}: there is none of this name{of}{did_you_mean(name, every)}")


def _says_itself(name: str) -> bool:
    """Whether a name stands for a user-defined model or dataset, which no task knows."""
    return ":" in name or is_user_defined(name)


def _known_datasets(task: Task, content: Mapping[str, Any]) -> list[str]:
    return [*known_datasets(*task.kinds), *_entries(_entries(content.get(task.name)).get(task.datasets_word))]


def _known_rows(task: Task, content: Mapping[str, Any]) -> list[str]:
    return [*task.table_rows, *_entries(_entries(content.get(task.name)).get(task.rows_word))]


def _entries(value: Any) -> dict[str, Any]:
    """Settings by name; a list has names alone."""
    if isinstance(value, Mapping):
        return dict(value)
    return dict.fromkeys(map(str, value)) if isinstance(value, list) else {}


def _only(names: Sequence[str], below: Mapping[str, Any]) -> dict[str, Any]:
    """The named with what is below them, and not the others."""
    return {name: None for name in names} | {name: False for name in below if name not in names}


def _without_settings(names: Sequence[str], below: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    every = [settings for settings in map(_entries, below.values()) if settings]
    others = (
        [key for key in every[0] if key not in given and all(key in settings for settings in every)] if every else []
    )
    return [
        f"{name}: the configuration has no {', '.join(others)} for it, so the published protocol's hold; "
        "--set KEY=VALUE gives others"
        for name in names
        if others and not below.get(name)
    ]


def _names(values: Sequence[str]) -> list[str]:
    """Names without repetition; several may stand in one value, with commas between."""
    return [*dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip())]


def _seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first or last - first > 100_000:
            raise UserError(f"--seeds {text}: write numbers and ranges with commas between, as 0-4 or 0,3,7")
        seeds += range(first, last + 1)
    return [*dict.fromkeys(seeds)]
