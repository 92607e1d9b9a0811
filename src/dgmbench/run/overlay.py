"""One configuration laid over another: key by key, a name alone keeps its settings, and a list of names selects.

What ``false`` leaves out is remembered until all layers are laid: a layer above may ask for it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


class _LeftOut(dict[str, Any]):
    """Settings below a ``false``: a later file that asks for the name again gets them back."""


_OTHER_WORDS = {"settings", "seeds", "analysis", "options"}
"""The others in a task's section name its datasets and its rows; a row, too, has the datasets that it is for."""


def overlay(below: dict[str, Any], above: Mapping[str, Any], path: tuple[str, ...] = ()) -> None:
    """Lay one configuration over another, which changes: key by key; what is no mapping is replaced.

    A name alone keeps what is below it, and so does a list of names, which leaves the others out.

    Args:
        path: of both within the configuration.
    """
    for key, value in above.items():
        old, place = below.get(key), (*path, key)
        lists_names = len(place) in (2, 4) and not _OTHER_WORDS & {place[1], key}
        if lists_names and _are_names(old) and isinstance(value, Mapping):
            old = below[key] = dict.fromkeys(old)
        if not isinstance(old, dict):
            below[key] = value
        elif lists_names and _are_names(value):
            below[key] = _selected(value, old)
        elif value is False:
            below[key] = _LeftOut(old)
        elif value is None or isinstance(value, Mapping):
            below[key] = dict(old)
            overlay(below[key], value or {}, place)
        else:
            below[key] = value


def _are_names(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _selected(names: list[str], below: Mapping[str, Any]) -> dict[str, Any]:
    """The named, in their order and with their settings; the others are left out."""
    chosen = {name: dict(old) if isinstance(old := below.get(name), dict) else None for name in names}
    return chosen | {name: _LeftOut(old or {}) for name, old in below.items() if name not in chosen}


def settled(content: Mapping[str, Any], with_left_out: bool = False) -> dict[str, Any]:
    """A configuration over which nothing more is laid: plain values.

    Args:
        with_left_out: as if nothing had been left out.
    """
    plain: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, _LeftOut) and not with_left_out:
            plain[key] = False
        else:
            plain[key] = settled(value, with_left_out) if isinstance(value, dict) else value
    return plain
