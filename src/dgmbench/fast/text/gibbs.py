"""The exact collapsed Gibbs sampler of LDA (Griffiths and Steyvers, 2004), dense for few topics and sparse for many."""

from __future__ import annotations

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text import gibbs_dense, gibbs_sparse
from dgmbench.fast.text.dense import padded, padded_counts, padded_rows
from dgmbench.fast.text.layout import WordTokens, random_topics, word_order

DENSE_TOPICS = 384
"""Up to here a dense row costs no more time than a list."""
_DENSE_ROOM = 8  # float32 of dense rows per token at most, so that memory stays linear in the tokens


class Gibbs:
    """The sampler's state: a topic for every token, at first a random one.

    Placing the tokens one after the other given those before saves some ten sweeps, but often ends in a worse mode.

    Args:
        corpus: documents, none of them empty.
        n_topics: K.
        beta: the symmetric Dirichlet parameter of the topics.
        seed: names the random stream.
        dense: work on rows of all K topics rather than lists; by default chosen from K and the corpus.
    """

    def __init__(self, corpus: Corpus, n_topics: int, *, beta: float, seed: int = 0, dense: bool | None = None) -> None:
        self.n_topics, self.beta, self.seed, self.sweeps = n_topics, beta, seed, 0
        if dense is None:
            room = len(corpus) * padded(n_topics)
            dense = n_topics <= DENSE_TOPICS and room <= _DENSE_ROOM * corpus.n_tokens
        self.dense, self._order = dense, word_order(corpus)
        self._take_up(random_topics(corpus, n_topics, seed))
        if not dense:
            order, topics = self._order, self._tokens.topics
            self._lists = gibbs_sparse.list_topics(order.documents, topics, corpus.lengths, n_topics)

    def _take_up(self, topics: np.ndarray) -> None:
        """Start from the topic of each token, in word order."""
        order = self._order
        sizes = np.bincount(topics, minlength=self.n_topics)
        self._tokens = WordTokens(order.offsets, order.documents, topics, sizes)
        if self.dense:
            self._rows = padded_counts(order.documents, topics, self.n_topics)

    def sweep(self, alpha: np.ndarray) -> None:
        """Resample every token once, given the (n_topics,) Dirichlet parameters of the proportions."""
        named = self.beta, self.seed, self.sweeps
        if self.dense:
            gibbs_dense.sweep(self._tokens, self._rows, padded_rows(alpha), *named)
        else:
            gibbs_sparse.sweep(self._tokens, self._lists, np.ascontiguousarray(alpha, np.float64), *named)
        self.sweeps += 1

    @property
    def topics(self) -> np.ndarray:
        """(tokens,) the topic of each token, in document order."""
        return self._tokens.topics[self._order.positions]

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore` needs to go on exactly: dense rows follow from the topics, the order of lists does not."""
        lists = {} if self.dense else self._lists._asdict()
        return {"topics": self._tokens.topics, "sweeps": np.array(self.sweeps), **lists}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up a state of a sampler with the same arguments."""
        self._take_up(state["topics"].copy())
        self.sweeps = int(state["sweeps"])
        if not self.dense:
            given = (state[name].copy() for name in ("listed", "counts", "used"))
            self._lists = gibbs_sparse.Lists(self._lists.starts, *given)
