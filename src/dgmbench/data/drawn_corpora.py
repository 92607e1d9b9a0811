"""Corpora of any size that a name asks for, drawn from planted topics: ``zipf-topics?documents=100000&topics=1000``."""

from __future__ import annotations

from typing import NamedTuple

from dgmbench.data.drawn_defaults import DRAWN_AS
from dgmbench.data.name_options import SHORT_NAME, Forms, read_options
from dgmbench.data.text import CorpusSplits
from dgmbench.data.zipf import ZipfTopics
from dgmbench.errors import UserError

_NUMBER = ("[1-9][0-9]{0,8}", "a whole number from 1 to 999999999")
OPTIONS: Forms = {
    "documents": _NUMBER,
    "test": _NUMBER,
    "words": ("[1-9][0-9]{0,6}", "a whole number from 1 to 9999999"),
    "topics": ("[1-9][0-9]{0,6}", "a whole number from 1 to 9999999"),
    "length": ("(?!0)[0-9]{1,3}([.][0-9]{1,6})?|1000", "a number from 1 to 1000"),
    "seed": ("[0-9]{1,9}", "a whole number from 0 to 999999999"),
    "name": SHORT_NAME,
}
MOST_TOKENS = 2**31 - 1
_TEST_PART = 100_000
"""The test documents come after as many parts as any training documents have: they are the same beside all of these."""


class Drawing(NamedTuple):
    """What ``zipf-topics?documents=...&test=...&words=...&topics=...&length=...&seed=...`` says.

    Attributes:
        made: the topics.
        documents, test: numbers of training and of test documents.
        seed: of all documents.
    """

    made: ZipfTopics
    documents: int
    test: int
    seed: int


def parse_name(name: str) -> Drawing:
    """What a name ``zipf-topics?...`` says; what it does not say is 10,000 documents and 1,000 test documents of 100
    tokens on average, 50,000 words, 100 topics and seed 0.

    Raises:
        UserError: an unknown option, a number out of range, or more tokens than can be numbered.
    """
    options = read_options(name, OPTIONS)
    documents, test = (int(options.get(option, DRAWN_AS[option])) for option in ("documents", "test"))
    words, topics, length = (
        int(options.get("words", 50_000)),
        int(options.get("topics", 100)),
        float(options.get("length", DRAWN_AS["length"])),
    )
    if words < topics:
        raise UserError(f"{name}: {words:,} words for {topics:,} topics; give at least as many words as topics")
    if (tokens := max(documents, test) * length) > MOST_TOKENS:
        raise UserError(f"{name}: about {tokens:,.0f} tokens; at most {MOST_TOKENS:,} can be drawn")
    return Drawing(ZipfTopics(topics, words, length=length), documents, test, int(options.get("seed", 0)))


def draw_corpus(name: str) -> CorpusSplits:
    """The corpus of a name; the label of a document is the topic with the largest weight. See `ZipfTopics`.

    Raises:
        UserError: see `parse_name`.
    """
    made, documents, test, seed = parse_name(name)
    return CorpusSplits(made.draw(documents, seed=seed), made.draw(test, seed=seed, first_part=_TEST_PART))
