"""What stands in a configuration as it was read: mappings, names with settings, seeds, choices, each checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dgmbench.errors import UserError
from dgmbench.run.spec import LARGEST_SEED


def choice(config: Mapping[str, Any], key: str, otherwise: bool, place: str = "config") -> bool:
    """What is true or false; a UserError for anything else."""
    value = config.get(key, otherwise)
    if type(value) is not bool:
        raise UserError(f"{place}.{key}: {value!r} is not true or false")
    return value


def seeds_of(seeds: Any, where: str) -> list[int]:
    """A list of different seeds; a UserError for anything else."""
    if not isinstance(seeds, list) or not seeds or any(type(s) is not int or not 0 <= s <= LARGEST_SEED for s in seeds):
        raise UserError(f"{where}: {seeds!r} is not a list of whole numbers from 0 to {LARGEST_SEED}")
    if len(set(seeds)) < len(seeds):
        raise UserError(f"{where}: {seeds!r} names a seed twice")
    return seeds


def mapping_of(value: Any, where: str) -> dict[str, Any]:
    """Values by name, none for None; a UserError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        own_class = isinstance(value, str) and re.fullmatch(r"[\w.]+:\w+", value)
        advice = f"; a row of your own is written as {{factory: {value}}}" if own_class else ""
        raise UserError(f"{where}: expected a mapping of names to values, not {value!r}{advice}")
    return {str(name): content for name, content in value.items()}


def named(value: Any, where: str) -> dict[str, dict[str, Any]]:
    """Settings by the name they belong to; a UserError where there are none such.

    A list stands for names without settings; ``name: false`` leaves one out.
    """
    if isinstance(value, list):
        for name in value:
            if not isinstance(name, str):
                raise UserError(f"{where}: {_no_name(name)}")
            if value.count(name) > 1:
                raise UserError(f"{where}: {name} stands twice in the list; name it once")
        value = {name: {} for name in value}
    return {
        name: mapping_of(content, f"{where}.{name}")
        for name, content in mapping_of(value, where).items()
        if content is not False
    }


def _no_name(value: Any) -> str:
    """What is wrong with an element of a list of names."""
    match value:
        case {}:
            names = " and ".join(map(str, value))
            return f"a list holds names alone; to give {names} settings, write 'name: settings' without dashes"
        case None:
            return "a name is missing after the dash"
        case bool() | int() | float():
            return f"{value!r} is no name; put it in quotes if it is one"
    return f"{value!r} is no name"
