"""From the arguments of ``train``, ``evaluate`` and ``check`` to the run that they name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dgmbench.data.catalogue import require_dataset
from dgmbench.errors import UserError
from dgmbench.run.config import build_run
from dgmbench.run.needs import task_behind
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Task
from dgmbench.tasks import all_tasks, find_task

_PLACE = "command line"


def parse_run(
    task_name: str,
    dataset: str,
    model: str,
    seed: int,
    factory: str,
    settings: Sequence[str],
    options: Sequence[str],
    source: str = "",
) -> RunSpec:
    """The run that these arguments name.

    Args:
        settings: each ``key=value``, the value as JSON or plain text.
        options: each ``key=JSON``.
        source: the arguments of the run whose trained model is taken; empty for that of the published settings, where
            the row takes one.

    Raises:
        UserError: an unknown name, or a value that cannot be read or is out of range.
    """
    task = find_task(task_name)
    require_dataset(dataset, task.kinds, _PLACE)
    layer = read_pairs(settings)
    for key in ("options", "factory"):
        if key in layer:
            raise UserError(f"--set {key}: this is no setting; use --{key.removesuffix('s')}")
    _require_row(task, model, factory)
    layer["options"] = {key: _value(value, f"--option {key}={value}") for key, value in map(_pair, options)}
    if factory:
        layer["factory"] = factory
    spec = build_run(task, dataset, model, seed, [(layer, _PLACE)], _PLACE)
    row = find_row(task, model, spec.factory)
    if row.takes is None:
        if source:
            raise UserError(f"--source: {model} takes no trained model")
        return spec
    other = task_behind(row)
    if source:
        return replace(spec, source=_source(source, other.name, row.takes.row))
    return replace(spec, source=build_run(other, dataset, row.takes.row, seed, [], _PLACE))


def _require_row(task: Task, name: str, factory: str) -> None:
    """Raise a UserError for an unknown row, which says where there is one of this name."""
    try:
        find_row(task, name, factory)
    except UserError as error:
        others = [f"the {each.row_word} {name} of {each.name}" for each in all_tasks().values() if name in each.rows]
        elsewhere = f"; there is {' and '.join(others)}" if others else ""
        raise UserError(f"{_PLACE}: {error}{elsewhere}") from None


def _source(text: str, task: str, row: str) -> RunSpec:
    """The run that arguments in one text name."""
    words = shlex.split(text)
    named: dict[str, list[str]] = {"--seed": [], "--factory": [], "--set": [], "--option": []}
    pairs = list(zip(words[3::2], words[4::2], strict=False))
    if len(words) < 3 or len(words) % 2 == 0 or any(key not in named for key, _ in pairs):
        raise UserError(f"--source {text!r}: write TASK DATASET MODEL and options as of 'dgmbench train', in quotes")
    if words[0] != task or words[2] != row:
        raise UserError(f"--source {text!r}: it takes the trained model of {task} DATASET {row}")
    for key, value in pairs:
        named[key].append(value)
    seed, factory = (named[key][-1] if named[key] else "" for key in ("--seed", "--factory"))
    if not (seed or "0").isdecimal():
        raise UserError(f"--source: the seed {seed!r} is no whole number")
    return parse_run(words[0], words[1], words[2], int(seed or 0), factory, named["--set"], named["--option"])


def read_pairs(settings: Sequence[str]) -> dict[str, Any]:
    """The values of ``KEY=VALUE`` by key, each as JSON or plain text.

    Raises:
        UserError: an equals sign is missing.
    """
    return {key: _value(value) for key, value in map(_pair, settings)}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text!r} is not KEY=VALUE; give the value as well: {text}=...")
    if not key:
        raise UserError(f"{text!r} is not KEY=VALUE; give a name before the equals sign")
    return key, value


def _value(text: str, mistake: str = "") -> Any:
    """What JSON says, or the text itself where that is no mistake."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if mistake:
            raise UserError(f"{mistake}: the value is not JSON; write text as {json.dumps(text)}") from None
        return text
