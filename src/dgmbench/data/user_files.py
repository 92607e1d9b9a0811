"""A user-defined corpus from files: a CSV file, a JSON-lines file, or a folder of text files.

In a configuration it is named ``file:PATH``, with options as in a web address:
``file:reviews.csv?text=body&label=stars``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from dgmbench.data.text import CorpusSplits, LabelledText, make_splits, split_words
from dgmbench.errors import UserError
from dgmbench.names import did_you_mean

PREFIX = "file:"
OPTIONS = ("text", "label", "test")
EVERY = 5
"""Without separate test documents, every fifth document is one."""


def read_corpus(name: str) -> CorpusSplits:
    """The corpus ``file:PATH?text=COLUMN&label=COLUMN&test=PATH``.

    PATH is a ``.csv`` file with a header, a ``.jsonl`` file of objects, or a folder with a folder of ``.txt`` files
    for each class. ``text`` and ``label`` name the columns (so are they called by default); ``test`` is where the test
    documents lie, in the same form. Without it, a folder with ``train`` and ``test`` inside is taken so, and else
    every fifth document is for testing. Words are the runs of letters, lower-case, without stop words.

    Raises:
        UserError: what is missing or wrong, in which file and line.
    """
    path, options = _parse_name(name)
    columns = options.get("text", "text"), options.get("label", "label")
    if "test" in options:
        train, test = _read(path, columns), _read(Path(options["test"]).expanduser(), columns)
    elif (path / "train").is_dir() and (path / "test").is_dir():
        train, test = _read(path / "train", columns), _read(path / "test", columns)
    else:
        everything = _read(path, columns)
        test = everything[EVERY - 1 :: EVERY]
        train = [document for i, document in enumerate(everything) if i % EVERY != EVERY - 1]
    if len({document.label for document in train}) < 2 or not test:
        raise UserError(f"{path}: {len(train)} training and {len(test)} test documents of one class; give two or more")
    return make_splits(train, test)


def corpus_files(name: str) -> list[Path]:
    """The files that a corpus ``file:PATH?...`` is read from, sorted.

    Raises:
        UserError: an unknown option, or a path that does not exist.
    """
    path, options = _parse_name(name)
    files: set[Path] = set()
    for place in (path, Path(options["test"]).expanduser()) if "test" in options else (path,):
        if not place.exists():
            raise UserError(f"{name}: no file or folder {place}")
        files |= {file for file in place.rglob("*") if file.is_file()} if place.is_dir() else {place}
    return sorted(files)


def _parse_name(name: str) -> tuple[Path, dict[str, str]]:
    address, _, query = name.removeprefix(PREFIX).partition("?")
    options = dict(parse_qsl(query))
    for option in options:
        if option not in OPTIONS:
            raise UserError(f"{name}: unknown option {option!r}{did_you_mean(option, OPTIONS)}")
    return Path(unquote(address)).expanduser(), options


def _read(path: Path, columns: tuple[str, str]) -> list[LabelledText]:
    """The documents of a file or folder, in order."""
    if not path.exists():
        raise UserError(f"no file or folder {path}")
    readers = {".csv": _csv, ".jsonl": _json_lines}
    if not path.is_dir() and path.suffix.lower() not in readers:
        raise UserError(f"{path}: give a .csv file, a .jsonl file or a folder of text files")
    try:
        texts = ((file.read_text(encoding="utf-8-sig"), file.parent.name) for file in sorted(path.glob("*/*.txt")))
        found = texts if path.is_dir() else readers[path.suffix.lower()](path, *columns)
        documents = [LabelledText(label, split_words(text)) for text, label in found]
    except UnicodeDecodeError as error:
        around = error.object[max(0, error.start - 12) : error.end + 8]
        raise UserError(f"{around!r} in {path} is not UTF-8; save the text as UTF-8") from error
    except OSError as error:
        raise UserError(f"cannot read {error.filename or path}: {error.strerror}") from error
    if not documents:
        raise UserError(f"{path} holds no documents")
    return documents


def _csv(path: Path, text: str, label: str) -> Iterator[tuple[str, str]]:
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        for column in (text, label):
            if column not in (rows.fieldnames or ()):
                known = [" ".join(name.split()) for name in rows.fieldnames or ()]  # a name can have line breaks
                raise UserError(f"{path} has no column {column!r}{did_you_mean(column, known)}")
        try:
            for row in rows:
                yield _pair(row, text, label, f"{path}, line {rows.line_num}")
        except csv.Error as error:
            raise UserError(f"{path}, line {rows.line_num}: {error}") from error


def _json_lines(path: Path, text: str, label: str) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(f"{where} is not JSON: {error.msg}") from error
            if not isinstance(row, dict):
                raise UserError(f"{where} is not an object with {text!r} and {label!r}")
            yield _pair(row, text, label, where)


def _pair(row: Mapping[str, object], text: str, label: str, where: str) -> tuple[str, str]:
    for column in (text, label):
        if row.get(column) in (None, "") and not (column == text and row.get(column) == ""):
            raise UserError(f"{where} has no {column!r}")
    return str(row[text]), str(row[label])
