"""From what a record says of its run to the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgmbench.data.catalogue import title_of
from dgmbench.errors import UserError
from dgmbench.run.settings import checked
from dgmbench.run.spec import LARGEST_SEED, RunSpec
from dgmbench.tasks import find_task

_DEFAULTS: dict[str, Any] = {"factory": "", "settings": {}, "options": {}}


def spec_of(content: Mapping[str, Any], where: str) -> RunSpec:
    """A run from the plain values of its specification.

    Raises:
        UserError: a task or a setting is unknown here, or a value is none of its kind.
    """
    names = [content[key] for key in ("task", "dataset", "model", "factory")]
    seed, options = content["seed"], content["options"]
    whole = isinstance(seed, int) and 0 <= seed <= LARGEST_SEED and isinstance(options, dict)
    if not whole or not all(isinstance(name, str) for name in names):
        raise UserError(f"{where}: this is no run: {str(dict(content))[:200]}")
    task, dataset, model, factory = names
    try:
        known = find_task(task)
    except UserError as error:
        raise UserError(f"{where}: {error}; install the package that the task is from") from None
    settings = checked(known.settings, content["settings"], f"{where}: {model} on {title_of(dataset)}")
    source = content.get("source")  # the training alone, without what is as by default
    taken = spec_of(_DEFAULTS | dict(source), where) if isinstance(source, Mapping) else None
    return RunSpec(task, dataset, model, settings, seed, factory, options, taken)
