"""A corpus from a user's files: CSV, JSON lines, folders; what is wrong is said with file and line."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dgmbench.data import checksums, load_corpus
from dgmbench.data.catalogue import require_dataset
from dgmbench.data.user_files import corpus_files
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
def test_a_fifth_of_every_class_is_for_testing(write, name, tmp_path):
    path = write(tmp_path / name)
    splits = load_corpus(f"file:{path}")
    assert [np.bincount(part.labels).tolist() for part in splits] == [[4, 4], [1, 1]]
    assert splits.train.classes == ("a", "b")
    words = [splits.train.vocabulary[w] for w in splits.train.document(0)]
    assert words == ["cat", "number", "über", "cat", "hat"]


def test_folders_train_and_test_are_taken_so(tmp_path):
    as_folder(tmp_path / "train", ROWS[:6])
    as_folder(tmp_path / "test", ROWS[6:])
    assert [len(part) for part in load_corpus(f"file:{tmp_path}")] == [6, 4]


@pytest.mark.parametrize(
    ("train", "test"),
    [("Train", "TEST"), ("training", "testing"), ("TRAINING", "Test"), ("train", "testing"), ("Train", "test")],
)
def test_the_parts_have_the_names_that_those_of_images_have(train, test, tmp_path, caplog):
    as_folder(tmp_path / train, ROWS[:6])
    as_folder(tmp_path / test, ROWS[6:])
    as_folder(tmp_path / "Val", ROWS[6:])
    assert [len(part) for part in load_corpus(f"file:{tmp_path}")] == [6, 4]
    assert f"left out 'Val' beside {train} and {test}" in caplog.text


@pytest.mark.parametrize(
    "classes", ["training other", "Testing a", "testing other", "TEST val", "validation VAL", "training training-b"]
)
def test_a_class_may_have_the_name_of_a_part(classes, tmp_path):
    rows = [(text, classes.split()[label == "b"]) for text, label in ROWS]
    splits = load_corpus(f"file:{as_folder(tmp_path, rows)}")
    assert splits.train.classes == tuple(sorted(classes.split())) and sum(map(len, splits)) == 10


@pytest.mark.parametrize("names", ["training testing", "Train Test", "training test", "train test", "TEST TRAIN val"])
def test_parts_without_folders_of_classes_are_refused(names, tmp_path):
    for name in names.split():
        as_folder(tmp_path, [(text, name) for text, _ in ROWS])
    with pytest.raises(UserError, match=r"(?i)/train(ing)? holds no documents: a folder, also one of training or test"):
        load_corpus(f"file:{tmp_path}")


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("Training", "Testing"), ("TRAIN", "test"), ("a", "test")]
)
def test_a_folder_of_test_documents_with_parts_of_its_own_is_refused(train, test, tmp_path):
    first = as_folder(tmp_path / "first")
    for part in (train, test):
        as_folder(tmp_path / "second" / part)
    with pytest.raises(UserError, match=r"second holds no documents: give the folder of one part \(.*'" + test + "'"):
        load_corpus(f"file:{first}?test={tmp_path / 'second'}")


@pytest.mark.parametrize(
    "names", ["train Train test", "training Train testing", "train test TEST", "Test testing Train"]
)
def test_two_folders_of_one_part_are_refused(names, tmp_path):
    for name in names.split():
        as_folder(tmp_path / name)
    with pytest.raises(UserError, match=r"(\w+) and (\w+) mean the same part; keep one"):
        load_corpus(f"file:{tmp_path}")


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


@pytest.mark.parametrize("write", [as_csv, as_json_lines], ids=["a.csv", "a.jsonl"])
@pytest.mark.parametrize("period", [2, 3, 5, 7, 10])
def test_classes_that_take_turns_are_in_both_parts(write, period, request, tmp_path):
    rows = [(f"cat {i}", f"class {i % period}") for i in range(100)]
    path = write(tmp_path / ("a.csv" if write is as_csv else "a.jsonl"), rows)
    splits = load_corpus(f"file:{path}")
    train, test = (np.bincount(part.labels, minlength=period) for part in splits)
    assert (train > 0).all() and (test > 0).all()
    assert train.sum() == 80 or period in (3, 7)


def test_the_seed_draws_the_test_documents(tmp_path):
    path = as_csv(tmp_path / "a.csv", [(f"w{'abcdefghij'[i // 2]}", "xy"[i % 2]) for i in range(20)])
    names = [f"file:{path}", *(f"file:{path}?seed={seed}" for seed in (0, 0, 1, 2))]
    tested = [checksums(name)["array:test_words"] for name in names]
    assert tested[0] == tested[1] == tested[2]
    assert len(set(tested[2:])) == 3


def test_a_class_that_one_part_lacks_is_said(tmp_path, caplog):
    train = as_csv(tmp_path / "a.csv", [*ROWS, ("x", "once")])
    load_corpus(f"file:{train}")
    assert "no test document of a class (1: 'once')" in caplog.text
    test = as_csv(tmp_path / "b.csv", [("x", "new"), ("y", "a")])
    load_corpus(f"file:{train}?test={test}&name=mine")
    assert "mine: no training document of a class (1: 'new')" in caplog.text
    assert "mine: no test document of a class (2: 'b', 'once')" in caplog.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("Sport", "sport"), ("sport ", "sport"), ("a b", "a  b"), ("Stra\u00dfe", "STRASSE")),
        *(("1", "1.0"), ("+2", "02"), ("\ufeffsport", "sport"), ("a\u00a0b", "a b"), ("caf\u00e9", "cafe\u0301")),
    ],
)
@pytest.mark.parametrize("separate", [False, True])
def test_labels_that_a_reader_takes_for_one_are_refused(one, other, separate, tmp_path):
    rows = [("x", one), ("y", "else"), ("z", other), ("w", "else")] * 3
    name = f"file:{as_json_lines(tmp_path / 'a.jsonl', [r for r in rows if not separate or r[1] != other])}"
    if separate:
        name += f"?test={as_json_lines(tmp_path / 'b.jsonl', [('x', other)])}"
    with pytest.raises(UserError, match=r"a\.jsonl, line 1\).* differ in case, spaces or form alone") as caught:
        load_corpus(name)
    assert repr(one) in str(caught.value) and repr(other) in str(caught.value)


@pytest.mark.parametrize("labels", [("c", "c++"), ("1", "2"), ("1", "10"), ("a b", "ab"), ("é", "e")])
def test_labels_that_differ_in_a_letter_are_two(labels, tmp_path):
    rows = [("x", label) for label in labels] * 4
    assert load_corpus(f"file:{as_json_lines(tmp_path / 'a.jsonl', rows)}").train.classes == tuple(sorted(labels))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoted", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_legal_tables_are_read_whole(separator, quoted, start, end, tmp_path):
    rows = [(i, f'he said "{i}", then; left\tus\ntwo lines,a\n', "ab"[i % 2]) for i in range(1, 11)]
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(start)
        writer = csv.writer(stream, delimiter=separator, quoting=quoted, lineterminator=end)
        writer.writerows([("id", "text", "label"), *rows])
    splits = load_corpus(f"file:{path}")
    assert sum(map(len, splits)) == 10 and splits.train.classes == ("a", "b")
    assert splits.train.vocabulary == ("left", "lines", "said", "two")
    assert all((part.lengths == 4).all() for part in splits)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ":", "^"])
@pytest.mark.parametrize("first", ["sep={}", "SEP={}", '"sep={}"', "\ufeffsep={}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_first_line_names_the_separator_as_excel_has_it(separator, first, end, tmp_path):
    path = tmp_path / "a.csv"
    lines = [first.format(separator), f"text{separator}label", *(f"a cat{separator}{'ab'[i % 2]}" for i in range(10))]
    path.write_text(end.join([*lines, ""]), encoding="utf-8", newline="")
    splits = load_corpus(f"file:{path}")
    assert sum(map(len, splits)) == 10 and splits.train.classes == ("a", "b")
    path.write_text(end.join([*lines, f"x{separator}"]), encoding="utf-8", newline="")
    with pytest.raises(UserError, match=r"a\.csv, line 13 has no 'label'"):
        load_corpus(f"file:{path}")


@pytest.mark.parametrize("first", ["sep=;", "sep=", "sep=,;", "sep:,", "text"])
def test_another_first_line_is_the_header(first, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{first}\n" + "text,label\nx,a\ny,b\n" * 3)
    with pytest.raises(UserError, match=r"a\.csv has no column '(text|label)'"):
        load_corpus(f"file:{path}")


def table(strays: dict[int, str], columns: tuple[str, ...] = ("text", "label")) -> str:
    """A table of 40 rows, some of them with a text of ours in their place."""
    of = {"text": "a cat number {0}", "label": "{1}", "id": "{0}"}
    row = ",".join(of[column] for column in columns)
    lines = [strays.get(i, row).format(i, "ab"[i % 2]) for i in range(40)]
    return "\n".join([",".join(columns), *lines, ""])


@pytest.mark.parametrize(
    ("columns", "strays", "complaint"),
    [
        (("text", "label"), {5: '"a cat,b', 26: '"a dog,a'}, "lines 7 to 28: double quotes do not pair"),
        (
            ("text", "label"),
            {5: '"a cat,b', 25: 'a dog",b'},
            "lines 7 to 27 are one text in double quotes, but",
        ),
        (("text", "label"), {5: '"a cat,b', 6: 'a dog",a'}, "lines 7 to 8 are one text"),
        (("text", "label"), {5: '"a cat,b'}, "lines 7 to 41: double quotes do not pair"),
        (("text", "label"), {39: '"a cat,b'}, "line 41: double quotes do not pair"),
        (("text", "label"), {5: '"a "big" cat",b'}, "line 7: double quotes do not pair"),
        (("label", "text"), {5: 'b,"a cat', 9: 'b,a dog"'}, "lines 7 to 11 are one text"),
        (("id", "text", "label"), {5: '5,"a cat,b', 9: '9,a dog",b'}, "lines 7 to 11 are one text"),
        (("id", "text", "label"), {5: '"5,a cat,b', 9: '9",a dog,b'}, "lines 7 to 11 are one text"),
        (("text", "label"), {5: "ball game, really good,b"}, "line 7 has 3 fields where the header has 2"),
        (("text", "label"), {5: "a cat,b,,"}, "line 7 has 4 fields where the header has 2"),
        (("text", "label"), {5: "a cat"}, "line 7 has no 'label'"),
        (("text", "label"), {5: "text,label"}, "line 7 repeats the header"),
        (("text", "label"), {5: "a\0cat,b"}, "line 7 holds a NUL"),
        (("text", "label"), {5: 'a cat,"b\nc"'}, r"lines 7 to 8: the label 'b\\nc' has a line break"),
        (("text", "label", "label"), {}, "has 2 columns 'label'; rename all but one"),
        (("text", "text", "label"), {}, "has 2 columns 'text'; rename all but one"),
    ],
)
def test_what_a_lenient_reader_would_drop_is_refused(columns, strays, complaint, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table(strays, columns), encoding="utf-8")
    with pytest.raises(UserError, match=rf"a\.csv,? .*{complaint}|a\.csv {complaint}") as caught:
        load_corpus(f"file:{path}")
    assert "\n" not in str(caught.value)


def test_a_doubled_column_that_is_not_read_is_no_matter(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,x,x,label,,\n" + "cat,1,2,a,,\ndog,1,2,b,,\n" * 5)
    assert sum(map(len, load_corpus(f"file:{path}"))) == 10


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
@pytest.mark.parametrize("write", [as_csv, as_json_lines, as_folder])
def test_a_file_in_another_encoding_is_named(write, encoding, tmp_path):
    path = write(tmp_path / {as_csv: "a.csv", as_json_lines: "a.jsonl", as_folder: "a"}[write])
    one = sorted(path.rglob("*.txt"))[3] if path.is_dir() else path
    text = one.read_text(encoding="utf-8").replace("\\u00dc", "Ü")
    one.write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=r"is not UTF-8|NUL|is not JSON") as caught:
        load_corpus(f"file:{path}")
    assert str(one) in str(caught.value)


def test_of_a_folder_only_the_texts_of_the_classes_are_read(tmp_path, caplog):
    caplog.set_level("INFO", "dgmbench")
    root = as_folder(tmp_path / "texts")
    (root / "a" / "000.txt").rename(root / "a" / "000.TXT")
    kept = sorted(path for path in root.rglob("*") if path.is_file())
    for other in (".ipynb_checkpoints/x.txt", "a/._000.txt", "a/.DS_Store", "a/notes.md", "a/deep/x.txt", "README.txt"):
        (root / other).parent.mkdir(exist_ok=True)
        (root / other).write_text("zebra")
    (root / "empty").mkdir()
    (root / "a" / "loop").symlink_to(root, target_is_directory=True)
    splits = load_corpus(f"file:{root}")
    assert [len(part) for part in splits] == [8, 2]
    assert splits.train.classes == ("a", "b") and "zebra" not in splits.train.vocabulary
    assert corpus_files(f"file:{root}") == kept
    assert "left out 3 hidden files and folders, and 4 that are no <class>/<name>.txt" in caplog.text
    assert "no .txt file in 'empty': no such class" in caplog.text


@pytest.mark.parametrize("target", ["nowhere", "a/005.txt", "a"])
def test_a_text_that_cannot_be_read_is_named(target, tmp_path):
    root = as_folder(tmp_path / "texts")
    (root / "a" / "005.txt").unlink(missing_ok=True)
    (root / "a" / "005.txt").symlink_to(root / target)
    if target == "a":  # a folder with such a name is none
        assert sum(map(len, load_corpus(f"file:{root}"))) == 10
        return
    with pytest.raises(UserError, match=r"005\.txt is no file that can be read"):
        load_corpus(f"file:{root}")


def test_a_pipe_is_not_waited_for(tmp_path):
    root = as_folder(tmp_path / "texts")
    os.mkfifo(root / "a" / "pipe.txt")
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UserError, match=r"pipe\.txt is no file"):
        load_corpus(f"file:{root}")
    with pytest.raises(UserError, match=r"give a \.csv file"):
        load_corpus(f"file:{tmp_path / 'a.csv'}")


def test_what_is_listed_is_what_is_read(tmp_path, monkeypatch):
    root = tmp_path / "texts"
    as_folder(root / "train"), as_folder(root / "test"), as_folder(root / "valid")
    (root / "train" / "a" / ".hidden.txt").write_text("x")
    (root / "train" / "b" / "other.md").write_text("x")
    names = [f"file:{root}", f"file:{root / 'train'}?test={root / 'test'}", f"file:{root / 'valid'}"]
    names += [f"file:{as_csv(tmp_path / 'a.csv')}?test={as_json_lines(tmp_path / 'b.jsonl')}"]
    opened, really = set(), Path.open

    def noted(path, *arguments, **options):
        opened.add(path)
        return really(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", noted)
    for name in names:
        opened.clear()
        load_corpus(name)
        assert sorted(path for path in opened if path.is_relative_to(tmp_path)) == corpus_files(name)


def test_no_document_is_in_both_parts(tmp_path):
    root, table = as_folder(tmp_path / "texts"), as_csv(tmp_path / "a.csv")
    (tmp_path / "link.csv").symlink_to(table)
    for name in (
        f"file:{table}?test={table}",
        f"file:{table}?test={tmp_path / 'link.csv'}",
        f"file:{root}?test={root}",
    ):
        for read in (load_corpus, corpus_files):
            with pytest.raises(UserError, match="is read twice"):
                read(name)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"text": {"a": 1}, "label": "a"}', "'text' is an object; give a text"),
        ('{"text": ["x"], "label": "a"}', "'text' is a list; give a text"),
        ('{"text": 3, "label": "a"}', "'text' is the number 3; give a text"),
        ('{"text": true, "label": "a"}', "'text' is true or false; give a text"),
        ('{"text": null, "label": "a"}', "has no 'text'"),
        ('{"text": "x", "label": null}', "has no 'label'"),
        ('{"text": "x", "label": " "}', "has no 'label'"),
        ('{"text": "x", "label": ["a"]}', "'label' is a list; give a text or a number"),
        ('{"text": "x", "label": {}}', "'label' is an object; give"),
        ('{"text": "x", "label": NaN}', "'label' is the number nan; give"),
        ('{"text": "x", "label": "a\\nb"}', r"the label 'a\\nb' has a line break"),
        ('{"text": "x", "label": "\\ud800"}', "half a character"),
        ('{"text": "x", "text": "y", "label": "a"}', "the key 'text' stands twice"),
        ("[" * 100_000, "cannot be read|is not JSON"),
        ('{"text": "x", "label": ' + "9" * 5000 + "}", "cannot be read"),
        ("{", "is not JSON: .*; give one object a line"),
    ],
)
def test_json_that_is_no_labelled_text_is_refused(line, complaint, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x", "label": "b"}\n' * 4 + line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"a\.jsonl, line 5:? .*({complaint})") as caught:
        load_corpus(f"file:{path}")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "written",
    [
        lambda objects: json.dumps(objects),
        lambda objects: json.dumps(objects, indent=2),
        lambda objects: "[\n" + ",\n".join(map(json.dumps, objects)) + "\n]\n",
        lambda objects: "\n\n  [" + ",\n".join(map(json.dumps, objects)) + "]",
        lambda objects: "\n".join(json.dumps(list(each.values())) for each in objects),
        lambda objects: "\ufeff" + json.dumps(objects),
    ],
)
def test_a_json_array_is_no_json_lines(written, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(written([{"text": text, "label": label} for text, label in ROWS]), encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.jsonl, line [13] begins a JSON array; give one object a line") as caught:
        load_corpus(f"file:{path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("character", ["\0", "\x01", "\x07", "\x1b", "\x1f", "\x7f", "\x80", "\x9f"])
@pytest.mark.parametrize("write", [as_csv, as_json_lines, as_folder], ids=["a.csv", "a.jsonl", "a"])
def test_a_label_has_no_control_character(write, character, request, tmp_path):
    if character == "\0" and write is not as_json_lines:
        pytest.skip("no file name has it, and a CSV file with it is refused as such")
    rows = [*ROWS, ("a cat", f"a{character}b")]
    path = write(tmp_path / {as_csv: "a.csv", as_json_lines: "a.jsonl", as_folder: "a"}[write], rows)
    with pytest.raises(UserError, match="has a control character; take it out") as caught:
        load_corpus(f"file:{path}")
    assert repr(f"a{character}b") in str(caught.value) and str(path) in str(caught.value)


def test_numbers_and_truth_are_labels_in_json(tmp_path):
    for labels, classes in (((1, 2), ("1", "2")), ((True, False), ("false", "true")), ((0.5, 4), ("0.5", "4"))):
        path = as_json_lines(tmp_path / "a.jsonl", [("x", label) for label in labels] * 4)
        assert load_corpus(f"file:{path}").train.classes == classes


def test_a_tokenizer_of_the_user_splits_the_texts(tmp_path, monkeypatch):
    rows = [("今天天气很好，我们去公园玩", "好"), ("明天可能会下雨不出门", "坏")] * 5
    path = as_csv(tmp_path / "a.csv", rows)
    with pytest.raises(UserError, match=r"a\.csv: no spaces stand between words, as in '.*': add tokenizer=module:fu"):
        load_corpus(f"file:{path}")
    words = SimpleNamespace(pairs=lambda text: re.findall("..", text), none=lambda text: text)
    monkeypatch.setitem(sys.modules, "my_words", words)
    splits = load_corpus(f"file:{path}?tokenizer=my_words:pairs")
    assert [splits.train.vocabulary[w] for w in splits.train.document(0)][:3] == ["今天", "天气", "很好"]
    with pytest.raises(UserError, match=r"a\.csv, line 2: tokenizer my_words:none returned str, not a list of words"):
        load_corpus(f"file:{path}?tokenizer=my_words:none")


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (lambda: [], r"is called with 1 argument \(a text\): too many positional arguments; name a function of a text"),
        (lambda text, more: [], r"is called with 1 argument \(a text\): missing a required argument: 'more'"),
        (3, "is no function but of type int; name a function of a text"),
        (None, "is no function but None"),
        (lambda text: text.nothing, r"raised AttributeError: .* \(.*test_user_files\.py, line"),
        (lambda text: json.loads(text), r"raised JSONDecodeError: .* \(.*test_user_files\.py, line"),
        (lambda text: [f"{text[:3]}\0"], r"returned the word '.*\\x00', which has a control character"),
        (lambda text: [f"{text[:3]}\nx"], r"returned the word '.*\\nx', which has a line break"),
    ],
)
def test_a_tokenizer_that_does_not_do_is_named(function, complaint, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "my_words", SimpleNamespace(split=function))
    name = f"file:{as_csv(tmp_path / 'a.csv')}?tokenizer=my_words:split"
    with pytest.raises(UserError, match=f"tokenizer my_words:split {complaint}") as caught:
        require_dataset(name, "corpus", "here")
        load_corpus(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("text=label", "text and label are one column"),
        ("label", "option label has no value"),
        ("text=", "option text has no value"),
        ("text=a&text=b", "an option is given twice"),
        ("seed=-1", "seed '-1' is no whole number"),
        ("seed=x", "seed 'x' is no whole number"),
        ("seed=1&test=a.csv", "seed draws the test documents"),
        ("name=a|b", "name 'a|b' is not 1 to 40 letters"),
        ("name=" + "a" * 41, "is not 1 to 40 letters"),
        ("name=a%0Ab", r"name 'a\\nb' is not"),
        ("tokenizer=nowhere:f", "no module 'nowhere'"),
    ],
)
def test_options_that_say_nothing_are_refused(query, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    as_csv(tmp_path / "a.csv")
    with pytest.raises(UserError, match=complaint.replace("|", r"\|")) as caught:
        require_dataset(f"file:a.csv?{query}", "corpus", "here")
        load_corpus(f"file:a.csv?{query}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["~nobody-has-this-name/a.csv", "a" * 300 + ".csv", "a%00b.csv", "", "a\nb.csv"])
def test_a_path_that_cannot_be_is_one_line(place):
    with pytest.raises(UserError) as caught:
        corpus_files(f"file:{place}")
    assert "\n" not in str(caught.value)


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
        ("a.jsonl", "1\n", "", "line 1 is not an object"),
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


def test_what_lies_beside_train_and_test_is_said(tmp_path, caplog):
    root = tmp_path / "texts"
    as_folder(root / "train"), as_folder(root / "test"), as_folder(root / "valid"), as_folder(root / ".git")
    assert [len(part) for part in load_corpus(f"file:{root}")] == [10, 10]
    assert f"{root}: left out 'valid' beside train and test" in caplog.text


@pytest.mark.parametrize("text", ["", " ", "12 34", "!?", "the and of"])
def test_texts_without_words_are_one_line(text, tmp_path):
    path = as_csv(tmp_path / "a.csv", [(text, label) for label in "abab"])
    with pytest.raises(UserError, match=r"a\.csv: none of the 4 documents has a word"):
        load_corpus(f"file:{path}")
