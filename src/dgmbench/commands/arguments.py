"""From the arguments of ``train``, ``evaluate`` and ``check`` to the run that they name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dgmbench.data.catalogue import require_dataset
from dgmbench.errors import UserError
from dgmbench.run.config import build_run
from dgmbench.run.spec import RunSpec
from dgmbench.tasks import find_task

_PLACE = "command line"


def parse_run(
    task_name: str, dataset: str, model: str, seed: int, factory: str, settings: list[str], options: list[str]
) -> RunSpec:
    """The run that these arguments name.

    Args:
        settings: each ``key=value``, the value as JSON or plain text.
        options: each ``key=JSON``.

    Raises:
        UserError: an unknown name, or a value that cannot be read or is out of range.
    """
    task = find_task(task_name)
    require_dataset(dataset, task.kinds, _PLACE)
    layer = read_pairs(settings)
    for key in ("options", "factory"):
        if key in layer:
            raise UserError(f"--set {key}: this is no setting; use --{key.removesuffix('s')}")
    layer["options"] = {key: _value(value, f"--option {key}={value}") for key, value in map(_pair, options)}
    if factory:
        layer["factory"] = factory
    return build_run(task, dataset, model, seed, [(layer, _PLACE)], _PLACE)


def read_pairs(settings: Sequence[str]) -> dict[str, Any]:
    """The values of ``KEY=VALUE`` by key, each as JSON or plain text.

    Raises:
        UserError: an equals sign is missing.
    """
    return {key: _value(value) for key, value in map(_pair, settings)}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text!r} is not KEY=VALUE")
    return key, value


def _value(text: str, mistake: str = "") -> Any:
    """What JSON says, or the text itself where that is no mistake."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if mistake:
            raise UserError(f"{mistake}: the value is not JSON; write text as {json.dumps(text)}") from None
        return text
