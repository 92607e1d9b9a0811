"""How well topics predict held-out documents and how they read: the same measures for every topic model.

All that a model hands over are its topics phi, (n_topics, vocabulary), and the Dirichlet parameters alpha, (n_topics,),
of its documents' proportions. Log-likelihoods are in nats; divide by the tokens scored for a value per token. Words
outside the vocabulary are dropped by the caller, for all models alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.random import Stream
from dgmbench.fast.text import left_to_right as fast
from dgmbench.fast.text.proportions import fold_in
from dgmbench.metrics.halves import Completion, flat, halves, score


def left_to_right(
    topics: np.ndarray, alpha: np.ndarray, documents: Sequence[np.ndarray], particles: int = 20, seed: int = 0
) -> np.ndarray:
    """(documents,) log p(w_d | phi, alpha) by the left-to-right sampler (Wallach, Murray, Salakhutdinov, Mimno 2009).

    Σ_n log of the mean over R particles of p(w_n | z_<n), each particle resampling its earlier topics before position
    n. Particles that explained w_n better then go on in more copies: without this step the estimate stays off however
    many particles there are (Buntine, 2009), with it p is estimated without bias. Takes time in the square of a
    document's length.

    Args:
        topics: (n_topics, vocabulary) word probabilities.
        alpha: (n_topics,) Dirichlet parameters.
        documents: the word numbers of each document, in order; an empty one has log-likelihood zero.
        particles: R.

    Raises:
        UserError: shapes that do not fit, or word numbers outside the vocabulary.
    """
    words, offsets = flat(topics, alpha, documents)
    if particles < 1:
        raise UserError(f"left_to_right: {particles} particles: take at least one")
    return fast.left_to_right(topics, alpha, words, offsets, particles, seed)  # `plain_left_to_right`, compiled


def plain_left_to_right(
    topics: np.ndarray, alpha: np.ndarray, words: np.ndarray, offsets: np.ndarray, particles: int, seed: int
) -> np.ndarray:
    """`left_to_right` as it is written down, of documents given one after the other and by their beginnings."""
    result = np.zeros(len(offsets) - 1)
    for d, document in enumerate(np.split(words, offsets[1:-1])):
        rng = Stream(seed, d)
        z = np.zeros((particles, len(document)), np.int64)
        n_k = np.zeros((particles, len(alpha)))
        for n, word in enumerate(document):
            for r in range(particles):
                for m in range(n):
                    n_k[r, z[r, m]] -= 1
                    z[r, m] = rng.draw((n_k[r] + alpha) * topics[:, document[m]])
                    n_k[r, z[r, m]] += 1
            explained = (n_k + alpha) @ topics[:, word] / (n + alpha.sum())  # (R,) p(w_n | z_<n)
            result[d] += np.log(explained.mean())
            # systematic resampling: a particle goes on in R explained / Σ explained copies, rounded up or down
            points = (np.arange(particles) + rng.random()) * explained.mean()
            parents = np.minimum(np.searchsorted(np.cumsum(explained), points, side="right"), particles - 1)
            z, n_k = z[parents], n_k[parents]
            for r in range(particles):
                z[r, n] = rng.draw((n_k[r] + alpha) * topics[:, word])
                n_k[r, z[r, n]] += 1
    return result


def document_completion(
    topics: np.ndarray, alpha: np.ndarray, documents: Sequence[np.ndarray], seed: int = 0, *, threads: int = 1
) -> Completion:
    """Score one half of each document's tokens under proportions estimated from the other half.

    The tokens are split at random, a single token goes to the scored half; the proportions are those of
    `dgmbench.fast.text.proportions.fold_in`. No token is both estimated from and scored.

    Args:
        topics, alpha, documents: as for `left_to_right`.
        seed: of the split, which depends on nothing else: models are compared on the same tokens.

    Raises:
        UserError: shapes that do not fit, or word numbers outside the vocabulary.
    """
    words, offsets = flat(topics, alpha, documents)
    given, scored = halves(words, offsets, topics.shape[1], seed)
    return score(fold_in(topics, alpha, given, threads=threads), topics, scored)


def top_words(topics: np.ndarray, vocabulary: Sequence[str], n: int = 10) -> list[list[str]]:
    """The n most probable words of each topic, the first the most probable."""
    return [[vocabulary[w] for w in row] for row in _top(topics, n)]


def topic_diversity(topics: np.ndarray, n: int = 25) -> float:
    """The share of different words among all topics' n most probable (Dieng, Ruiz, Blei, 2020): 1 if none recurs."""
    top = _top(topics, n)
    return len(np.unique(top)) / top.size


def npmi_coherence(topics: np.ndarray, corpus: Corpus, n: int = 10) -> np.ndarray:
    """(n_topics,) mean normalised pointwise mutual information of the pairs among each topic's n most probable words.

    log[p(v, w) / (p(v) p(w))] / −log p(v, w), p the share of the corpus's documents that contain a word or both; −1 for
    a pair that no document contains (Bouma 2009; Lau, Newman, Baldwin 2014).

    Raises:
        UserError: the corpus has another vocabulary, or no documents.
    """
    if topics.shape[1] != corpus.n_words or len(corpus) == 0:
        raise UserError(
            f"npmi_coherence: topics over {topics.shape[1]} words, a corpus of {len(corpus)} documents over "
            f"{corpus.n_words} words: give documents over the topics' vocabulary"
        )
    if n < 2:
        raise UserError(f"npmi_coherence: n is {n}: pairs need at least two words of each topic")
    top = _top(topics, n)
    used, position = np.unique(top, return_inverse=True)
    contains = (corpus.counts[:, used] > 0).astype(np.float64)
    together = np.asarray((contains.T @ contains).todense()) / len(corpus)
    alone = np.diag(together)
    with np.errstate(divide="ignore", invalid="ignore"):
        npmi = np.log(together / np.outer(alone, alone)) / -np.log(together)
    npmi[together == 0] = -1.0
    npmi[together == 1] = 1.0  # both in every document
    first, second = np.triu_indices(top.shape[1], 1)
    position = position.reshape(top.shape)
    return npmi[position[:, first], position[:, second]].mean(axis=1)


def _top(topics: np.ndarray, n: int) -> np.ndarray:
    """(n_topics, n) word numbers by falling probability; the smaller number first among equals."""
    return np.argsort(-topics, axis=1, kind="stable")[:, :n]
