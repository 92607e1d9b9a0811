"""A corpus of any size: a folder of Parquet files, of which any run of documents is read alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dgmbench.data.corpora import Corpus, Sized
from dgmbench.data.document_counts import FileState, counts_of, file_state
from dgmbench.data.formats.docword import read_vocabulary
from dgmbench.data.formats.parquet_documents import read_documents, write_documents
from dgmbench.errors import UserError
from dgmbench.files import write_text

COLUMN = "words"
VOCABULARY = "_vocabulary.txt"  # what begins so is left out by pandas, Spark and DuckDB, when they read a folder


class Piece(NamedTuple):
    """Rows of a file, from ``begin`` to before ``end``; the file was in this state when its words were counted."""

    path: Path
    state: FileState
    begin: int
    end: int


@dataclass(frozen=True)
class DocumentRun:
    """A run of documents that are read when this is called, on whatever machine: it holds no word of them.

    Attributes:
        pieces: where they are.
        column, n_words: as of `CorpusFolder`.
        tokens: of all together.
    """

    pieces: tuple[Piece, ...]
    column: str
    n_words: int
    tokens: int

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """(tokens,) int32 words, and (documents + 1,) int64 where each document begins.

        Raises:
            UserError: a file is not what it was when it was counted.
        """
        words, lengths, read = np.empty(self.tokens, np.int32), [np.zeros(1, np.int64)], 0
        for piece in self.pieces:
            if file_state(piece.path) != piece.state:
                raise UserError(f"{piece.path} changed after its words were counted: open the folder and fit again")
            for batch in read_documents(piece.path, self.column, self.n_words, piece.begin, piece.end):
                words[read : read + len(batch.words)] = batch.words
                lengths.append(batch.lengths)
                read += len(batch.words)
        return words, np.cumsum(np.concatenate(lengths))


class CorpusFolder(Sized):
    """Documents in the Parquet files of a folder, in the order of their names, that need not fit into memory.

    A row is a document, the list of its word numbers. The vocabulary is a text file ``_vocabulary.txt`` beside them, a
    word on each line. All documents are read once, a few thousand at a time, and what was counted is kept in the folder
    for the next time; files that have changed are counted again.

    Args:
        folder: on a cluster, at the same path on every machine.
        column: that of the word numbers.

    Attributes:
        vocabulary: the words.
        offsets: (documents + 1,) int64, where each document begins among all tokens.
        word_totals: (vocabulary,) int64, tokens of each word.
        digest: names the documents and their order, whatever files they are in.

    Raises:
        UserError: there are no files, or no vocabulary, or something is wrong in them: what and where.
    """

    def __init__(self, folder: str | Path, *, column: str = COLUMN) -> None:
        self.folder, self.column = Path(folder).absolute(), column
        self.vocabulary = _vocabulary(self.folder)
        self._paths = _files(self.folder)
        if not self._paths:
            raise UserError(f"{self.folder} has no files NAME.parquet; give a folder of documents in Parquet files")
        self._states = [file_state(path) for path in self._paths]
        found = counts_of(self._paths, self._states, column, self.n_words)
        self._begins = [0, *np.cumsum(found.documents).tolist()]  # the first document of each file, and their number
        self.offsets = np.concatenate([[0], np.cumsum(found.lengths, dtype=np.int64)])
        self.word_totals, self.digest = found.word_totals, found.digest

    def __repr__(self) -> str:
        size = f"{len(self):,} documents, {self.n_tokens:,} tokens, {self.n_words:,} words"
        return f"CorpusFolder({str(self.folder)!r}, {size})"

    @property
    def n_tokens(self) -> int:
        """The number of tokens of all documents together."""
        return int(self.offsets[-1])

    def documents(self, begin: int, end: int) -> DocumentRun:
        """What reads the documents from ``begin`` to before ``end``."""
        pieces = tuple(
            Piece(path, state, max(begin - first, 0), min(end, after) - first)
            for path, state, (first, after) in zip(self._paths, self._states, pairwise(self._begins), strict=True)
            if begin < after and first < end
        )
        return DocumentRun(pieces, self.column, self.n_words, int(self.offsets[end] - self.offsets[begin]))

    def read(self, begin: int = 0, end: int | None = None) -> Corpus:
        """The documents from ``begin`` to before ``end``, or to the last one, in memory.

        Raises:
            UserError: there are no such documents, or a file is not what it was when it was counted.
        """
        end = len(self) if end is None else end
        if not 0 <= begin <= end <= len(self):
            raise UserError(f"documents {begin} to {end} of {self.folder}, which has {len(self):,}")
        return Corpus(self.vocabulary, *self.documents(begin, end)())


def write_corpus_folder(folder: str | Path, parts: Corpus | Iterable[Corpus]) -> CorpusFolder:
    """Write a corpus, or parts of it that come one after another, as a folder of Parquet files, one for each part.

    Labels are not written.

    Raises:
        UserError: the folder has such files already or cannot be written, parts have different vocabularies, there is
            an empty document, or a word that cannot stand on a line.
    """
    folder = Path(folder)
    if _files(folder) or (folder / VOCABULARY).exists():
        raise UserError(f"{folder} has a corpus already; give another folder or remove it")
    vocabulary, unfinished = None, folder / f"{VOCABULARY}.part"
    for number, part in enumerate([parts] if isinstance(parts, Corpus) else parts):
        if vocabulary is None:
            vocabulary = part.vocabulary
            write_text(unfinished, "".join(f"{word}\n" for word in vocabulary))
            if read_vocabulary(unfinished) != vocabulary:
                raise UserError(
                    f"{unfinished}: words are read otherwise than they are; give composed words without blanks"
                )
        if part.vocabulary != vocabulary:
            raise UserError(f"part {number + 1} of the corpus has another vocabulary: number the words of all together")
        if len(empty := np.flatnonzero(part.lengths == 0)):
            raise UserError(f"document {empty[0] + 1} of part {number + 1} has no words: leave it out")
        write_documents(folder / f"part-{number:06}.parquet", COLUMN, part)
    if vocabulary is None:
        raise UserError(f"there are no documents for {folder}")
    unfinished.rename(folder / VOCABULARY)  # last, so that a folder that is not whole is none
    return CorpusFolder(folder)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith(("_", ".")))


def _vocabulary(folder: Path) -> tuple[str, ...]:
    path = folder / VOCABULARY
    if not path.is_file():
        what = (
            "no folder"
            if not folder.is_dir()
            else f"no file {VOCABULARY}, which has the words, one a line, in their order"
        )
        raise UserError(f"{folder}: {what}")
    return read_vocabulary(path)
