"""Held-out documents in two halves: one that a document's state is estimated from, and one that is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from dgmbench.errors import UserError


class Halves(NamedTuple):
    """The tokens of documents in two halves.

    Attributes:
        given: (documents, vocabulary) counts of the tokens that a document's state is estimated from.
        scored: for each document the word numbers of the others, in the document's order.
    """

    given: sparse.csr_matrix
    scored: list[np.ndarray]


class Completion(NamedTuple):
    """Log-likelihood of the scored halves.

    Attributes:
        log_likelihood: (documents,) log p of the scored half given the other half, in nats.
        tokens: (documents,) how many tokens were scored.
    """

    log_likelihood: np.ndarray
    tokens: np.ndarray


def halves(words: np.ndarray, offsets: np.ndarray, n_words: int, seed: int) -> Halves:
    """Split the tokens of each document at random; a single token goes to the scored half.

    Args:
        words, offsets: as `flat` gives them.
        n_words: size of the vocabulary.
        seed: the split depends on nothing else: models are compared on the same tokens.
    """
    lengths = np.diff(offsets)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    shuffled = np.lexsort((np.random.default_rng(seed).random(len(words)), owner))
    rank = np.empty(len(words), np.int64)
    rank[shuffled] = np.arange(len(words)) - offsets[owner]
    is_given = rank < lengths[owner] // 2
    ones = np.ones(int(is_given.sum()), np.int32)
    given = sparse.csr_matrix((ones, (owner[is_given], words[is_given])), shape=(len(lengths), n_words))
    n_scored = lengths - lengths // 2
    ends, rest = np.cumsum(n_scored), words[~is_given]
    return Halves(given, [rest[end - n : end] for n, end in zip(n_scored, ends, strict=True)])


def score(theta: np.ndarray, topics: np.ndarray, scored: Sequence[np.ndarray]) -> Completion:
    """Score each token by p(w) = Σ_k theta_dk phi_kw.

    Args:
        theta: (documents, K) proportions.
        topics: (K, vocabulary) phi.
        scored: word numbers of each document.
    """
    with np.errstate(divide="ignore"):  # a word that no topic has: minus infinity
        found = [np.log(row @ topics[:, held]).sum() for row, held in zip(theta, scored, strict=True)]
    return Completion(np.array(found), np.array([len(held) for held in scored], np.int64))


def flat(topics: np.ndarray, prior: np.ndarray, documents: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All words one after the other, and the (documents + 1,) offsets.

    Raises:
        UserError: topics and prior have shapes that do not fit, or word numbers are outside the vocabulary.
    """
    if topics.ndim != 2 or np.shape(prior) != topics.shape[:1]:
        raise UserError(
            f"topics of shape {topics.shape} and alpha of shape {np.shape(prior)} do not fit: "
            "give (n_topics, vocabulary) and (n_topics,)"
        )
    lengths = np.array([len(document) for document in documents], np.int64)
    words = np.concatenate([*map(np.asarray, documents), np.empty(0, np.int64)]).astype(np.int64)
    if len(words) and not 0 <= words.min() <= words.max() < topics.shape[1]:
        raise UserError(
            f"word numbers run from {words.min()} to {words.max()}, the topics have {topics.shape[1]} words: "
            "number the documents by the topics' vocabulary and drop other words"
        )
    return words, np.concatenate([[0], np.cumsum(lengths)])


def per_token(log_likelihood: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """(documents,) values whose mean is the log-likelihood per token of all documents together, in nats.

    r + (l_d − r n_d) D / N with r = Σ l_d / N: the ratio of two sums, linearised. The standard error of their mean is
    that of the ratio, and the mean of the differences between two models is the difference of their ratios. Of
    l_d D / N, which has the same mean, most of the spread would be that of the documents' lengths.

    Args:
        log_likelihood: (documents,) l_d, in nats.
        tokens: (documents,) n_d, N in all, of which there is at least one.

    Returns:
        NaN for every document where one has no finite log-likelihood.
    """
    documents, total = len(tokens), tokens.sum()
    if not np.isfinite(log_likelihood).all():
        return np.full(documents, np.nan)
    ratio = log_likelihood.sum() / total
    return np.asarray(ratio + (log_likelihood - ratio * tokens) * (documents / total))
