"""The dynamic topic model: topics whose words, and shares, change from one slice of time to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.random import Stream
from dgmbench.fast.text import dated_tokens, gibbs_dense
from dgmbench.fast.text.dated_tokens import DatedTokens
from dgmbench.fast.text.dense import padded_counts, padded_rows
from dgmbench.fast.text.layout import WordTokens, random_topics, word_order
from dgmbench.fast.text.warp import alias_table
from dgmbench.models.text.ctm import table
from dgmbench.models.text.preparation import require_documents, require_options
from dgmbench.models.text.random_walks import Walk, draw_means, precision, step_documents, step_topics
from dgmbench.run.progress import passes

_OF_LDA, _ALPHA_SUM, _BETA = 2 / 3, 5.0, 0.01
_STEPS = 8  # of a document's vector for a sweep over its tokens


def topic_rate(sweep: int) -> float:
    """Of the Langevin steps of topics: 20 (100 + t)^−0.51."""
    return float(20 * (100 + sweep) ** -0.51)


def document_rate(sweep: int) -> float:
    """Of the Langevin steps of documents: 0.5 (100 + t)^−0.8."""
    return float(0.5 * (100 + sweep) ** -0.8)


def sweep(tokens: DatedTokens, theta: np.ndarray, psi: np.ndarray, pairs: int, rng: Stream) -> None:
    """Resample the topic of every token by Metropolis-Hastings, p(z = k) ∝ θ_dk ψ_tkw; topics change in place.

    A token is offered ``pairs`` times a topic from θ_d, which is taken with probability ψ_tk'w / ψ_tkw, and one from
    ψ_t·w, which is taken with probability θ_dk' / θ_dk: constant time for each, whatever K is.

    Args:
        theta: (documents, K), up to a factor for each document.
        psi: (slices, vocabulary, K) word probabilities of the topics in each slice.
    """
    for d in tokens.order:
        t = tokens.slices[d]
        for i in range(tokens.offsets[d], tokens.offsets[d + 1]):
            of_document, of_word, k = theta[d], psi[t, tokens.words[i]], tokens.topics[i]
            for _ in range(pairs):
                for proposal, ratio_of in ((of_document, of_word), (of_word, of_document)):
                    to = proposed(proposal, rng.random())
                    if rng.random() * ratio_of[k] < ratio_of[to]:
                        k = to
            tokens.topics[i] = k


def proposed(weights: np.ndarray, u: float) -> int:
    """k with probability ∝ ``weights`` (K,), by their alias table, from a uniform number."""
    thresholds, aliases = alias_table(weights)
    cell = int(u * len(weights))
    return cell if u * len(weights) - cell < thresholds[cell] else int(aliases[cell])


class State(NamedTuple):
    """Of a sweep.

    Attributes:
        phi, psi: (slices, vocabulary, K) and their softmax over the words.
        alpha: (slices, K).
        theta: (documents, K) proportions.
        order: (documents,) the documents, slice after slice.
    """

    phi: np.ndarray
    psi: np.ndarray
    alpha: np.ndarray
    theta: np.ndarray
    order: np.ndarray


class DynamicTopics:
    """η_d ~ N(α_t, 6²), θ_d = softmax(η_d), z ~ θ_d, w ~ softmax(φ_tz), where α and φ are Gaussian walks over slices.

    Sampled as by Bhadury, Chen, Zhu and Liu (WWW 2016): topics of tokens by `sweep`, η and φ by Langevin steps
    (`step_documents`, `step_topics`), α exactly (`draw_means`). The first two thirds of the sweeps are those of
    collapsed LDA on all documents, with Σ α = 5 and β = 0.01, from random topics; its counts then give η, and φ in
    every slice.

    Args:
        n_topics: K, at least 2.
        spread: standard deviation of η within a slice.
        share_step, word_step: standard deviations of the steps of α and φ from a slice to the next.
        word_start: standard deviation of φ in the first slice; α has ``spread`` there.
        pairs: proposals of each kind for a token and sweep.
        n_sweeps: visits to each token, those of LDA among them.
        seed: names the random streams.

    Attributes:
        topics_: (n_topics, vocabulary) word probabilities to expect in the slice after the last one.
        mean_, covariance_: (n_topics,) and (n_topics, n_topics), of η there.
        topics_by_slice_: (slices, n_topics, vocabulary) word probabilities.
        shares_: (slices, n_topics) mean of softmax(η) over the documents of each slice.
        passes_: sweeps that were made.

    All but covariance and passes are means over the states so far. The first quarter of the sweeps that are not LDA's
    is left out; in it they are of the last state alone.
    """

    def __init__(
        self,
        n_topics: int = 50,
        *,
        spread: float = 6.0,
        share_step: float = 0.6,
        word_step: float = 0.2,
        word_start: float = 4.0,
        pairs: int = 2,
        n_sweeps: int = 600,
        seed: int = 0,
    ) -> None:
        self.n_topics, self.spread, self.share_step, self.word_step = n_topics, spread, share_step, word_step
        self.word_start, self.pairs, self.n_sweeps, self.seed = word_start, pairs, n_sweeps, seed
        positive = {"spread": 0, "share_step": 0, "word_step": 0, "word_start": 0}
        require_options(self, at_least={"n_topics": 2, "pairs": 1, "n_sweeps": 1}, above=positive)

    def warm_up(self, corpus: Corpus) -> None:
        """Let the steps of a sweep compile, so that this is no part of the seconds of a fit."""
        few = corpus.select_documents(np.arange(min(20, len(corpus))))
        small = DynamicTopics(self.n_topics, n_sweeps=3, seed=self.seed)
        for _ in small.passes(few):
            pass

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None, slices: np.ndarray | None = None) -> DynamicTopics:
        """Learn topics; labels are not looked at.

        Args:
            slices: (documents,) the slice of time of each, from 0 on, none without documents; None is one slice.

        Raises:
            UserError: no documents, an empty one, more topics than tokens, or slices that do not fit the documents.
        """
        for _ in self.passes(corpus, labels, slices):
            pass
        return self

    def passes(
        self, corpus: Corpus, labels: np.ndarray | None = None, slices: np.ndarray | None = None
    ) -> Iterator[int]:
        """As `fit`, with the number of sweeps after each that is not LDA's; the attributes are those of that sweep.

        Raises:
            UserError: as `fit`.
        """
        require_documents(corpus, at_least=self.n_topics)
        slices = np.zeros(len(corpus), np.int64) if slices is None else np.asarray(slices)
        documents = documents_by_slice(slices, len(corpus))
        T, V, K, lda = len(documents), corpus.n_words, self.n_topics, int(_OF_LDA * self.n_sweeps)
        kept_from = lda + (self.n_sweeps - lda) // 4
        order = np.argsort(slices, kind="stable")
        tokens = DatedTokens(order, slices, corpus.offsets, corpus.words, self._topics_of_lda(corpus, lda))
        owner = np.repeat(np.arange(len(corpus)), corpus.lengths)
        cells = slices[owner] * V + corpus.words  # of each token, its slice and word
        walk, walk_of_means = Walk(self.word_start, self.word_step), Walk(self.spread, self.share_step)
        counts, words = table(owner, tokens.topics, (len(corpus), K)), table(cells, tokens.topics, (T * V, K))
        eta = _centred(np.log(counts + _ALPHA_SUM / K), 1)
        phi = np.tile(_centred(np.log(words.reshape(T, V, K).sum(axis=0) + _BETA), 0), (T, 1, 1))
        states = 0
        for number in passes("dynamic topics: sweep", self.n_sweeps, lda):
            rng, step = np.random.default_rng([self.seed, number]), number - lda
            sums = np.add.reduceat(eta[order], np.concatenate([[0], np.cumsum(documents)[:-1]]))
            alpha = draw_means(sums, documents, self.spread, walk_of_means, rng)
            for _ in range(_STEPS):
                step_documents(eta, counts, alpha[slices], self.spread, document_rate(step), rng)
            step_topics(phi, words.reshape(T, V, K), topic_rate(step), walk, rng)
            psi, theta = softmax(phi, axis=1), np.exp(eta - eta.max(axis=1, keepdims=True))
            dated_tokens.sweep(tokens, theta, psi, self.pairs, self.seed, number)  # `sweep`, compiled
            counts, words = table(owner, tokens.topics, (len(corpus), K)), table(cells, tokens.topics, (T * V, K))
            states = states + 1 if number > kept_from else 1
            theta /= theta.sum(axis=1, keepdims=True)
            self._keep(State(phi, psi, alpha, theta, order), documents, states, rng)
            self.passes_ = number + 1
            yield number + 1

    def _topics_of_lda(self, corpus: Corpus, sweeps: int) -> np.ndarray:
        """(tokens,) the topic of each token, in document order, after so many sweeps of collapsed LDA."""
        order, topics, K = word_order(corpus), random_topics(corpus, self.n_topics, self.seed), self.n_topics
        tokens = WordTokens(order.offsets, order.documents, topics, np.bincount(topics, minlength=K))
        rows, alpha = padded_counts(order.documents, topics, K), padded_rows(np.full(K, _ALPHA_SUM / K))
        for number in passes("dynamic topics: sweep of LDA", sweeps):
            gibbs_dense.sweep(tokens, rows, alpha, _BETA, self.seed, number)
        return topics[order.positions]

    def _keep(self, state: State, documents: np.ndarray, states: int, rng: np.random.Generator) -> None:
        """Let the attributes be means of so many states, this one the last; of one they are those of this state."""
        T, _, K = state.phi.shape
        ahead = softmax(state.phi[-1] + self.word_step * rng.standard_normal(state.phi.shape[1:]), axis=0)
        starts = np.concatenate([[0], np.cumsum(documents)[:-1]])
        shares = np.add.reduceat(state.theta[state.order], starts) / documents[:, None]
        found = {
            "topics_": ahead.T,
            "mean_": state.alpha[-1],
            "topics_by_slice_": state.psi.transpose(0, 2, 1),
            "shares_": shares,
        }
        for name, values in found.items():
            before = getattr(self, name) if states > 1 else np.zeros_like(values)
            setattr(self, name, before + (values - before) / states)
        known = precision(Walk(self.spread, self.share_step), T) + np.diag(documents / self.spread**2)
        variance = self.spread**2 + self.share_step**2 + np.linalg.inv(known)[-1, -1]
        self.covariance_ = variance * np.eye(K)


def documents_by_slice(slices: np.ndarray, documents: int) -> np.ndarray:
    """(slices,) how many documents each has.

    Raises:
        UserError: there is no whole number for each document, or a slice between has no document.
    """
    if slices.shape != (documents,) or slices.dtype.kind not in "iu" or (len(slices) and slices.min() < 0):
        raise UserError(
            f"DynamicTopics: slices is an array of {slices.dtype} with the shape {slices.shape}; give each of the "
            f"{documents} documents the number of its slice, from 0 on"
        )
    found = np.bincount(slices)
    if not found.all():
        raise UserError(f"DynamicTopics: slice {found.argmin()} has no document; number the slices without gaps")
    return found


def _centred(values: np.ndarray, axis: int) -> np.ndarray:
    return values - values.mean(axis=axis, keepdims=True)
