"""Corpora in folders of Parquet files: any run of documents alone, what was counted, files of other tools, mistakes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from dgmbench.data import CorpusFolder, ZipfTopics, document_counts, write_corpus_folder, zipf
from dgmbench.data.corpora import Corpus
from dgmbench.data.formats import parquet_documents
from dgmbench.errors import UserError
from tests.planted import corpus_of, draw_corpus, planted_topics

CORPUS = draw_corpus(planted_topics(5, 60), documents=90, length=12)


def parts(*ends: int) -> list[Corpus]:
    return [CORPUS.select_documents(np.arange(a, b)) for a, b in zip((0, *ends), (*ends, len(CORPUS)), strict=True)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups and batches that runs of documents cross."""
    monkeypatch.setattr(parquet_documents, "ROWS", 7)
    monkeypatch.setattr(parquet_documents, "_BATCH", 3)


def write(folder: Path, documents: Any, column: str = "words", name: str = "a.parquet", words: int = 60) -> Path:
    """Files as another program would write them."""
    folder.mkdir(exist_ok=True)
    table = documents if isinstance(documents, pyarrow.Table) else pyarrow.table({column: documents})
    parquet.write_table(table, folder / name, row_group_size=4)
    (folder / "_vocabulary.txt").write_text("".join(f"w{i}\n" for i in range(words)))
    return folder


@pytest.mark.parametrize("ends", [(), (1,), (30, 31, 60), tuple(range(1, 90))])
def test_what_is_written_is_there(ends: tuple[int, ...], tmp_path: Path, small: None) -> None:
    folder = write_corpus_folder(tmp_path / "corpus", parts(*ends))
    again = CorpusFolder(tmp_path / "corpus")  # from what was kept
    for found in (folder, again):
        assert (len(found), found.n_words, found.n_tokens) == (len(CORPUS), CORPUS.n_words, CORPUS.n_tokens)
        assert found.vocabulary == CORPUS.vocabulary
        assert found.digest == CORPUS.digest
        np.testing.assert_array_equal(found.offsets, CORPUS.offsets)
        np.testing.assert_array_equal(found.word_totals, CORPUS.word_totals)
    whole = folder.read()
    assert (whole.words.dtype, whole.offsets.dtype) == (CORPUS.words.dtype, CORPUS.offsets.dtype)
    np.testing.assert_array_equal(whole.words, CORPUS.words)


@pytest.mark.parametrize(("begin", "end"), [(0, 90), (0, 1), (89, 90), (6, 8), (29, 61), (30, 60), (31, 31), (90, 90)])
def test_any_run_of_documents_is_read_alone(begin: int, end: int, tmp_path: Path, small: None) -> None:
    folder = write_corpus_folder(tmp_path / "corpus", parts(30, 60))
    read = pickle.loads(pickle.dumps(folder.documents(begin, end)))  # as a worker gets it
    words, offsets = read()
    expected = CORPUS.select_documents(np.arange(begin, end))
    np.testing.assert_array_equal(words, expected.words)
    np.testing.assert_array_equal(offsets, expected.offsets)
    assert len(pickle.dumps(read)) < 1_500


def test_row_groups_of_other_documents_are_not_decoded(tmp_path: Path, small: None) -> None:
    folder = write_corpus_folder(tmp_path / "corpus", CORPUS)
    file = tmp_path / "corpus" / "part-000000.parquet"
    group = parquet.ParquetFile(file).metadata.row_group(0).column(0)
    before = file.stat()
    content = bytearray(file.read_bytes())
    start = group.dictionary_page_offset or group.data_page_offset
    content[start : start + group.total_compressed_size] = bytes(group.total_compressed_size)
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    np.testing.assert_array_equal(folder.read(7, 90).words, CORPUS.words[CORPUS.offsets[7] :])
    with pytest.raises(UserError, match=r"part-000000\.parquet cannot be read as a Parquet file \(.*; write it again"):
        folder.read(6, 90)


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.list_(pyarrow.int32()),
        pyarrow.list_(pyarrow.uint32()),
        pyarrow.list_(pyarrow.int64()),
        pyarrow.list_(pyarrow.uint8()),
        pyarrow.large_list(pyarrow.int32()),
    ],
)
def test_lists_of_any_whole_numbers(kind: pyarrow.DataType, tmp_path: Path) -> None:
    lists = [CORPUS.document(d).tolist() for d in range(len(CORPUS))]
    table = pyarrow.table({"id": range(90), "tokens": pyarrow.array(lists, kind)})
    found = CorpusFolder(write(tmp_path / "corpus", table), column="tokens")
    assert found.digest == CORPUS.digest


def test_a_folder_that_pandas_has_written_and_that_it_reads(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    folder = write(tmp_path / "corpus", [[0]])
    frame = pandas.DataFrame({"words": [CORPUS.document(d) for d in range(len(CORPUS))]})
    frame.iloc[:40].to_parquet(folder / "a.parquet")
    frame.iloc[40:].to_parquet(folder / "b.parquet")
    (folder / "_SUCCESS").touch()
    assert CorpusFolder(folder).digest == CORPUS.digest
    read = pandas.read_parquet(folder)  # though the vocabulary, and what was counted, are there
    np.testing.assert_array_equal(np.concatenate(read["words"].to_list()), CORPUS.words)


def test_drawn_parts_are_the_drawn_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipf, "PART", 50)
    made = ZipfTopics(4, 100, length=9)
    assert write_corpus_folder(tmp_path / "corpus", made.parts(120, seed=3)).digest == made.draw(120, seed=3).digest
    assert len(list((tmp_path / "corpus").glob("*.parquet"))) == 3


def test_what_was_counted_is_read_again_only_for_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, counted = tmp_path / "corpus", []
    count = document_counts._count
    monkeypatch.setattr(document_counts, "_count", lambda *given: counted.append(1) or count(*given))
    write_corpus_folder(folder, parts(30))
    CorpusFolder(folder)
    assert len(counted) == 1
    write(folder, [[1, 2], [3]], name="part-000001.parquet")
    assert len(CorpusFolder(folder)) == 32
    assert len(counted) == 2
    (folder / "_counts.npz").write_bytes(b"PK damaged")
    assert len(CorpusFolder(folder)) == 32
    assert len(counted) == 3


def test_a_folder_that_cannot_be_written_is_counted_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any) -> None:
        raise UserError("cannot write")

    folder = write(tmp_path / "corpus", [[1, 2], [3]])
    monkeypatch.setattr(document_counts, "atomic_write", refuse)
    assert CorpusFolder(folder).lengths.tolist() == [2, 1]
    assert not (folder / "_counts.npz").exists()


def test_files_that_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "corpus", [[1, 2], [3]])
    opened, count = CorpusFolder(folder), document_counts._count
    os.utime(folder / "a.parquet", ns=(1, 1))
    with pytest.raises(UserError, match=r"a\.parquet changed after its words were counted: open the folder and"):
        opened.read()

    def changing(*given: Any) -> Any:
        os.utime(folder / "a.parquet", ns=(2, 2))
        return count(*given)

    monkeypatch.setattr(document_counts, "_count", changing)
    with pytest.raises(UserError, match=r"a\.parquet changed while its words were counted; open the folder when"):
        CorpusFolder(folder)
    (folder / "a.parquet").unlink()
    with pytest.raises(UserError, match=r"cannot read .*a\.parquet: No such file"):
        opened.read()


def truncated(folder: Path) -> None:
    content = (folder / "a.parquet").read_bytes()
    (folder / "a.parquet").write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda at: None, "corpus: no folder"),
        (lambda at: at.mkdir(), "corpus: no file _vocabulary.txt, which has the words, one a line"),
        (lambda at: write(at, [[1]], name="_a.parquet"), "has no files NAME.parquet; give a folder of"),
        (lambda at: write(at, [[1]], column="text"), "a.parquet has no column 'words' (there is text); say by column="),
        (lambda at: write(at, [["a", "b"]]), "column 'words' is of type list<"),
        (lambda at: write(at, [[1.0]]), "column 'words' is of type list<"),
        (lambda at: write(at, [1, 2]), "column 'words' is of type int64; give a list of word numbers, list<int32>"),
        (lambda at: write(at, [[1], [2]] * 4 + [[]]), "a.parquet, row 9: a document without words; leave it out"),
        (lambda at: write(at, [[1], None]), "a.parquet, row 2: a document without words"),
        (lambda at: write(at, [[1], [2], [3, None]]), "a.parquet, row 3: a word number is missing (null)"),
        (
            lambda at: write(at, [[1]] * 6 + [[2, 60]]),
            "row 7: word number 60, but the vocabulary has 60 words, 0 to 59",
        ),
        (lambda at: write(at, [[1, 2, -1], [4]]), "row 1: word number -1, but the vocabulary has 60 words"),
        (lambda at: write(at, [[1]], words=0), "_vocabulary.txt, line 1 has no word"),
        (lambda at: truncated(write(at, [[1, 2, 3]])), "a.parquet cannot be read as a Parquet file ("),
        (
            lambda at: (write(at, [[1]]) / "a.parquet").write_text("text"),
            "a.parquet cannot be read as a Parquet file (",
        ),
        (
            lambda at: (write(at, [[1]]) / "_vocabulary.txt").write_text("a\nb\na\n"),
            "_vocabulary.txt, line 3: the word",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(make: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    make(tmp_path / "corpus")
    with pytest.raises(UserError) as raised:
        CorpusFolder(tmp_path / "corpus")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("corpora", "message"),
    [
        ([], "there are no documents for"),
        ([corpus_of([[1]], 3), corpus_of([[1]], 4)], "part 2 of the corpus has another vocabulary"),
        ([corpus_of([[1]], 3), corpus_of([[1], []], 3)], "document 2 of part 2 has no words: leave it out"),
        (Corpus.from_tokens([["a b", "c "]]), "_vocabulary.txt.part: words are read otherwise than they are; give"),
        (Corpus.from_tokens([["a\nb", "c"]]), "_vocabulary.txt.part: words are read otherwise than they are; give"),
    ],
)
def test_what_cannot_be_written(corpora: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        write_corpus_folder(tmp_path / "corpus", corpora)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(UserError):  # what was written before is no corpus
        CorpusFolder(tmp_path / "corpus")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    write_corpus_folder(tmp_path / "corpus", CORPUS)
    with pytest.raises(UserError, match="has a corpus already; give another folder or remove it"):
        write_corpus_folder(tmp_path / "corpus", CORPUS)


@pytest.mark.parametrize(("begin", "end"), [(-1, 2), (3, 2), (0, 91)])
def test_documents_that_are_not_there(begin: int, end: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="which has 90"):
        write_corpus_folder(tmp_path / "corpus", CORPUS).read(begin, end)
