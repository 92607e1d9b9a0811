"""What the LDA benchmarks share: the text, and the other libraries behind the same few methods."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import tomotopy
from gensim.models import LdaModel
from sklearn.decomposition import LatentDirichletAllocation

from dgmbench.data.corpora import Corpus
from dgmbench.data.load.corpus import load_corpus
from dgmbench.models.text.likelihood import word_topic_counts

BETA, ALPHA_SUM = 0.01, 10.0
"""The same priors for everyone; tomotopy would otherwise estimate alpha again every ten sweeps."""
LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "gensim", "tomotopy")
BATCH = 512
"""Documents to a mini-batch of online variational Bayes."""


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


class Gensim:
    """gensim's online variational Bayes (Hoffman, Blei, Bach, 2010), one process, a mini-batch a step."""

    def __init__(self, corpus: Corpus, n_topics: int, seed: int = 0) -> None:
        self.documents = len(corpus)
        counts = (corpus.counts[d] for d in range(len(corpus)))
        bags = [list(zip(row.indices.tolist(), row.data.tolist(), strict=True)) for row in counts]
        self.batches = cycle([[bags[d] for d in batch] for batch in _batches(corpus, seed)])
        self.model = LdaModel(
            id2word=dict(enumerate(corpus.vocabulary)),
            num_topics=n_topics,
            alpha=np.full(n_topics, ALPHA_SUM / n_topics),
            eta=BETA,
            chunksize=BATCH,
            eval_every=None,
            random_state=seed,
        )

    def step(self) -> int:
        """Learn from the next mini-batch; returns its tokens."""
        batch = next(self.batches)
        # It adds every batch to the size of the corpus, also when it has seen the documents before.
        self.model.state.numdocs = self.documents - len(batch)
        self.model.update(batch)
        return sum(count for bag in batch for _, count in bag)

    def phi(self) -> np.ndarray:
        """(n_topics, vocabulary) word probabilities."""
        return self.model.get_topics().astype(np.float64)


class ScikitLearn:
    """scikit-learn's online variational Bayes, one process, a mini-batch a step."""

    def __init__(self, corpus: Corpus, n_topics: int, seed: int = 0) -> None:
        self.batches = cycle([corpus.counts[batch] for batch in _batches(corpus, seed)])
        self.model = LatentDirichletAllocation(
            n_topics,
            doc_topic_prior=ALPHA_SUM / n_topics,
            topic_word_prior=BETA,
            learning_method="online",
            total_samples=len(corpus),
            batch_size=BATCH,
            random_state=seed,
        )

    def step(self) -> int:
        """Learn from the next mini-batch; returns its tokens."""
        batch = next(self.batches)
        self.model.partial_fit(batch)
        return int(batch.sum())

    def phi(self) -> np.ndarray:
        """(n_topics, vocabulary) word probabilities."""
        return self.model.components_ / self.model.components_.sum(axis=1, keepdims=True)


def _batches(corpus: Corpus, seed: int) -> list[np.ndarray]:
    """Document numbers in random order, `BATCH` at a time: by date, whole newsgroups would follow each other."""
    order = np.random.default_rng(seed).permutation(len(corpus))
    return [order[start : start + BATCH] for start in range(0, len(corpus), BATCH)]


def exported_topics(corpus: Corpus, topics: np.ndarray, n_topics: int) -> np.ndarray:
    """(n_topics, vocabulary) word probabilities from the tokens' topics."""
    counts = word_topic_counts(corpus, topics, n_topics).T.toarray() + BETA
    return counts / counts.sum(axis=1, keepdims=True)
