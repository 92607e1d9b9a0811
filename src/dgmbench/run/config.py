"""From a configuration to the runs it asks for; every mistake in it is found before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dgmbench.data.catalogue import has_labels, require_dataset, require_titles
from dgmbench.errors import UserError
from dgmbench.names import accepted_options, did_you_mean, load_object
from dgmbench.run.config_files import Configuration, read_files
from dgmbench.run.config_values import choice, mapping_of, named, seeds_of
from dgmbench.run.needs import sources_of, task_behind, with_source
from dgmbench.run.option_types import misfits, of_one_type
from dgmbench.run.plan import Plan
from dgmbench.run.rows import find_row
from dgmbench.run.settings import Settings, checked
from dgmbench.run.spec import RunSpec, canonical_hash
from dgmbench.run.task import Places, Task

_LONGEST_PRESET = 200  # bytes, of the 255 of most file systems

Layer = tuple[Mapping[str, Any], str]
"""Settings, options and factory of a run, and the place where they stand."""


def read_config(paths: Sequence[Path]) -> dict[str, Any]:
    """Configuration files laid over each other, see `dgmbench.run.overlay`.

    Raises:
        UserError: see `dgmbench.run.config_files.read_files`.
    """
    return read_files(paths).content


KEYS = ("preset", "seeds", "tracking", "analyses", "threads")
"""Of a configuration, beside the names of tasks."""


def plan_of(configuration: Configuration, tasks: Mapping[str, Task]) -> Plan:
    """The runs that configuration files ask for.

    Raises:
        UserError: see `read_plan`; it also names the file and the line.
    """
    try:
        return read_plan(configuration.content, tasks)
    except UserError as error:
        raise UserError(configuration.located(str(error))) from error


def read_plan(config: Mapping[str, Any], tasks: Mapping[str, Task]) -> Plan:
    """The runs that a configuration asks for.

    A cell's settings are, the later one winning: the published protocol, what belongs to the row's name, the task's
    ``settings``, the dataset's, the row's, the row's for this dataset. Seeds are those of the row for this dataset, the
    row's, the task's or the configuration's.

    Args:
        tasks: all there are, by name; a section of the configuration belongs to each.

    Raises:
        UserError: an unknown key, name, setting or option, or a value out of range, and where it stands.
    """
    known = {*KEYS, *tasks}
    for key in config:
        if key not in known:
            raise UserError(f"config.{key}: unknown key {key!r}{did_you_mean(str(key), known)}")
    preset = checked_preset(config.get("preset", "default"), "config.preset")
    threads = config.get("threads", 1)
    if type(threads) is not int or threads < 1:
        raise UserError(f"config.threads: {threads!r} is not a whole number of at least 1")
    tracking, analysed = choice(config, "tracking", True), choice(config, "analyses", False)
    seeds = seeds_of(config.get("seeds", [0]), "config.seeds")
    runs: list[RunSpec] = []
    analyses: dict[str, Settings] = {}
    for name, task in tasks.items():
        section = mapping_of(config.get(name) or None, f"config.{name}")  # false leaves a task out
        of_task = _task_runs(task, section, seeds)
        runs += of_task
        if task.analysis:
            where = f"config.{name}.analysis"
            analyses[name] = checked(task.analysis.settings, mapping_of(section.get("analysis"), where), where)
    runs = [with_source(tasks[run.task], run, runs) for run in runs]
    runs = [run for run in runs if _has_table(config[run.task], run.task)]
    if not runs:
        for name in tasks:
            if line := _selects_nothing(tasks[name], config.get(name, False)):
                raise UserError(line)
        first, *others = tasks.values()
        both = f"{first.name}.{first.datasets_word} and {first.name}.{first.rows_word}"
        more = f", or those of {' or '.join(task.name for task in others)}" if others else ""
        raise UserError(f"config: no runs; give {both}{more}")
    used = {name: task for name, task in tasks.items() if any(run.task == name for run in runs)}
    taken = {source.task for run in runs for source in sources_of(run)}
    behind = {name: task for name, task in tasks.items() if name in taken and name not in used}
    analyses = {name: settings for name, settings in analyses.items() if name in used}
    plan = Plan(preset, used, tuple(runs), tracking, threads, analyses, analysed, behind)
    for name in used:
        plan.runs_before(name)  # raises for mistakes that only the whole plan shows
    return plan


def _has_table(section: Mapping[str, Any], task: str) -> bool:
    return choice(section, "table", True, f"config.{task}")


def without_effect(configuration: Configuration, plan: Plan, tasks: Mapping[str, Task]) -> list[str]:
    """A line for each part of a configuration that changes nothing, and does not say so itself.

    These are a section or a row that asks for no run, and what a row has for a training that another task does.
    """
    lines: list[str] = []
    for name, task in tasks.items():
        section = configuration.content.get(name, False)
        if name in plan.tasks or name in plan.behind:
            found = [*_rows_without_a_run(task, section), *_settings_without_effect(task, section)]
            lines += map(configuration.located, found)
        elif line := _selects_nothing(task, section):
            lines.append(configuration.located(line))
    return lines


def _selects_nothing(task: Task, section: Any) -> str:
    """What a section lacks, which asks for no run; empty where its task is left out."""
    if section is False:
        return ""
    if section and section.get("table") is False:
        either = f"write table: true, or {task.name}: false"
        return f"config.{task.name}: its table is left out, and no row takes its trained models; {either}"
    words = (task.datasets_word, task.rows_word)
    lacking = [word for word in words if not named((section or {}).get(word), "")]
    if not lacking:
        why = f"as none of its {task.rows_word} is for these {task.datasets_word}"
        return f"config.{task.name}: this selects nothing, {why}; change one of both, or write {task.name}: false"
    both = " and ".join(f"{task.name}.{word}" for word in words)
    line = f"config.{task.name}: this selects nothing, as it names no {' and no '.join(lacking)}; give {both}"
    return f"{line}, or write {task.name}: false"


def _rows_without_a_run(task: Task, section: Any) -> list[str]:
    """A line for each row that is for other datasets than those of its section."""
    word = task.datasets_word
    datasets, rows = named((section or {}).get(word), ""), named((section or {}).get(task.rows_word), "")
    own_datasets = {row: named(own[word], "") for row, own in rows.items() if word in own}
    return [
        f"config.{task.name}.{task.rows_word}.{row}: no run, as it is for {' and '.join(own)} only"
        for row, own in own_datasets.items()
        if not own.keys() & datasets.keys()
    ]


def _settings_without_effect(task: Task, section: Any) -> Iterator[str]:
    """A line for each row that takes a trained model of another task, and has settings of that training itself."""
    for row, own in named((section or {}).get(task.rows_word), "").items():
        takes = task.rows[row].takes if row in task.rows and "factory" not in own else None
        if takes is None:
            continue
        other, where = task_behind(task.rows[row]), f"config.{task.name}.{task.rows_word}.{row}"
        there = f"{other.name}.{other.rows_word}.{takes.row}"
        both = task.settings.model_fields.keys() & other.settings.model_fields.keys()
        of_training = {key for key in both if task.settings.stage_of(key) == "training"}
        cells = named(own.get(task.datasets_word), "")
        levels = {where: own} | {f"{where}.{task.datasets_word}.{each}": cell for each, cell in cells.items()}
        for place, values in levels.items():
            for key in (key for key in values if key in of_training):
                yield f"{place}.{key}: {row} is trained as {there} says, without this; set {key} there"


def _task_runs(task: Task, section: Mapping[str, Any], seeds: list[int]) -> list[RunSpec]:
    place = f"config.{task.name}"
    known = {"settings", "seeds", "table", task.datasets_word, task.rows_word, *(["analysis"] if task.analysis else [])}
    for key in section:
        if key not in known:
            raise UserError(f"{place}.{key}: unknown key {key!r}{did_you_mean(key, known)}")
    datasets = named(section.get(task.datasets_word), f"{place}.{task.datasets_word}")
    models = named(section.get(task.rows_word), f"{place}.{task.rows_word}")
    common = mapping_of(section.get("settings"), f"{place}.settings")
    seeds = seeds_of(section["seeds"], f"{place}.seeds") if "seeds" in section else seeds
    cells, own_seeds = {}, {}
    for model, settings in models.items():
        where = f"{place}.{task.rows_word}.{model}"
        cells[model] = _own_datasets(task, settings, where) or {dataset: {} for dataset in datasets}
        own_seeds[model] = seeds_of(settings["seeds"], f"{where}.seeds") if "seeds" in settings else seeds
    runs = []
    for dataset in datasets:
        require_dataset(dataset, task.kinds, f"{place}.{task.datasets_word}.{dataset}")
    elsewhere: dict[str, dict[str, Any]] = {
        dataset: {} for of_row in cells.values() for dataset in of_row if dataset not in datasets
    }
    for dataset, of_dataset in {**datasets, **elsewhere}.items():  # what is for others is checked alone
        where_dataset = f"{place}.{task.datasets_word}.{dataset}"
        for model, settings in models.items():
            where = f"{place}.{task.rows_word}.{model}"
            if model in task.rows and not task.rows[model].in_table:
                raise UserError(f"{where}: {model} is no row of the table; it is trained where a run needs it")
            if dataset not in cells[model]:
                continue
            of_model = {key: value for key, value in settings.items() if key not in ("seeds", task.datasets_word)}
            where_cell, of_cell = f"{where}.{task.datasets_word}.{dataset}", dict(cells[model][dataset])
            of_seeds = seeds_of(of_cell.pop("seeds"), f"{where_cell}.seeds") if "seeds" in of_cell else own_seeds[model]
            layers = [
                (common, f"{place}.settings"),
                (of_dataset, where_dataset),
                (of_model, where),
                (of_cell, where_cell),
            ]
            cell = build_run(task, dataset, model, of_seeds[0], layers, where)
            runs += [replace(cell, seed=seed) for seed in of_seeds if dataset in datasets]
    require_titles(datasets, f"{place}.{task.datasets_word}")
    return runs


def _own_datasets(task: Task, of_model: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Which of its section's datasets a row is for, and its settings for each; empty for all."""
    word = task.datasets_word
    if word not in of_model:
        return {}
    names, where = of_model[word], f"{where}.{word}"
    if not isinstance(names, list | Mapping):
        raise UserError(f"{where}: {names!r} is not a list of names of {word}, nor a mapping of names to settings")
    cells = named(names, where)
    if not cells:
        raise UserError(f"{where}: {names!r} names none of the {word}; name one, or leave the row out")
    for name in cells:
        require_dataset(name, task.kinds, f"{where}.{name}")
    return cells


def build_run(task: Task, dataset: str, model: str, seed: int, layers: Sequence[Layer], where: str) -> RunSpec:
    """One run from layers of settings; later layers win.

    Raises:
        UserError: see `read_plan`.
    """
    factory = ""
    for layer, place in layers:
        factory = layer.get("factory", factory)
        if not isinstance(factory, str):
            raise UserError(f"{place}.factory: {factory!r} is not module:Class")
    try:
        row = find_row(task, model, factory)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if row.datasets and dataset not in row.datasets:
        advice = f"leave it out, or give it {task.datasets_word}: [{', '.join(row.datasets)}]"
        raise UserError(f"{where}: {model} is for {' and '.join(row.datasets)} only, not {dataset}; {advice}")
    if (task.labels or row.labels) and not has_labels(dataset):
        who = task.name if task.labels else model
        raise UserError(f"{where}: {who} needs labels, which {dataset} does not have; leave one of both out")
    settings: dict[str, Any] = dict(row.settings)
    options: dict[str, Any] = {**row.options, **row.by_dataset.get(dataset, {})}
    explicit: dict[str, Any] = {}
    places: dict[str, str] = {}  # of the options
    set_at: dict[str, str] = {}
    for layer, place in layers:
        values = {key: value for key, value in layer.items() if key not in ("options", "factory")}
        _require_no_option(values.keys() - task.settings.model_fields.keys(), row.factory, model, place)
        checked(task.settings, values, place)
        settings |= values
        set_at |= dict.fromkeys(values, place)
        of_layer = _options(layer.get("options"), f"{place}.options", task)
        explicit |= of_layer
        places |= dict.fromkeys(of_layer, f"{place}.options")
    for name, value in row.settings.items():
        if settings[name] != value:
            raise UserError(f"{where}: {model} has {name} {value} by definition, not {settings[name]}")
    user_defined = model not in task.rows or bool(factory)
    # what is as the row's own options are needs no check, which would import the model's libraries
    if user_defined or not all(key in options and of_one_type(explicit[key], options[key]) for key in explicit):
        _check_class(row.factory, explicit, places, where, user_defined)
    given = checked(task.settings, settings, where)
    spec = RunSpec(task.name, dataset, model, given, seed, row.factory if user_defined else "", {**options, **explicit})
    task.rule(spec, row, Places(where, set_at))
    return spec


def _require_no_option(unknown: Iterable[str], factory: str, model: str, place: str) -> None:
    """Raise a UserError for what is no setting but an argument of the model's class."""
    if not (unknown := sorted(unknown)):
        return
    try:
        accepted = accepted_options(load_object(factory))
    except (UserError, ValueError):  # a class that cannot be imported, or read, is another mistake
        return
    for key in unknown:
        if key in accepted:
            raise UserError(
                f"{place}.{key}: {key} is no setting but an option of {model}; a configuration has it as "
                f"options: {{{key}: ...}}, 'dgmbench train' as --option {key}=..."
            )


def _check_class(
    factory: str, options: Mapping[str, Any], places: Mapping[str, str], where: str, user_defined: bool
) -> None:
    """Raise a UserError for a class that cannot be imported, or that does not take the options or their types."""
    try:
        accepted = accepted_options(loaded := load_object(factory))
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    except ValueError as error:  # some classes that are written in C
        raise UserError(
            f"{where}: {factory} does not tell its arguments; write a class with __init__ around it"
        ) from error
    for name in options:
        if name not in accepted:
            raise UserError(f"{places[name]}.{name}: unknown option {name!r}{did_you_mean(name, accepted)}")
    for name, meant in misfits(loaded, options, exact=not user_defined):
        says = f", as {factory} annotates it" if user_defined else ""
        raise UserError(f"{places[name]}.{name}: {options[name]!r} is not {meant}{says}")


def checked_preset(preset: Any, where: str) -> str:
    """A name for the folder of the results, in file systems and in the patterns of the workflow.

    Raises:
        UserError: it is none; says where it stands.
    """
    if not isinstance(preset, str):
        raise UserError(f"{where}: {preset!r} is not text; put it in quotes if it is the name")
    refused = [char for char in preset if char in "/{}" or not char.isprintable()]
    why = "it is empty"
    if refused:
        why = f"{refused[0]!r} is in it"
    elif preset.startswith("."):
        why = "it begins with a dot"
    elif preset != preset.strip():
        why = "it begins or ends with a space"
    elif len(os.fsencode(preset)) > _LONGEST_PRESET:
        why = f"it is longer than {_LONGEST_PRESET} bytes"
    elif preset == "reference":
        why = "the published runs are kept there"
    elif preset:
        return preset
    raise UserError(f"{where}: {preset!r} cannot name the folder of the results: {why}; choose another name")


def _options(value: Any, where: str, task: Task) -> dict[str, Any]:
    options = mapping_of(value, where)
    for name, content in options.items():
        if name in task.offers:
            setting = f": set {name} itself" if name in task.settings.model_fields else ""
            raise UserError(f"{where}.{name}: {task.name} gives this to the class{setting}")
        try:
            canonical_hash(content)
        except (TypeError, ValueError) as error:
            raise UserError(f"{where}.{name}: {content!r} is no text, number, list or mapping ({error})") from error
    return options
