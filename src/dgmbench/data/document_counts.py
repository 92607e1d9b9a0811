"""What is to be known of documents in Parquet files before any of them is read alone, kept beside the files."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dgmbench.data.formats.parquet_documents import read_documents
from dgmbench.errors import UserError
from dgmbench.files import atomic_write

log = logging.getLogger("dgmbench")
KEPT = "_counts.npz"


class FileState(NamedTuple):
    """A file as it is at some time: its size in bytes, and when it was changed last, in nanoseconds."""

    size: int
    modified: int


class Counts(NamedTuple):
    """What was counted in some files.

    Attributes:
        documents: (files,) of each file.
        lengths: (documents,) tokens of each document.
        word_totals: (vocabulary,) int64, tokens of each word.
        digest: see `dgmbench.data.corpora.Corpus`.
    """

    documents: np.ndarray
    lengths: np.ndarray
    word_totals: np.ndarray
    digest: str


def file_state(path: Path) -> FileState:
    """The state of a file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    return FileState(found.st_size, found.st_mtime_ns)


def counts_of(paths: Sequence[Path], states: Sequence[FileState], column: str, n_words: int) -> Counts:
    """What is kept in the files' folder, if they are in these states; else it is counted, and kept there if possible.

    Raises:
        UserError: something is wrong in the files, or they change meanwhile.
    """
    kept_in, key = paths[0].with_name(KEPT), _key(paths, states, column, n_words)
    if kept := _read(kept_in, key):
        return kept
    log.info("counting the words of %d files in %s", len(paths), kept_in.parent)
    found = _count(paths, column, n_words)
    if changed := [path for path, state in zip(paths, states, strict=True) if file_state(path) != state]:
        raise UserError(f"{changed[0]} changed while its words were counted; open the folder when it is written")
    try:
        with atomic_write(kept_in, "wb") as file:
            np.savez(file, key=np.array(key), **found._asdict())
    except UserError as error:
        log.warning("the words are counted again next time: %s", error)
    return found


def _count(paths: Sequence[Path], column: str, n_words: int) -> Counts:
    totals, digest = np.zeros(n_words, np.int64), hashlib.sha256()
    lengths, documents = [np.empty(0, np.int64)], []
    for path in paths:
        documents.append(0)
        for batch in read_documents(path, column, n_words):
            totals += np.bincount(batch.words, minlength=n_words)
            digest.update(batch.words.tobytes())
            lengths.append(batch.lengths)
            documents[-1] += len(batch.lengths)
    whole = np.concatenate(lengths)
    digest.update(np.concatenate([[0], np.cumsum(whole)]).astype(np.int64).tobytes())
    return Counts(np.array(documents), whole, totals, digest.hexdigest())


def _key(paths: Sequence[Path], states: Sequence[FileState], column: str, n_words: int) -> str:
    """Names what is counted: another one was counted in other files, or in other states of these."""
    lines = [f"{column} {n_words}", *(f"{path.name} {state}" for path, state in zip(paths, states, strict=True))]
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def _read(path: Path, key: str) -> Counts | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            return Counts(file["documents"], file["lengths"], file["word_totals"], str(file["digest"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s does not load (%s): the words are counted again", path, error)
        return None
