"""A user's own word embeddings: both text formats, what is wrong in which line, and a run that follows the file."""

from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dgmbench.commands.fetch import fetch
from dgmbench.data import checksums, load_corpus, load_embeddings
from dgmbench.data.catalogue import code_of, identity, require_dataset
from dgmbench.data.user_vectors import is_vector_file, read_vectors
from dgmbench.errors import UserError

VECTORS = {"the": (0.5, -1.0, 2.0), "cat": (1e-3, 0.0, 3.0), "über": (4.0, 5.0, 6.0)}
GLOVE = "the 0.5 -1 2\ncat 1e-3 0 3\nüber 4 5 6\n"


@pytest.mark.parametrize(
    "text",
    [
        GLOVE,
        f"3 3\n{GLOVE}",
        GLOVE.replace("\n", " \n"),  # as word2vec writes it
        GLOVE.replace("\n", "\r\n"),
        GLOVE.replace(" ", "\t"),
        GLOVE.rstrip("\n"),
        f"\ufeff{GLOVE}",
        f"\n{GLOVE}\n\n",
        f"3 3\n {GLOVE}".replace("\ncat", "\n\t cat"),
        unicodedata.normalize("NFD", GLOVE),  # as macOS writes it; the words of a text are composed
    ],
    ids=["glove", "word2vec", "blanks", "windows", "tabs", "no end", "mark", "blank lines", "indented", "decomposed"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_both_formats_are_read(text, pack, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(pack(text.encode()))
    words, vectors = read_vectors(path)
    assert words == list(VECTORS)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, np.array(list(VECTORS.values()), np.float32))


def test_words_may_hold_blanks_and_numbers(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text(". . . 1 2 3\nat name@domain.com 4 5 6\n2 7 8 9\nnew\u00a0york 1 1 1\n3.5 0 0 0\n")
    assert read_vectors(path)[0] == [". . .", "at name@domain.com", "2", "new\u00a0york", "3.5"]


def test_of_a_word_that_stands_twice_the_first_counts(tmp_path, caplog):
    path = tmp_path / "v.txt"
    path.write_text("a 1 2\nb 3 4\na 5 6\na 7 8\nb 0 0\n")
    words, vectors = read_vectors(path)
    assert (words, vectors.tolist()) == (["a", "b"], [[1, 2], [3, 4]])
    assert "3 words stand there again" in caplog.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    entries=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Z", "C"], exclude_characters="\n"), min_size=1).filter(
            lambda word: not word.isdigit()
        ),
        st.tuples(*[st.floats(width=32, allow_nan=False, allow_infinity=False)] * 4),
        min_size=2,
        max_size=8,
    ),
    header=st.booleans(),
)
def test_what_is_written_comes_back(entries, header, tmp_path):
    entries = {unicodedata.normalize("NFC", word): vector for word, vector in entries.items()}
    assume(len(entries) > 1)
    lines = [f"{word} {' '.join(map(repr, vector))}" for word, vector in entries.items()]
    (tmp_path / "v.vec").write_text("\n".join([f"{len(entries)} 4"] * header + lines), encoding="utf-8", newline="")
    words, vectors = read_vectors(tmp_path / "v.vec")
    assert words == list(entries)
    np.testing.assert_array_equal(vectors, np.array(list(entries.values()), np.float32))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a 1 2\nb 3\nc 5 6\n", r"v\.txt, line 2 has 1 number, and other lines have 2"),
        ("a 1 2\nb 3 4 5\nc 5 6\n", "line 2 has more than 2 numbers"),
        ("3 2\na 1 2\n\nb 3\nc 5 6\n", "line 4 has 1 number, and other lines have 2"),
        ("a 1 2\nb 3 nan\n", "line 2: 'nan' is not a finite number"),
        ("a 1 2\nb -inf 3\n", "line 2: '-inf' is not a finite number"),
        ("a 1 2\nb 1e39 3\n", "line 2: '1e39' is not a finite number"),
        ("a 1 2\nb 3 x\n", "line 2: 'x' is no number"),
        ("a 1 2\nb 3,5 4\n", "line 2: '3,5' is no number"),
        ("some words\nand no numbers\n", "line 1: 'words' is no number|is no number"),
        ("one\nword\na\nline\n", "line 1 has no numbers"),
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a 1 2\n", "holds 1 word with vectors; give"),
        ("3 2\n", "has 0 words, and its first line says 3: is it cut off"),
        ("3 2\na 1 2\nb 3 4\n", "has 2 words, and its first line says 3: is it cut off"),
        ("3 0\na\n", "line 1: vectors of 0 numbers"),
        (b"caf\xe9 1 2\nb 3 4\n", r"line 1: the word b'caf\\xe9' is not UTF-8"),
        (b"2 2\nab \x00\x00\x80?\x00\x00\x00@\ncd \x01\x02\x03\x04\x05\x06\x07\x08\n", "line 2"),
        (b"a" * 1_000_001, "line 1 has 1,000,000 bytes or more: is this a text file"),
        (gzip.compress(GLOVE.encode())[:-9], "damaged or cut off"),
        (gzip.compress(GLOVE.encode()) + b"garbage", "damaged or cut off"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(content, complaint, tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=complaint) as caught:
        read_vectors(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["v.txt", "file:v.txt", "v.VEC", "a/v.txt.gz", "file:my%20v.gz", "~/v.vec"])
def test_names_of_files_of_vectors(name):
    assert is_vector_file(name)
    assert code_of(name) == ("dgmbench.data.user_vectors",)


@pytest.mark.parametrize("name", ["glove-50d", "file:reviews.csv", "module:function", "file:folder"])
def test_other_names(name):
    assert not is_vector_file(name)


def test_a_folder_with_such_a_name_stays_a_corpus(tmp_path):
    for label in "ab":
        (tmp_path / "texts.txt" / label).mkdir(parents=True)
        for i in range(5):
            (tmp_path / "texts.txt" / label / f"{i}.txt").write_text("some words")
    assert len(load_corpus(f"file:{tmp_path / 'texts.txt'}").train) == 8
    assert "array:train_words" in checksums(f"file:{tmp_path / 'texts.txt'}")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nowhere.txt", "here: nowhere.txt: no file nowhere.txt"),
        ("file:nowhere.vec", "here: file:nowhere.vec: no file nowhere.vec"),
        ("file:vectors.bin", "here: file:vectors.bin: give a .txt, .vec or .gz file"),
        ("glove-50", "here: unknown dataset 'glove-50'; did you mean 'glove-50d'"),
    ],
)
def test_a_file_that_is_not_there_is_said_with_its_place(name, complaint):
    with pytest.raises(UserError, match=complaint):
        require_dataset(name, "embeddings", "here")


@pytest.fixture
def mine(cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.txt"
    path.write_text(GLOVE)
    return path


@pytest.mark.parametrize("name", ["mine.txt", "file:mine.txt"])
def test_they_are_loaded_by_their_path(name, mine):
    require_dataset(name, "embeddings", "here")
    found = load_embeddings(name)
    assert (found.name, found.words, found.dim) == (name, list(VECTORS), 3)
    assert found.find(["über", "dog"]).tolist() == [2, -1]


def test_the_identity_and_the_checksums_follow_the_content(mine):
    before, sums = identity("mine.txt"), checksums("mine.txt")
    assert sums["source"] == "the file mine.txt"
    assert {"array:words", "array:vectors"} <= sums.keys()
    mine.write_text(GLOVE.replace("-1 2", "-1 7"))
    assert identity("mine.txt") != before
    again = checksums("mine.txt")
    assert again["array:vectors"] != sums["array:vectors"]
    assert again["array:words"] == sums["array:words"]
    assert load_embeddings("mine.txt").vectors[0, 2] == 7
    mine.write_text(GLOVE.replace("\n", " \n"))  # other bytes, the same numbers
    assert checksums("mine.txt")["array:vectors"] == sums["array:vectors"]


def test_they_are_fetched_with_a_marker(mine, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "dgmbench"):
        fetch("mine.txt", tmp_path / "marker.json")
    marker = json.loads((tmp_path / "marker.json").read_text())
    assert (marker["name"], marker["kind"]) == ("mine.txt", "embeddings")
    assert marker["arrays"]["vectors"]["shape"] == [3, 3]
    assert "mine.txt: ready, from the file mine.txt" in caplog.text


def test_a_file_that_cannot_be_read_is_never_removed(mine):
    mine.write_text("a 1 2\nb 3\nc 4 5\n")
    for load in (load_embeddings, checksums, fetch):
        with pytest.raises(UserError, match="line 2 has 1 number"):
            load("mine.txt")
    assert mine.exists()


def cached(cache):
    return sorted(cache.glob("datasets/vectors-*/manifest.json"))


@pytest.mark.parametrize("edits", [1, 2, 3, 4, 7])
def test_of_an_edited_file_the_cache_keeps_the_newest_contents(edits, mine, cache):
    other = mine.with_name("other.txt")
    other.write_text(f"{GLOVE}dog 1 1 1\n")
    load_embeddings("other.txt")
    for i in range(edits):
        mine.write_text(GLOVE.replace("-1 2", f"-1 {i}"))
        assert load_embeddings("mine.txt").vectors[0, 2] == i
    assert len(cached(cache)) == min(edits, 3) + 1
    kept = [
        np.load(path.with_name("vectors.npy"))[0, 2]
        for path in cached(cache)
        if len(np.load(path.with_name("vectors.npy"))) == 3
    ]
    assert sorted(kept) == list(range(edits))[-3:]
    assert load_embeddings("other.txt").words[-1] == "dog"


def test_numbers_in_use_outlast_their_place_in_the_cache(mine, cache, monkeypatch):
    monkeypatch.setattr("dgmbench.data.download.store.CHECKED_WHOLE", 0)  # memory-mapped, as large ones are
    first = load_embeddings("mine.txt")
    for i in range(3, 8):
        mine.write_text(GLOVE.replace("-1 2", f"-1 {i}"))
        load_embeddings("mine.txt")
    assert first.vectors[0].tolist() == [0.5, -1, 2] and len(cached(cache)) == 3
    mine.write_text(GLOVE)  # the first content again
    assert load_embeddings("mine.txt").vectors[0, 2] == 2


def test_a_long_file_takes_the_memory_of_its_numbers(tmp_path):
    path = tmp_path / "v.txt"
    with path.open("w") as file:
        for i in range(2000):
            file.write(f"w{i} " + "-0.12345678901234567 " * 500 + "\n")
    assert path.stat().st_size > 20_000_000
    program = f"""
import resource
from pathlib import Path
from dgmbench.data.user_vectors import read_vectors
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
words, vectors = read_vectors(Path({str(path)!r}))
print(vectors.nbytes / 1e6, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e6)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, env=os.environ)
    numbers, grown = map(float, done.stdout.split())
    assert numbers == 4
    assert grown < 15
