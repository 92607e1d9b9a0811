"""The exact collapsed Gibbs sampler of LDA (Griffiths and Steyvers, 2004), dense for few topics and sparse for many."""

from __future__ import annotations

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text import gibbs_dense, gibbs_sparse
from dgmbench.fast.text.dense import padded, padded_counts, padded_prior
from dgmbench.fast.text.layout import random_topics, word_order

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
        self.dense = dense
        self._order = word_order(corpus)
        self._topics = random_topics(corpus, n_topics, seed)
        self._sizes = np.bincount(self._topics, minlength=n_topics)
        if dense:
            self._rows = padded_counts(self._order.documents, self._topics, n_topics)
        else:
            lists = gibbs_sparse.list_topics(self._order.documents, self._topics, corpus.lengths, n_topics)
            self._starts, self._listed, self._counts, self._used = lists

    def sweep(self, alpha: np.ndarray) -> None:
        """Resample every token once, given the (n_topics,) Dirichlet parameters of the proportions."""
        order = self._order
        if self.dense:
            gibbs_dense.sweep(
                order.offsets,
                order.documents,
                self._topics,
                self._rows,
                self._sizes,
                padded_prior(alpha),
                self.n_topics,
                self.beta,
                self.seed,
                self.sweeps,
            )
        else:
            gibbs_sparse.sweep(
                order.offsets,
                order.documents,
                self._topics,
                self._starts,
                self._listed,
                self._counts,
                self._used,
                self._sizes,
                np.ascontiguousarray(alpha, np.float64),
                self.beta,
                self.seed,
                self.sweeps,
            )
        self.sweeps += 1

    @property
    def topics(self) -> np.ndarray:
        """(tokens,) the topic of each token, in document order."""
        return self._topics[self._order.positions]

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore` needs to go on exactly."""
        arrays = {"topics": self._topics, "sizes": self._sizes, "sweeps": np.array(self.sweeps)}
        if self.dense:
            return {**arrays, "rows": self._rows}
        return {**arrays, "listed": self._listed, "counts": self._counts, "used": self._used}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up a state of a sampler with the same arguments."""
        for name, values in state.items():
            if name == "sweeps":
                self.sweeps = int(values)
            else:
                getattr(self, f"_{name}")[...] = values
