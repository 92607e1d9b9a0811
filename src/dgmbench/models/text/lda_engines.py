"""LDA by one of several engines, under the same priors and sweep by sweep: how fast does each reach what quality?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.warp import Warp
from dgmbench.models.text.esca import Esca
from dgmbench.models.text.lda import require_device
from dgmbench.models.text.lda_peers import Gensim, ScikitLearn, Tomotopy
from dgmbench.models.text.likelihood import word_topic_counts
from dgmbench.models.text.preparation import require_documents, require_options
from dgmbench.run.progress import passes


class Engine(Protocol):
    """What makes passes over the documents, and says which topics it has."""

    def sweep(self) -> None:
        """Visit every token once."""

    def topics(self) -> np.ndarray:
        """(n_topics, vocabulary) word probabilities."""


class Sampler:
    """One of the samplers of `dgmbench.models.text.lda`; its topics are those of its last state."""

    def __init__(self, sampler: Any, corpus: Corpus, alpha: np.ndarray, beta: float) -> None:
        self.sampler, self.corpus, self.alpha, self.beta = sampler, corpus, alpha, beta

    def sweep(self) -> None:
        self.sampler.sweep(self.alpha)

    def topics(self) -> np.ndarray:
        counts = word_topic_counts(self.corpus, self.sampler.topics, len(self.alpha)).T.toarray() + self.beta
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def gibbs(corpus: Corpus, alpha: np.ndarray, beta: float, seed: int) -> Engine:
    """The exact collapsed sampler, on one thread."""
    return Sampler(Gibbs(corpus, len(alpha), beta=beta, seed=seed), corpus, alpha, beta)


def warp(corpus: Corpus, alpha: np.ndarray, beta: float, seed: int, threads: int) -> Engine:
    """WarpLDA."""
    return Sampler(Warp(corpus, len(alpha), beta=beta, seed=seed, threads=threads), corpus, alpha, beta)


def esca(corpus: Corpus, alpha: np.ndarray, beta: float, seed: int, device: str) -> Engine:
    """ESCA, on the CPU or on a GPU."""
    return Sampler(Esca(corpus, len(alpha), beta=beta, seed=seed, device=device), corpus, alpha, beta)


ENGINES: dict[str, Callable[..., Engine]] = {
    "gibbs": gibbs,
    "warp": warp,
    "esca": esca,
    "gensim": Gensim,
    "scikit-learn": ScikitLearn,
    "tomotopy": Tomotopy,
}
"""From documents, alpha, beta and seed, and what `_TAKES` says."""
_TAKES = {"warp": ("threads",), "esca": ("device",)}
_FEW = 20  # documents that compile an engine


class LDAByEngine:
    """Latent Dirichlet allocation (Blei, Ng, Jordan, 2003) by an engine; `dgmbench.models.text.lda` is the one to use.

    Args:
        n_topics: K.
        alpha_sum: Σ alpha; each topic has alpha_sum / K.
        beta: symmetric Dirichlet parameter of the topics.
        engine: one of `ENGINES`.
        n_sweeps: visits to each token; of online variational Bayes passes over all mini-batches.
        threads: for ``warp``; they change no result.
        seed: of what is random.
        device: for ``esca``: ``cpu`` or ``cuda``.

    Attributes:
        topics_: (n_topics, vocabulary) word probabilities.
        alpha_: (n_topics,) Dirichlet parameters of the proportions.
        passes_: sweeps that were made.
    """

    def __init__(
        self,
        n_topics: int = 100,
        *,
        alpha_sum: float = 5.0,
        beta: float = 0.01,
        engine: str = "gibbs",
        n_sweeps: int = 200,
        threads: int = 1,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.n_topics, self.alpha_sum, self.beta, self.engine = n_topics, alpha_sum, beta, engine
        self.n_sweeps, self.threads, self.seed, self.device = n_sweeps, threads, seed, device
        least = {"n_topics": 1, "n_sweeps": 1, "threads": 1}
        require_options(self, at_least=least, above={"alpha_sum": 0, "beta": 0}, one_of={"engine": ENGINES})
        require_device(engine, device)
        self.alpha_ = np.full(n_topics, alpha_sum / n_topics)

    def warm_up(self, corpus: Corpus) -> None:
        """Let the engine compile or import what it is made of, so that this is no part of the seconds of a fit."""
        few = corpus.select_documents(np.arange(min(_FEW, len(corpus))))
        self._start(few).sweep()

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> LDAByEngine:
        """Learn topics; labels are not looked at.

        Raises:
            UserError: no documents, an empty one, or more topics than tokens.
        """
        for _ in self.passes(corpus, labels):
            pass
        return self

    def passes(self, corpus: Corpus, labels: np.ndarray | None = None) -> Iterator[int]:
        """As `fit`, with the number of sweeps after each of them; the topics are those of that sweep.

        Raises:
            UserError: no documents, an empty one, or more topics than tokens.
        """
        require_documents(corpus, at_least=self.n_topics)
        self._engine = self._start(corpus)
        for done in passes(f"LDA by {self.engine}: sweep", self.n_sweeps):
            self._engine.sweep()
            self.passes_ = done + 1
            yield done + 1

    @property
    def topics_(self) -> np.ndarray:
        return self._engine.topics()

    def _start(self, corpus: Corpus) -> Engine:
        taken = {name: getattr(self, name) for name in _TAKES.get(self.engine, ())}
        return ENGINES[self.engine](corpus, self.alpha_, self.beta, self.seed, **taken)
