"""Large corpora that are drawn: words by Zipf's law, and planted topics that a model may find again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError

PART = 10_000
"""Documents that share a random stream: each part is the same, however many there are and whoever draws it."""


@dataclass(frozen=True)
class ZipfTopics:
    """Topics whose mixture is Zipf's law, p(w) ∝ (w + 1)^-exponent.

    Word w belongs to topic w mod K. A topic's words have its share ``purity`` by Zipf's law among themselves, the rest
    of it is Zipf's law over all words; topic k itself has the probability Σ p(w) over its own words. Then Σ_k p(k)
    phi_kw = p(w). A document mixes a few topics, drawn from p(k), with weights that are uniform on the simplex.

    Args:
        n_topics: K.
        n_words: size of the vocabulary, at least K.
        exponent: of Zipf's law.
        purity: what a topic's own words have of it.
        topics_per_document: topics that a document mixes; one may be drawn twice.
        length: mean tokens of a document, which are one and a Poisson number.

    Raises:
        UserError: a number is out of range.
    """

    n_topics: int
    n_words: int = 50_000
    exponent: float = 1.05
    purity: float = 0.9
    topics_per_document: int = 3
    length: float = 100.0

    def __post_init__(self) -> None:
        for name, holds, what in (
            ("n_topics", self.n_topics >= 1, "at least 1"),
            ("n_words", self.n_words >= self.n_topics, f"at least n_topics, {self.n_topics}"),
            ("exponent", 0 <= self.exponent <= 10, "from 0 to 10"),
            ("purity", 0 <= self.purity <= 1, "from 0 to 1"),
            ("topics_per_document", self.topics_per_document >= 1, "at least 1"),
            ("length", 1 <= self.length <= 10**6, "from 1 to a million"),
        ):
            if not holds:
                raise UserError(f"ZipfTopics: {name} is {getattr(self, name)!r}; it must be {what}")

    @cached_property
    def frequencies(self) -> np.ndarray:
        """(n_words,) p(w)."""
        weights = np.arange(1, self.n_words + 1, dtype=np.float64) ** -self.exponent
        return np.asarray(weights / weights.sum())

    @cached_property
    def sizes(self) -> np.ndarray:
        """(n_topics,) p(k)."""
        return np.bincount(np.arange(self.n_words) % self.n_topics, self.frequencies, self.n_topics)

    def topic(self, k: int) -> np.ndarray:
        """(n_words,) phi_k, the planted distribution of topic k."""
        phi = (1 - self.purity) * self.frequencies
        phi[k :: self.n_topics] += self.purity * self.frequencies[k :: self.n_topics] / self.sizes[k]
        return phi

    def draw(self, documents: int, *, seed: int = 0, first_part: int = 0) -> Corpus:
        """A corpus of so many documents; the label of each is the topic with the largest weight.

        Args:
            seed: of all parts.
            first_part: how many parts, of `PART` documents each, are before these documents in the whole corpus.

        Raises:
            UserError: no document is asked for.
        """
        if documents < 1:
            raise UserError(f"ZipfTopics: {documents} documents; ask for at least 1")
        counts = [min(PART, documents - start) for start in range(0, documents, PART)]
        parts = [self._part(n, np.random.default_rng([seed, first_part + i])) for i, n in enumerate(counts)]
        words, lengths, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        vocabulary = tuple(f"w{w}" for w in range(self.n_words))
        return Corpus(vocabulary, words, offsets, labels, tuple(f"topic {k}" for k in range(self.n_topics)))

    def parts(self, documents: int, *, seed: int = 0) -> Iterator[Corpus]:
        """The documents of `draw`, one after another in corpora of `PART` documents; the last one may have fewer."""
        for number, start in enumerate(range(0, documents, PART)):
            yield self.draw(min(PART, documents - start), seed=seed, first_part=number)

    @cached_property
    def _by_topic(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Words, topic after topic; the sum of p(w) up to each; and, (n_topics + 1,), that before each topic."""
        order = np.argsort(np.arange(self.n_words) % self.n_topics, kind="stable").astype(np.int32)
        passed = np.cumsum(self.frequencies[order])
        ends = np.cumsum(np.bincount(order % self.n_topics, minlength=self.n_topics))
        return order, passed, np.concatenate([[0.0], passed[ends - 1]])

    def _part(self, documents: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Words of all tokens, the number of tokens and the label of each document; a whole part is drawn always."""
        order, passed, begins = self._by_topic
        lengths = 1 + random.poisson(self.length - 1, PART)
        topics = np.searchsorted(begins[1:-1], random.random((PART, self.topics_per_document)), side="right")
        weights = random.exponential(size=topics.shape)
        shares = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
        owner = np.repeat(np.arange(PART), lengths)
        which = (random.random(len(owner))[:, None] >= shares[owner, :-1]).sum(axis=1)
        k, own = topics[owner, which], random.random(len(owner)) < self.purity
        ball = random.random(len(owner))
        ball = np.where(own, begins[k] + ball * (begins[k + 1] - begins[k]), ball * passed[-1])
        found = np.minimum(np.searchsorted(passed, ball, side="right"), self.n_words - 1)
        labels = topics[np.arange(PART), weights.argmax(axis=1)].astype(np.int32)
        return order[found][: lengths[:documents].sum()], lengths[:documents], labels[:documents]
