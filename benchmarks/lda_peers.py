"""What the LDA benchmarks share: the text, and tomotopy behind the same few methods as our engines."""

from __future__ import annotations

import numpy as np
import tomotopy

from dgmbench.data import load_corpus
from dgmbench.data.corpora import Corpus
from dgmbench.models.topics.engines.likelihood import word_topic_counts

BETA, ALPHA_SUM = 0.01, 10.0
"""The same priors for everyone; tomotopy would otherwise estimate alpha again every ten sweeps."""


def training_text(least: int = 5) -> tuple[Corpus, Corpus]:
    """20 Newsgroups without stop words, with the words of at least ``least`` training documents; no empty documents."""
    splits = load_corpus("20news")
    keep = np.asarray((splits.train.counts > 0).sum(axis=0)).ravel() >= least
    train, test = splits.train.select_words(keep), splits.test.select_words(keep)
    return train.select_documents(train.lengths > 0), test.select_documents(test.lengths > 0)


class Tomotopy:
    """tomotopy's LDA with one worker."""

    def __init__(self, corpus: Corpus, n_topics: int, seed: int = 0) -> None:
        self.corpus = corpus
        self.model = tomotopy.LDAModel(k=n_topics, alpha=ALPHA_SUM / n_topics, eta=BETA, seed=seed)
        self.model.optim_interval, self.model.burn_in = 0, 0
        for d in range(len(corpus)):
            self.model.add_doc([str(w) for w in corpus.document(d)])
        self.model.train(0, workers=1)

    def sweep(self, alpha: np.ndarray) -> None:
        """Resample every token once."""
        self.model.train(1, workers=1, parallel=tomotopy.ParallelScheme.NONE)

    @property
    def topics(self) -> np.ndarray:
        """(tokens,) the topic of each token, in document order."""
        numbers = np.array([int(word) for word in self.model.used_vocabs])
        words = np.concatenate([numbers[document.words] for document in self.model.docs])
        if not np.array_equal(words, self.corpus.words):
            raise AssertionError("tomotopy changed the order of the tokens")
        return np.concatenate([np.asarray(document.topics) for document in self.model.docs]).astype(np.int64)


def exported_topics(corpus: Corpus, topics: np.ndarray, n_topics: int) -> np.ndarray:
    """(n_topics, vocabulary) word probabilities from the tokens' topics."""
    counts = word_topic_counts(corpus, topics, n_topics).T.toarray() + BETA
    return counts / counts.sum(axis=1, keepdims=True)
