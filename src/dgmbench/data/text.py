"""From labelled text to a corpus: words, stop words, and the training and test part over one vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

import numpy as np

from dgmbench.data.corpora import Corpus


@dataclass(frozen=True, eq=False)
class CorpusSplits:
    """The training and the test part of a corpus, over one vocabulary: the words of both.

    It unpacks into its two parts: ``train, test = load_corpus(...)``.

    Attributes:
        train: the training documents.
        test: the test documents.
        train_dates: (documents,) datetime64, when each training document was written, where that is known.
        test_dates: likewise for the test documents.
    """

    train: Corpus
    test: Corpus
    train_dates: np.ndarray | None = None
    test_dates: np.ndarray | None = None

    def __iter__(self) -> Iterator[Corpus]:
        """The two parts."""
        return iter((self.train, self.test))

    def __repr__(self) -> str:
        return f"CorpusSplits(train={self.train!r}, test={self.test!r})"

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that a run can read of it, by name; words and class names are packed by `pack_text`."""
        found = {"vocabulary": pack_text(self.train.vocabulary), "classes": pack_text(self.train.classes)}
        for part, corpus, dates in (("train", self.train, self.train_dates), ("test", self.test, self.test_dates)):
            found |= {f"{part}_words": corpus.words, f"{part}_offsets": corpus.offsets}
            found |= {f"{part}_labels": corpus.labels} if corpus.labels is not None else {}
            found |= {f"{part}_dates": dates} if dates is not None else {}
        return found

    @classmethod
    def from_arrays(cls, found: Mapping[str, np.ndarray]) -> CorpusSplits:
        """The corpus that `arrays` took apart."""
        vocabulary, classes = tuple(unpack_text(found["vocabulary"])), tuple(unpack_text(found["classes"]))
        train, test = (
            Corpus(vocabulary, found[f"{part}_words"], found[f"{part}_offsets"], found[f"{part}_labels"], classes)
            for part in ("train", "test")
        )
        return cls(train, test, found.get("train_dates"), found.get("test_dates"))


class LabelledText(NamedTuple):
    """A document as it stands in a file."""

    label: str
    words: list[str]


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


def largest_classes(documents: Iterable[LabelledText], n: int) -> frozenset[str]:
    """The names of the ``n`` classes with most documents."""
    return frozenset(label for label, _ in Counter(document.label for document in documents).most_common(n))


def make_splits(train: Sequence[LabelledText], test: Sequence[LabelledText]) -> CorpusSplits:
    """Both parts over one sorted vocabulary, without stop words; documents of stop words alone stay, empty."""
    stop = stop_words()
    train_words, test_words = (
        [[word for word in document.words if word not in stop] for document in part] for part in (train, test)
    )
    vocabulary = sorted({word for words in (*train_words, *test_words) for word in words})
    classes = sorted({document.label for document in (*train, *test)})
    of_train, of_test = (
        Corpus.from_tokens(words, [document.label for document in part], vocabulary=vocabulary, classes=classes)
        for words, part in ((train_words, train), (test_words, test))
    )
    return CorpusSplits(of_train, of_test)
