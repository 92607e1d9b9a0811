"""Documents in a Parquet file: a row each, and in one column the list of its word numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.files import atomic_write

if TYPE_CHECKING:
    from pyarrow import parquet

ROWS = 10_000
"""Documents of a row group that is written here: who reads some documents reads whole row groups."""
_BATCH = 4_096  # documents that are decoded together
_BUFFER = 2**20  # bytes of a file that are read together


class Batch(NamedTuple):
    """Some documents of a file, one after another.

    Attributes:
        lengths: (documents,) int64, tokens of each.
        words: (tokens,) int32.
    """

    lengths: np.ndarray
    words: np.ndarray


def read_documents(path: Path, column: str, n_words: int, begin: int = 0, end: int | None = None) -> Iterator[Batch]:
    """The documents in the rows from ``begin`` to before ``end``, without holding all of them or all of the file.

    Raises:
        UserError: the file is damaged, has no such column or one of another type, a document is empty or missing, or a
            word number is none of the vocabulary's.
    """
    with _opened(path) as file:
        _check_type(path, file, column)
        row, groups = 0, []
        last = file.metadata.num_rows if end is None else end
        for group in range(file.metadata.num_row_groups):
            after = row + file.metadata.row_group(group).num_rows
            if begin < after and row < last:
                groups.append((group, row))
            row = after
        row = groups[0][1] if groups else 0
        for batch in file.iter_batches(_BATCH, [group for group, _ in groups], [column], use_threads=False):
            first, stop = max(begin - row, 0), min(last - row, len(batch))
            if first < stop:
                yield _checked(path, batch.column(0).slice(first, stop - first), n_words, row + first)
            row += len(batch)


def write_documents(path: Path, column: str, corpus: Corpus) -> None:
    """A file of the words of a corpus, in row groups of `ROWS` documents.

    Raises:
        UserError: it cannot be written.
    """
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(column, pyarrow.list_(pyarrow.int32()))])
    with atomic_write(path, "wb") as file, parquet.ParquetWriter(file, schema) as writer:
        for start in range(0, len(corpus), ROWS):
            offsets = corpus.offsets[start : start + ROWS + 1]
            words = corpus.words[offsets[0] : offsets[-1]]
            lists = pyarrow.ListArray.from_arrays((offsets - offsets[0]).astype(np.int32), words)
            writer.write_table(pyarrow.table([lists], schema=schema))


@contextmanager
def _opened(path: Path) -> Iterator[parquet.ParquetFile]:
    import pyarrow
    from pyarrow import parquet

    try:
        # without these two, a whole row group of all columns is read ahead
        with parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            yield file
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} cannot be read as a Parquet file ({reason}); write it again") from error


def _check_type(path: Path, file: parquet.ParquetFile, column: str) -> None:
    from pyarrow import types

    schema = file.schema_arrow
    if schema.names.count(column) != 1:
        there = ", ".join(schema.names[:10]) or "none"
        raise UserError(
            f"{path} has no column {column!r} (there is {there}); say by column= which has the word numbers"
        )
    kind = schema.field(column).type
    if not (types.is_list(kind) or types.is_large_list(kind)) or not types.is_integer(kind.value_type):
        raise UserError(f"{path}: column {column!r} is of type {kind}; give a list of word numbers, list<int32>")


def _checked(path: Path, lists: Any, n_words: int, row: int) -> Batch:
    """A batch from an array of lists, the first of which is in this row of the file."""
    lengths = np.diff(lists.offsets.to_numpy().astype(np.int64))
    if (empty := (lengths == 0) | lists.is_null().to_numpy(zero_copy_only=False)).any():
        raise UserError(f"{path}, row {row + empty.argmax() + 1}: a document without words; leave it out")
    words = lists.flatten()
    if words.null_count:
        at = int(words.is_null().to_numpy(zero_copy_only=False).argmax())
        raise UserError(f"{path}, row {row + _owner(lengths, at)}: a word number is missing (null)")
    numbers = words.to_numpy()
    if (wrong := (numbers < 0) | (numbers >= n_words)).any():
        at = int(wrong.argmax())
        raise UserError(
            f"{path}, row {row + _owner(lengths, at)}: word number {numbers[at]}, but the vocabulary has {n_words:,} "
            f"words, 0 to {n_words - 1}"
        )
    return Batch(lengths, numbers.astype(np.int32, copy=False))


def _owner(lengths: np.ndarray, token: int) -> int:
    """Which document a token is in, from 1."""
    return int(np.searchsorted(np.cumsum(lengths), token, side="right")) + 1
