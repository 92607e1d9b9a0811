"""A user-defined corpus from bags of words: documents without labels and without an order of their words.

In a configuration it is named ``uci:PATH``, the path of the counts, with options as in a web address:
``uci:docword.nytimes.txt.gz?seed=1&name=nytimes``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.data.formats.docword import opened_counts, read_vocabulary
from dgmbench.data.name_options import SHORT_NAME, Forms, read_options
from dgmbench.data.splitting import drawn_for_testing
from dgmbench.data.text import CorpusSplits
from dgmbench.errors import UserError, counted

PREFIX = "uci:"
OPTIONS: Forms = {
    "vocab": (r".+", "a path"),
    "test": (r".+", "a path"),
    "seed": ("[0-9]{1,9}", "a whole number from 0 to 999999999"),
    "name": SHORT_NAME,
}


class UCIFiles(NamedTuple):
    """What ``uci:PATH?vocab=PATH&test=PATH&seed=NUMBER&name=NAME`` says.

    Attributes:
        counts: of the documents: of those for training where ``test`` is given.
        vocabulary: the words.
        test: the counts of the test documents; None where these are drawn from all.
        seed: of the drawing, and of the order of words.
    """

    counts: Path
    vocabulary: Path
    test: Path | None
    seed: int


def parse_name(name: str) -> UCIFiles:
    """What a name ``uci:PATH?...`` says.

    The words of ``docword.NAME.txt`` are in ``vocab.NAME.txt`` beside it, unless ``vocab`` says otherwise; the ending
    ``.gz`` may be there or not.

    Raises:
        UserError: an unknown option, a value that is none, or a file that is not there.
    """
    options = read_options(name, OPTIONS)
    path = unquote(name.removeprefix(PREFIX).partition("?")[0])
    if not path:
        raise UserError(f"{name}: no path; write {PREFIX}docword.nytimes.txt.gz")
    counts = _file(path, name)
    test = _file(options["test"], name) if "test" in options else None
    if test is not None and test.samefile(counts):
        raise UserError(f"{name}: the training and the test documents must be different files")
    vocabulary = _file(options["vocab"], name) if "vocab" in options else _vocabulary_beside(counts, name)
    return UCIFiles(counts, vocabulary, test, int(options.get("seed", 0)))


def _file(text: str, name: str) -> Path:
    try:
        path = Path(text).expanduser()
        if path.is_file():
            return path
    except (RuntimeError, OSError, ValueError) as error:  # ~name of no user, a path that cannot be
        raise UserError(f"{name}: {error}") from error
    raise UserError(f"{name}: no file {path}")


def _vocabulary_beside(counts: Path, name: str) -> Path:
    begin, stem = "docword.", counts.name.removesuffix(".gz")
    if not stem.startswith(begin):
        raise UserError(f"{name}: {counts.name} is not called docword.NAME.txt; say where its words are by vocab=PATH")
    vocabulary = counts.with_name(f"vocab.{stem.removeprefix(begin)}")
    both = [vocabulary, vocabulary.with_name(f"{vocabulary.name}.gz")]
    for path in sorted(both, key=lambda path: path.suffix != counts.suffix):
        if path.is_file():
            return path
    raise UserError(f"{name}: no file {vocabulary}, which has the words, one a line; put it there, or say vocab=PATH")


def corpus_files(name: str) -> list[Path]:
    """The files that a corpus ``uci:PATH?...`` is read from, sorted.

    Raises:
        UserError: see `parse_name`.
    """
    files = parse_name(name)
    return sorted(filter(None, (files.counts, files.vocabulary, files.test)))


def read_corpus(name: str) -> CorpusSplits:
    """The corpus of bags of words, over the words of its vocabulary in their order; stop words are not looked for.

    The documents have no labels. Without test documents, a fifth is for testing, drawn by the seed as from documents of
    one class (`dgmbench.data.splitting`). The tokens of a document come in an order that is drawn by the seed, too. The
    counts are read in parts: memory has four bytes a token, beside those of a part.

    Raises:
        UserError: what is missing or wrong, in which file and line.
    """
    files = parse_name(name)
    vocabulary = read_vocabulary(files.vocabulary)

    def drawn(documents: int) -> np.ndarray:
        return np.array(drawn_for_testing([""] * documents, files.seed))

    def none(documents: int) -> np.ndarray:
        return np.zeros(documents, bool)

    train, test = _read(files, files.counts, vocabulary, none if files.test else drawn, 0)
    if files.test:
        test, _ = _read(files, files.test, vocabulary, none, 1)
    for part, corpus in (("training", train), ("test", test)):
        if not corpus.n_tokens:
            raise UserError(f"{name}: {counted(len(corpus), f'{part} document')} without a word; give more documents")
    return CorpusSplits(train, test)


def _read(
    files: UCIFiles, path: Path, vocabulary: tuple[str, ...], for_testing: Callable[[int], np.ndarray], stream: int
) -> tuple[Corpus, Corpus]:
    """The documents of a file that are not for testing, and those that are."""
    random = np.random.default_rng([files.seed, stream])
    parts = bytearray(), bytearray()
    with opened_counts(path) as (sizes, entries):
        if sizes.words != len(vocabulary):
            raise UserError(
                f"{files.vocabulary} has {counted(len(vocabulary), 'word')}, and {path}, line {sizes.lines[1]}, says "
                f"{sizes.words:,}"
            )
        tested, lengths = for_testing(sizes.documents), np.zeros(sizes.documents, np.int64)
        for rows in entries:
            document, word, count = rows[:, 0] - 1, (rows[:, 1] - 1).astype(np.int32), rows[:, 2]
            np.add.at(lengths, document, count)
            owner = np.repeat(document, count)
            words = np.repeat(word, count)[np.lexsort((random.random(len(owner)), owner))]
            apart = tested[owner]
            for part, kept in zip(parts, (~apart, apart), strict=True):
                part += words[kept].tobytes()
    train, test = (
        Corpus(vocabulary, _array(part), np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64))
        for part, kept in zip(parts, (~tested, tested), strict=True)
    )
    return train, test


def _array(content: bytearray) -> np.ndarray:
    return np.frombuffer(content, np.int32) if content else np.empty(0, np.int32)
