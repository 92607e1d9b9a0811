"""User-defined word embeddings: a text file with a word and its numbers on each line, as word2vec and GloVe write it.

In a configuration it is named ``file:PATH``, or by its path alone where that ends in ``.txt``, ``.vec`` or ``.gz``.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import itertools
import logging
import os
import re
import shutil
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.data.download.store import cache_folder
from dgmbench.data.embeddings import Embeddings
from dgmbench.data.text import pack_text, unpack_text
from dgmbench.data.user_files import PREFIX
from dgmbench.errors import UserError, counted
from dgmbench.files import write_text

log = logging.getLogger("dgmbench")

SUFFIXES = (".txt", ".vec", ".gz")
LONGEST_LINE = 1_000_000
"""Bytes; with more it is no file of this kind."""
KEPT = 3
"""Contents of one file whose numbers the cache keeps: the newest."""
_NOTE = "file.txt"
_FIRST_LINES = 100
_SPACES = re.compile(rb"[ \t]+")
_VERSION = 2
"""Raised when what a file is read as changes."""


def is_vector_file(name: str) -> bool:
    """Whether a dataset's name is a file of word embeddings, which need not exist."""
    return name.lower().endswith(SUFFIXES) and not _path(name).is_dir()


def vector_file(name: str) -> Path:
    """The file of embeddings ``file:PATH`` or ``PATH``.

    Raises:
        UserError: there is no such file, or it has another ending.
    """
    path = _path(name)
    if not name.lower().endswith(SUFFIXES):
        raise UserError(f"{name}: give a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file of word vectors")
    if not path.is_file():
        raise UserError(f"{name}: {'a folder, not a' if path.is_dir() else 'no'} file {path}")
    return path


def _path(name: str) -> Path:
    return Path(unquote(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else name).expanduser()


def vector_sha256(name: str) -> str:
    """The SHA-256 of the file of embeddings that a name stands for; see `vector_file`."""
    return _sha256_of(vector_file(name))


def _sha256_of(path: Path) -> str:
    try:
        state = path.stat()
        return _sha256(path.absolute(), state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


@lru_cache(maxsize=64)
def _sha256(path: Path, *state: int) -> str:
    """``state`` tells whether the file has changed since."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class _File:
    """The user's own file, as a source of a dataset."""

    path: Path

    @property
    def label(self) -> str:
        return f"the file {self.path.name}"

    def obtain(self, folder: Path) -> dict[str, Path]:
        """The file where it lies."""
        return {self.path.name: self.path}

    def probe(self) -> None:
        """It is there."""


def vector_dataset(name: str) -> Dataset:
    """The file as a dataset, whose arrays the cache keeps under the file's content: an edited file is another one.

    Raises:
        UserError: see `vector_file`.
    """
    path = vector_file(name)
    return Dataset(
        _cached_as(_sha256_of(path)),
        "embeddings",
        about=f"word vectors of {path}",
        citation="",
        origins=(Origin(_File(path), _parse),),
        make=partial(_make, name),
    )


def _parse(files: Mapping[str, Path]) -> Arrays:
    (path,) = files.values()
    words, vectors = read_vectors(path)
    _keep_newest(path)
    return {"words": pack_text(words), "vectors": vectors}


def _keep_newest(path: Path) -> None:
    """Note which file the numbers now put into the cache are from, and remove those of its earlier contents but a few.

    A process that has such numbers open keeps them; one that asks for them again has the file read anew.
    """
    folder = cache_folder() / "datasets"
    file = os.fsencode(path.absolute()).decode("utf-8", "backslashreplace")
    write_text(folder / _cached_as(_sha256_of(path)) / _NOTE, file)
    found = []
    for note in folder.glob(f"vectors-*/{_NOTE}"):
        with contextlib.suppress(OSError, ValueError):  # another process may have removed it
            if note.read_text(encoding="utf-8") == file:
                found.append((note.stat().st_mtime_ns, note.parent))
    for _, earlier in sorted(found)[:-KEPT]:
        shutil.rmtree(earlier, ignore_errors=True)


def _cached_as(sha256: str) -> str:
    return f"vectors-{sha256[:16]}-{_VERSION}"


def _make(name: str, arrays: Mapping[str, np.ndarray]) -> Embeddings:
    return Embeddings(name, unpack_text(arrays["words"]), arrays["vectors"])


def read_vectors(path: Path) -> tuple[list[str], np.ndarray]:
    """The words in the order of the file, and (words, dim) float32.

    Words and numbers are separated by blanks; a word may hold blanks itself. A first line of two whole numbers says how
    many words there are and of how many dimensions. Words are in the composed form (NFC), as in texts. Of a word that
    stands twice, the first vector counts. The file is read line by line: memory holds words and float32 numbers.

    Raises:
        UserError: the file cannot be read, or what is wrong in which line.
    """
    lines = _lines(path)
    first = list(itertools.islice(lines, _FIRST_LINES))
    promised, dim = _shape(path, first)
    words: dict[str, None] = {}
    numbers = bytearray()
    twice = read = 0
    for number, line in itertools.chain(first[1:] if promised is not None else first, lines):
        word, row = _entry(f"{path}, line {number}", line, dim)
        read += 1
        if word in words:
            twice += 1
            continue
        words[word] = None
        numbers += row.tobytes()
    if promised is not None and read < promised:
        raise UserError(f"{path} has {counted(read, 'word')}, and its first line says {promised:,}: is it cut off?")
    if len(words) < 2:
        raise UserError(
            f"{path} holds {counted(len(words), 'word')} with vectors; give a word and its numbers on each line"
        )
    if promised is not None and read > promised:
        log.warning("%s has %s, and its first line says %s; all are read", path, counted(read, "word"), f"{promised:,}")
    if twice:
        again = counted(twice, "word stands", "words stand")
        log.warning("%s: %s there again; the first vector of each counts", path, again)
    return list(words), np.frombuffer(numbers, np.float32).reshape(len(words), dim)


Line = tuple[int, bytes]


def _lines(path: Path) -> Iterator[Line]:
    """The lines that are not blank, by their numbers from 1, without blanks around them."""
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            text = gzip.GzipFile(fileobj=stream) if packed else stream
            number = 0
            while line := text.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise UserError(f"{path}, line {number} has {LONGEST_LINE:,} bytes or more: is this a text file?")
                if stripped := line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").strip(b" \t\r\n"):
                    yield number, stripped
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or f"damaged or cut off ({error})"
        raise UserError(f"cannot read {path}: {reason}") from None


def _shape(path: Path, first: list[Line]) -> tuple[int | None, int]:
    """How many words the file says that it has, if it does, and the dimension: of the most of the first lines."""
    if not first:
        raise UserError(f"{path} is empty; give a word and its numbers on each line")
    head = _SPACES.split(first[0][1])
    if len(head) == 2 and all(part.isdigit() and len(part) < 12 for part in head):
        words, dim = map(int, head)
        if not 0 < dim < LONGEST_LINE:
            raise UserError(f"{path}, line {first[0][0]}: vectors of {counted(dim, 'number')}")
        return words, dim
    lengths = Counter(len(_SPACES.split(line)) - 1 for _, line in first)
    dim, _ = max(lengths.items(), key=lambda entry: (entry[1], -entry[0]))
    if dim < 1:
        raise UserError(f"{path}, line {first[0][0]} has no numbers; give a word and its numbers on each line")
    return None, dim


def _entry(where: str, line: bytes, dim: int) -> tuple[str, np.ndarray]:
    """A word and its (dim,) float32."""
    parts = _SPACES.split(line)
    word, numbers = b" ".join(parts[:-dim]), parts[-dim:]
    if not word or len(numbers) < dim:
        found = sum(map(_is_number, parts[1:]))
        raise UserError(f"{where} has {counted(found, 'number')}, and other lines have {dim}")
    if len(parts) > dim + 1 and _is_number(parts[-dim - 1]):
        raise UserError(f"{where} has more than {counted(dim, 'number')}, as other lines have")
    try:
        with np.errstate(over="ignore"):
            row = np.array(list(map(float, numbers)), np.float64).astype(np.float32)
    except ValueError:
        wrong = next((part for part in numbers if not _is_number(part)), b"")
        raise UserError(f"{where}: {wrong[:40].decode('utf-8', 'replace')!r} is no number") from None
    if not np.isfinite(row).all():
        wrong = numbers[int(np.flatnonzero(~np.isfinite(row))[0])]
        raise UserError(f"{where}: {wrong[:40].decode()!r} is not a finite number of 32 bits")
    try:
        return unicodedata.normalize("NFC", word.decode("utf-8")), row  # as the words of a text are
    except UnicodeDecodeError:
        raise UserError(f"{where}: the word {word[:40]!r} is not UTF-8; save the file as UTF-8") from None


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True
