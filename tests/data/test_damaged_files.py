"""Damaged files of a user's corpus: each gives a document per row, or one line that names the file.

Random bytes, and whole files with a few characters put in, taken out or replaced. What a file holds is counted here by
a reader of its own. ``count_damages(n)`` tries n of each kind; the tests try a few hundred.
"""

from __future__ import annotations

import csv
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgmbench.data.formats.labelled_csv import read_csv
from dgmbench.data.formats.labelled_json import read_json_lines
from dgmbench.data.user_files import corpus_files, read_corpus
from dgmbench.errors import UserError

SECONDS = 5.0  # far above what a file of a few hundred bytes takes
TEXTS = ("a cat", "Über uns", 'she said "no"', "one, two", "two\nlines", "", "; x", "cafe\u0301", "हिन्दी में", "0,1")
LABELS = ("sport", "arts", "news, old", "7")
STRAY = ['"', '""', ",", "\n", "\r\n", "\r", ";", "\t", "\0", "\\", "{", "}", ":", "\ufeff", "\u2028", "é", " ", "\x1a"]
BYTES = [b"\xff", b"\xc3", b"\xe9", b"\xed\xa0\x80", b"\xfe\xff", b"\xf4\x90\x80\x80"]

Generator = np.random.Generator
Make = Callable[[Generator, Path], str]


def some(rng: Generator, values: tuple[str, ...] | list[str]) -> str:
    return values[int(rng.integers(len(values)))]


def rows_of(rng: Generator) -> list[tuple[str, str]]:
    return [(some(rng, TEXTS), some(rng, LABELS)) for _ in range(int(rng.integers(4, 30)))]


def quoted(text: str, separator: str, always: bool) -> str:
    needed = always or any(c in text for c in ('"', separator, "\n", "\r"))
    return f'"{text}"'.replace(text, text.replace('"', '""')) if needed and text else text


def damaged(rng: Generator, content: bytes, strays: list[bytes]) -> bytes:
    for _ in range(int(rng.integers(0, 4))):
        place, action = int(rng.integers(len(content) + 1)), int(rng.integers(3))
        put = strays[int(rng.integers(len(strays)))] if action else b""
        content = content[:place] + put + content[place + (action != 1) :]
    return content


def csv_file(rng: Generator, folder: Path) -> str:
    """A table, with a third column now and then, and a few strays in it."""
    separator, always, end = some(rng, [",", ",", ";", "\t"]), bool(rng.integers(2)), some(rng, ["\n", "\r\n"])
    lines = [["text", "label"], *map(list, rows_of(rng))]
    if rng.integers(2):
        lines = [[str(i) if i else "id", *line] for i, line in enumerate(lines)]
    if rng.integers(2):
        lines = [line[::-1] for line in lines]
    text = "".join(separator.join(quoted(cell, separator, always) for cell in line) + end for line in lines)
    path = folder / "a.csv"
    path.write_bytes(damaged(rng, text.encode(), [s.encode() for s in STRAY] + BYTES))
    return f"file:{path}"


def csv_of_lines(rng: Generator, folder: Path) -> str:
    """A table without quotes and a row a line, into which quotes fell."""
    lines = [f"{some(rng, ['a cat', 'the dog', 'oak and fern'])} {i},{some(rng, ['x', 'y'])}" for i in range(20)]
    content = damaged(rng, "\n".join(lines).encode(), [b'"'] * 3 + [b"q"])
    content = content.replace(b'""', b'"')
    (path := folder / "b.csv").write_bytes(b"text,label\n" + content)
    return f"file:{path}"


def json_file(rng: Generator, folder: Path) -> str:
    odd = (None, 1, 1.5, True, {"a": [1]}, [], "x\ny", "\ud800")
    lines = [{"text": text, "label": label} for text, label in rows_of(rng)]
    for _ in range(int(rng.integers(0, 2))):
        lines[int(rng.integers(len(lines)))][some(rng, ["text", "label"])] = odd[int(rng.integers(len(odd)))]  # type: ignore[assignment]
    text = "\n".join(json.dumps(line, ensure_ascii=bool(rng.integers(2))) for line in lines)
    path = folder / "a.jsonl"
    path.write_bytes(damaged(rng, text.encode("utf-8", "surrogatepass"), [s.encode() for s in STRAY] + BYTES))
    return f"file:{path}"


def random_bytes(rng: Generator, folder: Path) -> str:
    path = folder / some(rng, ["r.csv", "r.jsonl", "r.tsv"])
    start = some(rng, ["text,label\n", "text,label\n", "", '{"text": "x", "label": "y"}\n', "\ufeff", '"'])
    pieces = [b"ab,x\n", b"b,y\n"] * int(rng.choice([1, 50])) + [bytes([i]) for i in b',"\r;\t{}:\\ \n']
    pieces += [bytes([i]) for i in range(256)] if rng.integers(2) else []
    drawn = [pieces[int(i)] for i in rng.integers(len(pieces), size=int(rng.integers(0, 60)))]
    path.write_bytes(start.encode() + b"".join(drawn))
    return f"file:{path}"


def text_folder(rng: Generator, folder: Path) -> str:
    root = folder / f"texts{int(rng.integers(2**40))}"
    for i, (text, label) in enumerate(rows_of(rng)):
        odd = [f"{i}.TXT", f"._{i}.txt", f"{i}.md", f"{i}.txt/{i}.txt", ".txt"]
        name = some(rng, odd) if rng.integers(5) == 0 else f"{i}.txt"
        place = root / some(rng, [f".{label}", "deep/er", label.upper()]) if rng.integers(20) == 0 else root / label
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        if not (place / name).is_dir():
            content = text.encode()
            if rng.integers(20) == 0:
                content = damaged(rng, content, [s.encode() for s in STRAY] + BYTES)
            (place / name).write_bytes(content)
    if rng.integers(4) == 0:
        (root / "loop").symlink_to(root, target_is_directory=True)
        (root / LABELS[0]).mkdir(exist_ok=True)
        (root / LABELS[0] / "gone.txt").symlink_to(root / some(rng, ["nowhere", LABELS[0] + "/gone.txt"]))
    return f"file:{root}"


def csv_records(text: str, separator: str) -> int:
    """The records below the header: what stands between line breaks outside quotes, blank lines apart."""
    records, filled, quotes, at_start = 0, False, False, True
    for i, character in enumerate(text):
        if quotes:
            quotes = character != '"'
            at_start = not quotes  # a second quote goes on with the text
        elif character in "\r\n":
            records, filled, at_start = records + filled, False, True
        else:
            quotes = character == '"' and at_start
            at_start, filled = character == separator and text[i - 1 : i] != "", True
            at_start = character == separator
    return records + filled - 1


def rows_in(name: str) -> set[int]:
    """How many rows a file may be said to have: one number, or one for each separator."""
    path = Path(name.removeprefix("file:"))
    if path.is_dir():
        return {len(corpus_files(name))}
    text = path.read_bytes().decode("utf-8-sig")
    if path.suffix == ".jsonl":
        return {sum(bool(line.strip()) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))}
    if path.name == "b.csv":
        return {text.count("\n")}
    return {csv_records(text, separator) for separator in ",;\t"}


def outcome(name: str) -> str:
    """``read`` or what was said; raises AssertionError for anything but these two."""
    started = time.monotonic()
    try:
        splits = read_corpus(name)
    except UserError as error:
        said = str(error)
        assert len(said.splitlines()) == 1 and len(said) < 3000, said
        assert Path(name.removeprefix("file:")).name in said, said
        found = "error"
    else:
        assert sum(map(len, splits)) in rows_in(name), (sum(map(len, splits)), rows_in(name))
        assert splits.arrays()["train_labels"].size
        found = "read"
    assert time.monotonic() - started < SECONDS
    return found


KINDS: tuple[Make, ...] = (csv_file, csv_of_lines, json_file, random_bytes, text_folder)


def count_damages(make: Make, number: int, folder: Path, seed: int = 0) -> Counter[str]:
    found: Counter[str] = Counter()
    for i in range(number):
        name = make(np.random.default_rng([seed, KINDS.index(make), i]), folder)
        try:
            found[outcome(name)] += 1
        except Exception as error:
            raise AssertionError(
                f"{make.__name__}, seed {seed}, number {i}: {type(error).__name__}: {error}"
            ) from error
    return found


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
labels = st.sampled_from(["a", "b b", "c,d", 'e"', "7"])
tables = st.lists(st.tuples(texts, labels), min_size=1, max_size=20)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables, st.sampled_from(",;\t"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.booleans())
def test_what_is_written_as_a_table_is_read_as_it_was(tmp_path, rows, separator, quoting, label_first):
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = [("text", "label"), *rows]
        csv.writer(stream, delimiter=separator, quoting=quoting).writerows(
            [p[::-1] if label_first else p for p in lines]
        )
    try:
        assert [(row.text, row.label) for row in read_csv(path, "text", "label")] == rows
    except UserError as error:  # a text that is itself a table with our labels
        assert "read as several rows" in str(error) or "repeats the header" in str(error)
        assert any("\n" in text or "\r" in text or text == "text" for text, _ in rows)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables, st.booleans())
def test_what_is_written_as_json_lines_is_read_as_it_was(tmp_path, rows, as_ascii):
    path = tmp_path / "a.jsonl"
    lines = (json.dumps({"text": text, "label": label}, ensure_ascii=as_ascii) for text, label in rows)
    path.write_text("\n".join(lines), encoding="utf-8")
    assert [(row.text, row.label) for row in read_json_lines(path, "text", "label")] == rows


@pytest.mark.parametrize("make", KINDS)
def test_a_damaged_file_is_read_whole_or_named_in_one_line(make: Make, tmp_path: Path) -> None:
    found = count_damages(make, 120, tmp_path)
    assert found["error"] > 5
    assert found["read"] > 5 or make is random_bytes
