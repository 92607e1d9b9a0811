"""Collapsed Gibbs sampling of LDA (Griffiths and Steyvers, 2004) as it is written down: LDA's ``engine="plain"``."""

from __future__ import annotations

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.fast.random import Stream
from dgmbench.fast.text.layout import random_topics, word_order


def sweep(
    documents: np.ndarray, words: np.ndarray, topics: np.ndarray, alpha: np.ndarray, beta: float, V: int, rng: Stream
) -> None:
    """Resample the topic of every token once, each given all others.

    Args:
        documents, words: (tokens,) document and word of every token, in the order in which they are visited.
        topics: (tokens,) changed in place.
        alpha: (K,) Dirichlet parameters of the proportions.
        beta: the symmetric Dirichlet parameter of the topics.
        V: the size of the vocabulary.
    """
    K = len(alpha)
    n_dk, n_wk = np.zeros((documents.max() + 1, K)), np.zeros((V, K))
    np.add.at(n_dk, (documents, topics), 1)
    np.add.at(n_wk, (words, topics), 1)
    n_k = n_wk.sum(axis=0)
    for i, (d, w) in enumerate(zip(documents, words, strict=True)):
        k = topics[i]
        n_dk[d, k] -= 1
        n_wk[w, k] -= 1
        n_k[k] -= 1
        k = rng.draw((n_dk[d] + alpha) * (n_wk[w] + beta) / (n_k + V * beta))
        n_dk[d, k] += 1
        n_wk[w, k] += 1
        n_k[k] += 1
        topics[i] = k


class PlainGibbs:
    """The sampler's state: a topic for every token, at first a random one.

    With the same seed it visits the same states as `dgmbench.fast.text.gibbs.Gibbs` on dense rows.

    Args:
        corpus: documents, none of them empty.
        n_topics: K.
        beta: the symmetric Dirichlet parameter of the topics.
        seed: names the random stream.
    """

    def __init__(self, corpus: Corpus, n_topics: int, *, beta: float, seed: int = 0) -> None:
        self.beta, self.seed, self.sweeps, self._n_words = beta, seed, 0, corpus.n_words
        self._order = word_order(corpus)
        self._topics = random_topics(corpus, n_topics, seed)

    def sweep(self, alpha: np.ndarray) -> None:
        """Resample every token once, given the (n_topics,) Dirichlet parameters of the proportions."""
        order, rng = self._order, Stream(self.seed, self.sweeps)
        sweep(order.documents, order.words, self._topics, alpha, self.beta, self._n_words, rng)
        self.sweeps += 1

    @property
    def topics(self) -> np.ndarray:
        """(tokens,) the topic of each token, in document order."""
        return self._topics[self._order.positions]

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore` needs to go on exactly."""
        return {"topics": self._topics, "sweeps": np.array(self.sweeps)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up a state of a sampler with the same arguments."""
        self._topics[...], self.sweeps = state["topics"], int(state["sweeps"])
