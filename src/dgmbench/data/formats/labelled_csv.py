"""A CSV file of labelled texts. What a lenient reader would drop or join without a word is an error here."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dgmbench.data.formats.labelled import Row, read_row, require_text
from dgmbench.errors import UserError, counted
from dgmbench.names import did_you_mean

SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""A first line by which Excel is told the separator."""
_LARGEST_FIELD = 1 << 30


def read_csv(path: Path, text: str, label: str) -> Iterator[Row]:
    """The rows of a CSV file with a header, separated by commas, or by semicolons, tabs or ``|`` where the header is.

    A first line ``sep=;`` names the separator, which may then be another one. Texts may have line breaks within double
    quotes.

    Raises:
        UserError: a column is missing or doubled; a row has more fields than the header, or no text or label; double
            quotes do not pair, or what they enclose reads as rows of its own.
    """
    csv.field_size_limit(_LARGEST_FIELD)
    separator = _separator(path, text, label)
    long_texts: list[tuple[str, list[str]]] = []
    labels: set[str] = set()
    header: list[str] = []
    for values, where, lines in _records(path, separator):
        if not header:
            header = values
            continue
        if len(values) > len(header):
            raise UserError(
                f"{where} has {counted(len(values), 'field')} where the header has {len(header)}: "
                f"put a text with {separator!r} in it in double quotes"
            )
        if values == header:
            raise UserError(f"{where} repeats the header: was one file put behind another?")
        row = read_row(dict(zip(header, values, strict=False)), text, label, where)
        if len(lines) > 1:
            long_texts.append((where, lines))
        labels.add(row.label)
        yield row
    for where, lines in long_texts:
        if sum(_is_whole(line.split(separator), header, label, labels) for line in lines) > 1:
            raise UserError(
                f"{where} are one text in double quotes, but read as several rows: a double quote is missing or too "
                "many; a file with such texts can be given as JSON lines"
            )


def _records(path: Path, separator: str) -> Iterator[tuple[list[str], str, list[str]]]:
    """The fields of each record, where it stands, and its lines as they are in the file; blank lines are none."""
    number = 0
    lines: list[str] = []
    with path.open(encoding="utf-8-sig", newline="") as stream:

        def numbered() -> Iterator[str]:
            nonlocal number
            for line in stream:
                number += 1
                require_text(line, f"{path}, line {number}")
                if number == 1 and _named_separator(line):
                    continue
                lines.append(line.rstrip("\r\n"))
                yield line

        def where() -> str:
            start = number - len(lines) + 1
            return f"{path}, line {number}" if start >= number else f"{path}, lines {start} to {number}"

        try:
            for values in csv.reader(numbered(), delimiter=separator, strict=True):
                if values:
                    yield values, where(), lines[:]
                lines.clear()
        except csv.Error as error:
            raise UserError(
                f"{where()}: double quotes do not pair ({error}); a text that holds a double quote stands between "
                "double quotes, with each of its own written twice"
            ) from error


def _separator(path: Path, text: str, label: str) -> str:
    """The separator that the first line names, else the one that gives the header both columns."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        named = _named_separator(stream.readline())
    separators = (named,) if named else SEPARATORS
    headers: dict[str, Sequence[str]] = {}
    for separator in separators:
        try:
            headers[separator] = next((values for values, *_ in _records(path, separator)), [])
        except UserError:
            if separator == separators[-1] and not headers:
                raise
    found = next((s for s, names in headers.items() if text in names and label in names), "")
    names = headers[found] if found else max(headers.values(), key=len)
    if not names:
        raise UserError(f"{path} is empty; begin it with a line of column names")
    for column in (text, label):
        if column not in names:
            known = [" ".join(name.split())[:40] for name in names[:40]]  # a name can have line breaks
            raise UserError(f"{path} has no column {column!r}{did_you_mean(column, known)}")
        if names.count(column) > 1:
            raise UserError(f"{path} has {names.count(column)} columns {column!r}; rename all but one")
    return found


def _named_separator(line: str) -> str:
    """What a first line says that the separator is; empty where it is no such line."""
    found = _SEPARATOR_LINE.fullmatch(line.rstrip("\r\n"))
    return found[1] if found else ""


def _is_whole(fields: Sequence[str], header: Sequence[str], label: str, labels: set[str]) -> bool:
    """Whether a line reads as a row by itself: as many fields as the header, and a label of other rows."""
    return len(fields) == len(header) and fields[header.index(label)].strip('"') in labels
