"""A folder of text files: a folder for each class."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from dgmbench.data.formats.labelled import Row, not_utf8, read_label, require_text, say_once
from dgmbench.data.labels import shown
from dgmbench.errors import UserError

ENDING = ".txt"


def read_folder(path: Path) -> Iterator[Row]:
    """The texts of a folder, class by class in the order of names; what is left out is counted in the log.

    Raises:
        UserError: a file cannot be read or is not UTF-8.
    """
    files = text_files(path)
    _say_what_is_left_out(path, files)
    for file in files:
        if not file.is_file():
            raise UserError(f"{file} is no file that can be read")
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise not_utf8(file, error) from error
        require_text(text, str(file))
        yield Row(text, read_label(file.parent.name, "class", str(file)), str(file))


def text_files(path: Path) -> list[Path]:
    """The files that are read: ``<class>/<name>.txt`` in any case, but hidden ones, sorted."""
    return sorted(file for folder in _classes(path) for file in folder.iterdir() if _is_text(file))


def _classes(path: Path) -> list[Path]:
    return [folder for folder in path.iterdir() if folder.is_dir() and not _is_hidden(folder)]


def _is_text(path: Path) -> bool:
    return path.suffix.lower() == ENDING and not _is_hidden(path) and not path.is_dir()


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _say_what_is_left_out(path: Path, files: list[Path]) -> None:
    entries = [*path.iterdir(), *(entry for folder in _classes(path) for entry in folder.iterdir())]
    hidden = sum(map(_is_hidden, entries))
    other = len(entries) - hidden - len(_classes(path)) - len(files)
    if hidden or other:
        left_out = f"{hidden} hidden files and folders, and {other} that are no <class>/<name>{ENDING}"
        say_once(logging.INFO, f"{path}: left out {left_out}")
    if empty := sorted({folder.name for folder in _classes(path)} - {file.parent.name for file in files}):
        say_once(logging.WARNING, f"{path}: no {ENDING} file in {', '.join(map(shown, empty))}: no such class")
