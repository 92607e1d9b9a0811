"""A user-defined corpus from files: a CSV file, a JSON-lines file, or a folder of text files.

In a configuration it is named ``file:PATH``, with options as in a web address:
``file:reviews.csv?text=body&label=stars&name=reviews``.
"""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from dgmbench.data.formats.labelled import Row, not_utf8, say_once
from dgmbench.data.formats.labelled_csv import read_csv
from dgmbench.data.formats.labelled_json import read_json_lines
from dgmbench.data.formats.text_folder import read_folder, text_files
from dgmbench.data.labels import alike, listed, shown
from dgmbench.data.part_folders import part_folders, part_of
from dgmbench.data.splitting import drawn_for_testing
from dgmbench.data.text import CorpusSplits, LabelledText, make_splits
from dgmbench.data.words import load_tokenizer, split_words, undivided
from dgmbench.errors import UserError, counted
from dgmbench.names import did_you_mean

PREFIX = "file:"
OPTIONS = ("text", "label", "test", "seed", "tokenizer", "name")
TITLE = re.compile(r"[\w+.-]([\w+. -]{0,38}[\w+.-])?")
_READERS = {".csv": read_csv, ".tsv": read_csv, ".jsonl": read_json_lines}


@dataclass(frozen=True)
class UserFiles:
    """What ``file:PATH?text=COLUMN&label=COLUMN&test=PATH&seed=NUMBER&tokenizer=module:function&name=NAME`` says.

    Attributes:
        path: of the documents: those for training where ``test`` is given.
        test: where the test documents are; None where they are drawn from all.
        text, label: the columns.
        seed: of the drawing.
        tokenizer: ``module:function`` from a text to its words; empty for `split_words`.
    """

    path: Path
    test: Path | None
    text: str
    label: str
    seed: int
    tokenizer: str


def read_corpus(name: str) -> CorpusSplits:
    """The corpus of a user's files.

    PATH is a ``.csv`` (or ``.tsv``) file with a header, a ``.jsonl`` file of objects, or a folder with a folder of
    ``.txt`` files for each class. ``text`` and ``label`` name the columns (so are they called by default); ``test`` is
    where the test documents lie, in the same form. Without it, a folder with ``train`` and ``test`` inside, by any of
    their names (`part_of`), is taken so, and else a fifth of every class is for testing (`dgmbench.data.splitting`),
    drawn by ``seed``, 0 by default. Words are the runs of letters, lower-case, or what ``tokenizer`` makes of a text;
    stop words are left out.

    Classes that have no document in one of the parts are named in the log.

    Raises:
        UserError: what is missing or wrong, in which file and line.
    """
    with _one_line():
        files = parse_name(name)
        _files(files)
        rows = _read(files.path, files)
        if files.test is None:
            tested = drawn_for_testing([row.label for row in rows], files.seed)
        else:
            further = _read(files.test, files)
            tested = [False] * len(rows) + [True] * len(further)
            rows += further
        _require_labels(rows)
        texts = _texts(rows, files)
        train, test = (
            [text for text, is_test in zip(texts, tested, strict=True) if is_test is part] for part in (False, True)
        )
        if len({row.label for row in rows}) < 2:
            raise UserError(f"{files.path}: {counted(len(rows), 'document')} of one class; give two classes or more")
        if len({document.label for document in train}) < 2 or not test:
            raise UserError(
                f"{files.path}: {len(train)} training and {counted(len(test), 'test document')}; give training "
                "documents of two classes or more, and a test document"
            )
        _say_what_one_part_lacks(options_of(name).get("name", name), train, test)
        splits = make_splits(train, test)
        if not splits.train.n_words:
            raise UserError(f"{files.path}: none of the {len(rows)} documents has a word, stop words and digits apart")
        return splits


def corpus_files(name: str) -> list[Path]:
    """The files that a corpus ``file:PATH?...`` is read from, sorted.

    Raises:
        UserError: an unknown option, or a path that does not exist.
    """
    with _one_line():
        return sorted(_files(parse_name(name)))


def parse_name(name: str) -> UserFiles:
    """What a name ``file:PATH?...`` says.

    Raises:
        UserError: an unknown option, a value that is none, or a path that does not exist.
    """
    address, _, query = name.removeprefix(PREFIX).partition("?")
    options = options_of(name)
    for option, value in options.items():
        if option not in OPTIONS:
            raise UserError(f"{name}: unknown option {option!r}{did_you_mean(option, OPTIONS)}")
        if not value:
            raise UserError(f"{name}: option {option} has no value")
    if len(parse_qsl(query, keep_blank_values=True)) > len(options):
        raise UserError(f"{name}: an option is given twice")
    if not TITLE.fullmatch(options.get("name", "none")):
        raise UserError(f"{name}: name {options['name']!r} is not 1 to 40 letters, digits, spaces and any of _ + . -")
    text, label = options.get("text", "text"), options.get("label", "label")
    if text == label:
        raise UserError(f"{name}: text and label are one column, {text!r}")
    path, test = _path(unquote(address), name), _path(options["test"], name) if "test" in options else None
    if test is None and path.is_dir() and (parts := _parts(path)):
        path, test = parts
    seed = options.get("seed", "0")
    if not re.fullmatch("[0-9]{1,9}", seed):
        raise UserError(f"{name}: seed {seed!r} is no whole number from 0 to 999999999")
    if "seed" in options and test is not None:
        raise UserError(f"{name}: seed draws the test documents, which {test} holds already; leave it out")
    return UserFiles(path, test, text, label, int(seed), options.get("tokenizer", ""))


def _parts(path: Path) -> tuple[Path, Path] | None:
    """The folders of the training and of the test documents in a folder, or None; what lies beside them is said."""
    inside = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    folders = [each for each in inside if each.is_dir()]
    named = [each for each in folders if part_of(each.name)]
    # a class may be called training: its folder holds texts, and that of a part holds folders
    alone = {part_of(each.name) for each in folders} >= {"train", "test"} and len(named) == len(folders)
    sure = [each for each in named if alone or each.name in ("train", "test") or _holds_folders(each)]
    parts = part_folders(path, sure)
    if not parts.keys() >= {"train", "test"}:
        return None
    train, test = parts["train"], parts["test"]
    if left_out := [each.name for each in inside if each not in (train, test)]:
        others = ", ".join(map(shown, left_out[:10]))
        say_once(logging.WARNING, f"{path}: left out {others} beside {train.name} and {test.name}")
    return train, test


def _holds_folders(path: Path) -> bool:
    return any(each.is_dir() and not each.name.startswith(".") for each in path.iterdir())


def options_of(name: str) -> dict[str, str]:
    """The options in a name, unchecked: ``name``, for tables, and ``tokenizer`` need no file to be there."""
    return dict(parse_qsl(name.partition("?")[2], keep_blank_values=True))


def _files(files: UserFiles) -> list[Path]:
    """Every file that is read; raises a UserError where one is no such file, or is read twice."""
    places = [files.path] if files.test is None else [files.path, files.test]
    for place in places:
        if not place.is_dir() and not (place.is_file() and place.suffix.lower() in _READERS):
            raise UserError(f"{place}: give a .csv file, a .tsv file, a .jsonl file or a folder of text files")
    found = [path for place in places for path in (text_files(place) if place.is_dir() else [place])]
    if twice := [path for path, number in Counter(map(os.path.realpath, found)).items() if number > 1]:
        raise UserError(f"{twice[0]} is read twice; the training and the test documents must be different files")
    return found


def _path(text: str, name: str) -> Path:
    if not text:
        raise UserError(f"{name}: no path; write file:reviews.csv")
    try:
        path = Path(text).expanduser()
        if path.exists():
            return path
    except RuntimeError as error:  # ~name of no user
        raise UserError(f"{name}: {error}") from error
    raise UserError(f"{name}: no file or folder {path}")


def _read(path: Path, files: UserFiles) -> list[Row]:
    """The documents of a file or folder, in order."""
    try:
        found = list(
            read_folder(path) if path.is_dir() else _READERS[path.suffix.lower()](path, files.text, files.label)
        )
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    if not found:
        raise UserError(f"{path} holds no documents: {_what_it_should_hold(path)}")
    return found


def _what_it_should_hold(path: Path) -> str:
    if not path.is_dir():
        return "it has no rows"
    if parts := sorted(each.name for each in path.iterdir() if each.is_dir() and part_of(each.name)):
        return f"give the folder of one part ({', '.join(map(shown, parts))})"
    return "a folder, also one of training or test documents, holds a folder of .txt files for each class"


def _require_labels(rows: list[Row]) -> None:
    places = {row.label: row.where for row in reversed(rows)}
    if pair := alike(places):
        first, second = (f"{shown(label)} ({places[label]})" for label in pair)
        raise UserError(f"the classes {first} and {second} differ in case, spaces or form alone; write them alike")


def _texts(rows: list[Row], files: UserFiles) -> list[LabelledText]:
    """The words of each document."""
    split = load_tokenizer(files.tokenizer) if files.tokenizer else split_words
    texts = []
    for row in rows:
        try:
            texts.append(LabelledText(row.label, list(split(row.text))))
        except UserError as error:
            raise UserError(f"{row.where}: {error}") from error
    if not files.tokenizer and (example := undivided(word for text in texts for word in text.words)):
        raise UserError(
            f"{files.path}: no spaces stand between words, as in {shown(example, 20)}: add tokenizer=module:function "
            "to the name, a function from a text to the list of its words"
        )
    return texts


def _say_what_one_part_lacks(corpus: str, train: list[LabelledText], test: list[LabelledText]) -> None:
    of_train, of_test = ({document.label for document in part} for part in (train, test))
    for part, missing in (("training", of_test - of_train), ("test", of_train - of_test)):
        if missing:
            say_once(logging.WARNING, f"{corpus}: no {part} document of a class ({listed(missing)})")


@contextmanager
def _one_line() -> Iterator[None]:
    """Names, paths and cells of the user's may have line breaks; what is said of them has none."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot read {error.filename!r}: {error.strerror}") from error
    except UserError as error:
        if len(str(error).splitlines()) < 2:
            raise
        raise UserError(" ".join(str(error).split())) from error
