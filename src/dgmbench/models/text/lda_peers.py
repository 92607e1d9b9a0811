"""LDA by other libraries, behind the same two methods as our samplers; each is imported when it is used."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.likelihood import word_topic_counts

BATCH = 512
"""Documents to a mini-batch of online variational Bayes."""


class Gensim:
    """gensim's online variational Bayes (Hoffman, Blei, Bach, NIPS 2010), one process; a sweep is all mini-batches."""

    def __init__(self, corpus: Corpus, alpha: np.ndarray, beta: float, seed: int) -> None:
        from gensim.models import LdaModel

        logging.getLogger("gensim.models.ldamodel").setLevel(logging.ERROR)  # each mini-batch advises more passes
        counts = corpus.counts
        rows = [slice(*counts.indptr[d : d + 2]) for d in range(len(corpus))]
        bags = [list(zip(counts.indices[r].tolist(), counts.data[r].tolist(), strict=True)) for r in rows]
        self.batches = [[bags[d] for d in batch] for batch in _batches(corpus, seed)]
        self.documents = len(corpus)
        self.model = LdaModel(
            id2word=dict(enumerate(corpus.vocabulary)),
            num_topics=len(alpha),
            alpha=alpha,
            eta=beta,
            chunksize=BATCH,
            eval_every=None,
            random_state=seed,
        )

    def sweep(self) -> None:
        for batch in self.batches:
            # an update counts its batch as new documents; of a corpus that is gone through again there are none
            self.model.state.numdocs = self.documents - len(batch)
            self.model.update(batch)

    def topics(self) -> np.ndarray:
        found = self.model.get_topics().astype(np.float64)
        return np.asarray(found / found.sum(axis=1, keepdims=True))


class ScikitLearn:
    """scikit-learn's online variational Bayes, one process; a sweep is all mini-batches."""

    def __init__(self, corpus: Corpus, alpha: np.ndarray, beta: float, seed: int) -> None:
        from sklearn.decomposition import LatentDirichletAllocation

        if alpha[0] > 1 or beta > 1:
            raise UserError(
                f"LDA by scikit-learn: it takes priors up to 1 only, not {max(alpha[0], beta):g}; give a smaller "
                "alpha_sum or beta, or more topics"
            )
        self.batches = [corpus.counts[batch] for batch in _batches(corpus, seed)]
        self.model = LatentDirichletAllocation(
            len(alpha),
            doc_topic_prior=float(alpha[0]),
            topic_word_prior=beta,
            learning_method="online",
            total_samples=len(corpus),
            batch_size=BATCH,
            random_state=seed,
        )

    def sweep(self) -> None:
        for batch in self.batches:
            self.model.partial_fit(batch)

    def topics(self) -> np.ndarray:
        return np.asarray(self.model.components_ / self.model.components_.sum(axis=1, keepdims=True))


class Tomotopy:
    """tomotopy's collapsed Gibbs sampler with one worker; the priors stay as they are."""

    def __init__(self, corpus: Corpus, alpha: np.ndarray, beta: float, seed: int) -> None:
        try:
            import tomotopy
        except ImportError as error:
            raise UserError("LDA by tomotopy: it is not installed; pip install 'dgmbench[peers]'") from error
        self.corpus, self.n_topics, self.beta, self.tomotopy = corpus, len(alpha), beta, tomotopy
        self.model: Any = tomotopy.LDAModel(k=len(alpha), alpha=float(alpha[0]), eta=beta, seed=seed)
        self.model.optim_interval = self.model.burn_in = 0
        for d in range(len(corpus)):
            self.model.add_doc([str(word) for word in corpus.document(d)])
        self.model.train(0, workers=1)

    def sweep(self) -> None:
        self.model.train(1, workers=1, parallel=self.tomotopy.ParallelScheme.NONE)

    def topics(self) -> np.ndarray:
        of_tokens = np.concatenate([np.asarray(document.topics, np.int64) for document in self.model.docs])
        counts = word_topic_counts(self.corpus, of_tokens, self.n_topics).T.toarray() + self.beta
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _batches(corpus: Corpus, seed: int) -> list[np.ndarray]:
    """Document numbers in random order, `BATCH` at a time: in file order, whole classes may follow each other."""
    order = np.random.default_rng(seed).permutation(len(corpus))
    return [order[start : start + BATCH] for start in range(0, len(corpus), BATCH)]
