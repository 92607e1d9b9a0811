"""Bags of words as the UCI repository has them: counts in ``docword.NAME.txt``, the words in ``vocab.NAME.txt``.

The first three lines of the counts say how many documents, words and entries there are. An entry is a line: the number
of a document, that of a word, both from 1, and how often the word is in the document. Either file may be gzipped.
"""

from __future__ import annotations

import gzip
import io
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from dgmbench.data.labels import flaw, shown
from dgmbench.errors import UserError, counted

BLOCK = 4_000_000
"""Bytes of unpacked text that are looked at together."""
LONGEST_LINE = 1_000
MOST_DOCUMENTS, MOST_COUNT, MOST_TOKENS = 50_000_000, 1_000_000, 2**31 - 1
LARGEST_VOCABULARY = 500_000_000
"""Bytes."""
_DIGITS = 15
_FEW, _EMPTY = 1_000, 10  # so many documents for each entry, and some more, are no mistake: they may be empty


class Sizes(NamedTuple):
    """What the first three lines say, and where they stand."""

    documents: int
    words: int
    entries: int
    lines: tuple[int, int, int]


@contextmanager
def opened_counts(path: Path) -> Iterator[tuple[Sizes, Iterator[np.ndarray]]]:
    """The sizes of a file of counts, and its entries, read while they are asked for.

    The entries come in arrays (entries, 3) int64 of document, word and count, a few hundred thousand at a time,
    documents from 1 on in ascending order and each in one array alone.

    Raises:
        UserError: also while the entries are read: what is wrong, in which line.
    """
    with _opened(path) as stream:
        sizes = _read_sizes(path, stream)
        yield sizes, _entries(path, stream, sizes)


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """The words, one a line, in Unicode's composed form.

    Raises:
        UserError: the file cannot be read, a line is no word, or a word is there twice.
    """
    with _opened(path) as stream:
        content = stream.read(LARGEST_VOCABULARY + 1)
    if len(content) > LARGEST_VOCABULARY:
        raise UserError(f"{path} has more than {LARGEST_VOCABULARY:,} bytes: is this a list of words?")
    found: dict[str, int] = {}
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").rstrip().split(b"\n"), 1):
        where = f"{path}, line {number}"
        try:
            word = unicodedata.normalize("NFC", line.decode("utf-8").strip())
        except UnicodeDecodeError:
            raise UserError(f"{where}: the word {shown(line)} is not UTF-8; save the file as UTF-8") from None
        if not word:
            raise UserError(f"{where} has no word; give a word on each line")
        if what := flaw(word):
            raise UserError(f"{where}: the word {shown(word)} has {what}; take it out")
        if (first := found.setdefault(word, number)) != number:
            raise UserError(f"{where}: the word {shown(word)} is in line {first} already; give each word once")
    return tuple(found)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            yield io.BufferedReader(gzip.GzipFile(fileobj=stream)) if packed else stream
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or f"damaged or cut off ({error})"
        raise UserError(f"cannot read {path}: {reason}") from None


def _read_sizes(path: Path, stream: IO[bytes]) -> Sizes:
    found: list[tuple[int, int]] = []
    number = 0
    while len(found) < 3:
        line, number = stream.readline(LONGEST_LINE), number + 1
        if not line:
            raise UserError(f"{path} ends before it says, in three lines, how many documents, words and entries it has")
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        if not text.isdigit() or len(text) > _DIGITS or not int(text):
            raise UserError(
                f"{path}, line {number}: {_shown(text)} is no whole number from 1 on; the first three lines say how "
                "many documents, words and entries there are"
            )
        found.append((int(text), number))
    (documents, first), (words, second), (entries, third) = found
    sizes = Sizes(documents, words, entries, (first, second, third))
    if sizes.documents > MOST_DOCUMENTS:
        raise UserError(
            f"{path}, line {sizes.lines[0]}: {sizes.documents:,} documents; at most {MOST_DOCUMENTS:,} can be read"
        )
    if documents > _FEW + _EMPTY * entries:
        raise UserError(
            f"{path}, line {first}: {documents:,} documents, and line {third} says that they have {entries:,} entries "
            "together; correct these lines"
        )
    return sizes


def _entries(path: Path, stream: IO[bytes], sizes: Sizes) -> Iterator[np.ndarray]:
    """See `opened_counts`."""
    waiting = np.empty((0, 4), np.int64)  # of the last document so far, which may go on; the fourth column are lines
    read = tokens = 0
    for first, block in _blocks(path, stream, sizes.lines[2] + 1):
        rows = _parsed(path, first, block)
        read += len(rows)
        if read > sizes.entries:
            line = rows[len(rows) - (read - sizes.entries), 3]
            raise UserError(
                f"{path}, line {line} is one more than the {counted(sizes.entries, 'entry', 'entries')} that line "
                f"{sizes.lines[2]} says there are"
            )
        _check_ranges(path, rows, sizes)
        rows = np.concatenate([waiting, rows])
        _check_order(path, rows)
        if (tokens := tokens + int(rows[len(waiting) :, 2].sum())) > MOST_TOKENS:
            raise UserError(f"{path} has more than {MOST_TOKENS:,} tokens; give a part of the documents")
        ended = rows[:, 0] < rows[-1, 0] if len(rows) else np.empty(0, bool)
        waiting = rows[~ended]
        if ended.any():
            yield _without_copies(path, rows[ended])
    if read < sizes.entries:
        raise UserError(
            f"{path} has {counted(read, 'entry', 'entries')}, and line {sizes.lines[2]} says {sizes.entries:,}: is it "
            "cut off?"
        )
    yield _without_copies(path, waiting)


def _blocks(path: Path, stream: IO[bytes], number: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines, as many as are read together, and the number of the first."""
    rest = b""
    while read := stream.read(BLOCK):
        lines, newline, rest = (rest + read).rpartition(b"\n")
        if newline:
            yield number, lines + newline
            number += lines.count(b"\n") + 1
        if len(rest) > LONGEST_LINE:
            raise UserError(f"{path}, line {number} has more than {LONGEST_LINE:,} bytes: is this a file of counts?")
    if rest:
        yield number, rest


def _parsed(path: Path, first: int, block: bytes) -> np.ndarray:
    """(entries, 4) int64: the three numbers of each line that is not blank, and its own number."""
    import pyarrow
    from pyarrow import csv

    columns = ["document", "word", "count"]
    try:
        table = csv.read_csv(
            pyarrow.BufferReader(block),
            csv.ReadOptions(use_threads=False, column_names=columns),
            csv.ParseOptions(delimiter=" ", quote_char=False),
            csv.ConvertOptions(column_types=dict.fromkeys(columns, pyarrow.int64()), null_values=[]),
        )
    except pyarrow.ArrowInvalid:
        return _parsed_by_line(path, first, block)  # it may be more blanks than one, or tabs
    lines = np.arange(first, first + len(table))
    if block.rstrip(b"\n").count(b"\n") + 1 != len(table):
        lines = np.flatnonzero([bool(line.strip()) for line in block.split(b"\n")]) + first
    return np.column_stack([*(table[name].to_numpy() for name in columns), lines])


def _parsed_by_line(path: Path, first: int, block: bytes) -> np.ndarray:
    rows = []
    for number, line in enumerate(block.split(b"\n"), first):
        parts = line.split()
        if parts and (len(parts) != 3 or not all(part.isdigit() and len(part) <= _DIGITS for part in parts)):
            raise UserError(
                f"{path}, line {number}: {_shown(line.strip())} is not three whole numbers, a document, "
                "a word and a count"
            )
        if parts:
            rows.append((*map(int, parts), number))
    return np.array(rows, np.int64).reshape(-1, 4)


def _check_ranges(path: Path, rows: np.ndarray, sizes: Sizes) -> None:
    document, word, count, line = rows.T
    for what, numbers, most, place in (
        ("document", document, sizes.documents, sizes.lines[0]),
        ("word", word, sizes.words, sizes.lines[1]),
    ):
        if (wrong := (numbers < 1) | (numbers > most)).any():
            at = wrong.argmax()
            raise UserError(
                f"{path}, line {line[at]}: {what} {numbers[at]}; line {place} says that they are 1 to {most}"
            )
    if (wrong := (count < 1) | (count > MOST_COUNT)).any():
        at = wrong.argmax()
        raise UserError(f"{path}, line {line[at]}: the count is {count[at]}; give 1 to {MOST_COUNT}")


def _check_order(path: Path, rows: np.ndarray) -> None:
    if (back := np.diff(rows[:, 0]) < 0).any():
        at = back.argmax()
        raise UserError(
            f"{path}, line {rows[at + 1, 3]}: document {rows[at + 1, 0]} comes after document {rows[at, 0]}; give the "
            "documents in ascending order"
        )


def _without_copies(path: Path, rows: np.ndarray) -> np.ndarray:
    """The three numbers of each entry; raises a UserError for a word that is there twice for one document."""
    keys = rows[:, 0] * (rows[:, 1].max() + 1) + rows[:, 1]
    if (np.diff(keys) <= 0).any():
        order = np.argsort(keys, kind="stable")
        if (same := np.diff(keys[order]) == 0).any():
            document, word, _, line = rows[order[same.argmax() + 1]]
            raise UserError(f"{path}, line {line}: word {word} of document {document} is there already; give one count")
    return rows[:, :3]


def _shown(line: bytes) -> str:
    return shown(line.decode("utf-8", "replace"))
