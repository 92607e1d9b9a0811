"""Small corpora and embeddings with a known answer, for the tests of document methods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dgmbench.data.corpora import Corpus


@dataclass(frozen=True, eq=False)
class Vectors:
    """Word embeddings in memory."""

    name: str
    words: tuple[str, ...]
    vectors: np.ndarray

    def find(self, words: tuple[str, ...]) -> np.ndarray:
        rows = {word: i for i, word in enumerate(self.words)}
        return np.array([rows.get(word, -1) for word in words], np.int64)


def embeddings(n_words: int = 200, dim: int = 5, scale: float = 1.0, seed: int = 0) -> Vectors:
    """Normal vectors for w0, w1, …"""
    rng = np.random.default_rng(seed)
    words = tuple(f"w{i}" for i in range(n_words))
    return Vectors("made-up", words, (scale * rng.standard_normal((n_words, dim))).astype(np.float32))


def corpus_of(counts_or_tokens: list[list[int]], n_words: int, labels: list[int] | None = None) -> Corpus:
    """A corpus from word numbers, over the vocabulary w0, w1, …"""
    documents = [[f"w{i}" for i in tokens] for tokens in counts_or_tokens]
    names = None if labels is None else [f"class {c}" for c in labels]
    return Corpus.from_tokens(documents, names, vocabulary=[f"w{i}" for i in range(n_words)])


def draw_corpus(
    topics: np.ndarray, *, documents: int, length: int, alpha: float = 0.1, seed: int = 0, labelled: bool = False
) -> Corpus:
    """Documents of latent Dirichlet allocation with these topics (K, words); the label is a document's main topic."""
    rng = np.random.default_rng(seed)
    theta = rng.dirichlet(np.full(len(topics), alpha), size=documents)
    drawn = [rng.choice(topics.shape[1], size=length, p=row @ topics).tolist() for row in theta]
    labels = theta.argmax(axis=1).tolist() if labelled else None
    return corpus_of(drawn, topics.shape[1], labels)
