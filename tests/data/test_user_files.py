"""A corpus from a user's files: CSV, JSON lines, folders; what is wrong is said with file and line."""

from __future__ import annotations

import csv
import json

import pytest

from dgmbench.data import checksums, load_corpus
from dgmbench.errors import UserError

ROWS = [(f"The cat, number {i}; Über-cat's\nhat", "ab"[i % 2]) for i in range(10)]


def as_csv(path, rows=ROWS, columns=("text", "label")):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return path


def as_json_lines(path, rows=ROWS, columns=("text", "label")):
    path.write_text("\n".join(json.dumps(dict(zip(columns, row, strict=True))) for row in rows), encoding="utf-8")
    return path


def as_folder(path, rows=ROWS, columns=None):
    for i, (text, label) in enumerate(rows):
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{i:03}.txt").write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("write", "name"), [(as_csv, "my data.csv"), (as_json_lines, "d.jsonl"), (as_folder, "folder")]
)
def test_every_fifth_document_is_for_testing(write, name, tmp_path):
    path = write(tmp_path / name)
    splits = load_corpus(f"file:{path}")
    assert [len(part) for part in splits] == [8, 2]
    assert splits.train.classes == ("a", "b")
    words = [splits.train.vocabulary[w] for w in splits.train.document(0)]
    assert words == ["cat", "number", "über", "cat", "hat"]


def test_folders_train_and_test_are_taken_so(tmp_path):
    as_folder(tmp_path / "train", ROWS[:6])
    as_folder(tmp_path / "test", ROWS[6:])
    assert [len(part) for part in load_corpus(f"file:{tmp_path}")] == [6, 4]


def test_columns_and_a_test_file_are_named(tmp_path):
    columns = ("body text", "stars")
    train, test = as_csv(tmp_path / "a.csv", ROWS, columns), as_json_lines(tmp_path / "b.jsonl", ROWS[:4], columns)
    name = f"file:{train}?text=body+text&label=stars&test={test}"
    assert [len(part) for part in load_corpus(name)] == [10, 4]


def test_the_checksums_follow_the_files(tmp_path):
    name = f"file:{as_csv(tmp_path / 'a.csv')}"
    before = checksums(name)
    as_csv(tmp_path / "a.csv", [*ROWS[:9], ("dog", "b")])
    assert before["source"] == name
    assert {key for key in before if before[key] != checksums(name)[key]} >= {"array:vocabulary", "array:test_words"}


@pytest.mark.parametrize(
    ("file", "content", "query", "complaint"),
    [
        ("a.csv", "txt,label\nx,y\n", "", r"a\.csv has no column 'text'; did you mean 'txt'"),
        ("a.csv", 'txt,"a\nb"\nx,y\n', "?text=a+c", r"has no column 'a c'; did you mean 'a b'"),
        ("a.csv", "text,label\nx,y\nz,\n", "", r"a\.csv, line 3 has no 'label'"),
        ("a.csv", "text,label\nx,y\nz\n", "", r"a\.csv, line 3 has no 'label'"),
        ("a.csv", "text,label\n", "", "holds no documents"),
        ("a.csv", "text,label\n" + "x,y\n" * 9, "", "of one class"),
        ("a.csv", b"text,label\n\xff\xfe,y\n", "", "is not UTF-8"),
        ("a.csv", "text,label\nx,y\n", "?lable=y", "unknown option 'lable'; did you mean 'label'"),
        ("a.csv", "text,label\nx,y\n", "?test=nowhere.csv", "no file or folder nowhere.csv"),
        ("a.jsonl", '{"text": "x", "label": "y"}\n{"text": \n', "", r"a\.jsonl, line 2 is not JSON"),
        ("a.jsonl", "[1]\n", "", "line 1 is not an object"),
        ("a.jsonl", '{"text": "x"}\n', "", "line 1 has no 'label'"),
        ("a.xml", "<x/>", "", "give a .csv file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, file, content, query, complaint):
    path = tmp_path / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=complaint) as caught:
        load_corpus(f"file:{path}{query}")
    assert "\n" not in str(caught.value)


def test_a_path_that_does_not_exist_is_said():
    with pytest.raises(UserError, match="no file or folder nowhere"):
        load_corpus("file:nowhere")
