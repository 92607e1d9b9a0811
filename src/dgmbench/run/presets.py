"""Presets: configuration files in a folder of their own, known by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dgmbench.errors import UserError
from dgmbench.names import close_match, did_you_mean
from dgmbench.run.checkout import PRESETS, checkout
from dgmbench.run.config_files import Configuration, shown


def preset_files(name: str, folder: Path = PRESETS) -> list[Path]:
    """What is laid over the default configuration for a preset; nothing for ``default``.

    Raises:
        UserError: there is no such preset.
    """
    if name == "default":
        return []
    known = {path.stem: path for path in folder.glob("*.yaml")}
    if not known:
        raise UserError(f"there is no preset {name!r}, nor any other, in {folder}; change to {checkout()}")
    if name not in known:
        raise UserError(f"unknown preset {name!r}{did_you_mean(name, ['default', *known])}")
    return [known[name]]


def given_by_name(given: Mapping[str, Any], files: Sequence[Path], folder: Path) -> list[Path]:
    """The file of the preset that ``--config preset=NAME`` means, where no file is given beside it.

    With files, or with a name that no preset has, it only names the folder of the results.
    """
    path = folder / f"{given.get('preset')}.yaml"
    return [path] if "preset" in given and not files and path.is_file() else []


def notice(configuration: Configuration, folder: Path = PRESETS) -> str:
    """One line about a configuration that has a preset's name, or nearly that, and not its settings; else empty."""
    name = str(configuration.content.get("preset"))
    place = configuration.places.get("preset")
    presets = {path.stem for path in folder.glob("*.yaml")}
    if place == "--config" and name not in {*presets, "default"}:
        close = close_match(name, presets)
        only = f"{place}: there is no preset {name}, so this only names the folder results/{name}"
        return f"{only}; did you mean {close}?" if close else ""
    file = shown((folder / f"{name}.yaml").absolute())
    if not Path(file).is_file() or file in {shown(Path(other).absolute()) for other in configuration.files}:
        return ""
    return (
        f"{configuration.places['preset']}: preset {name} only names the folder results/{name} here, without the "
        f"settings of {file}; give that file as well for them, or another name"
    )
