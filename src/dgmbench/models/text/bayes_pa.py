"""Max-margin topics learned in one pass: an online Bayesian passive-aggressive classifier of documents' topics."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.random import Stream
from dgmbench.fast.text import max_margin as fast
from dgmbench.fast.text.max_margin import Batch, Response
from dgmbench.models.text.estimator import TopicMethod
from dgmbench.models.text.preparation import require_documents, require_options, require_vocabulary
from dgmbench.run.progress import passes

_SETTLING, _KEPT = 10, 20
"""Sweeps over a document without its class: those before its topics are counted, and those that are averaged."""


def inverse_gaussian(mean: float, rng: Stream) -> float:
    """A draw of the inverse Gaussian distribution with this mean and shape 1 (Michael, Schucany, Haas, 1976).

    With n ~ N(0, 1), (x − m)² / (m² x) = n² has two solutions of product m²; the smaller is taken with probability
    m / (m + x). They are written so that nothing cancels where m n² is large.
    """
    n = np.sqrt(-2 * np.log1p(-rng.random())) * np.cos(2 * np.pi * rng.random())
    w = mean * n**2
    ratio = 1 + (w + np.sqrt(w * (4 + w))) / 2
    return float(mean / ratio if rng.random() * (1 + ratio) < ratio else mean * ratio)


def expected_square(means: np.ndarray, signs: np.ndarray, response: Response) -> np.ndarray:
    """(L,) E (l − y η·z̄)² of a document with (K,) z̄ and (L,) y."""
    linear, quadratic = response.mean @ means, np.einsum("k,lkj,j->l", means, response.second, means)
    return np.asarray(response.margin**2 - 2 * response.margin * signs * linear + quadratic)


def log_factors(counts: np.ndarray, inverse: np.ndarray, signs: np.ndarray, response: Response, N: int) -> np.ndarray:
    """(K,) what the classes add to log p(z = k) of a token, up to a constant: with C the counts of the other tokens

        Σ_l c y (1 + c l/λ) μ_k / N − c²/(2 N² λ) [E η_k² + 2 (E[ηηᵀ] C)_k].

    Args:
        counts: (K,) C.
        inverse: (L,) 1/λ.
        signs: (L,) y.
        N: the tokens of the document.
    """
    mean, second, c, margin = response
    linear = (c * signs * (1 + c * margin * inverse)) @ mean
    quadratic = np.einsum("l,lkj->kj", c**2 * inverse, second)
    return np.asarray(linear / N - (np.diag(quadratic) + 2 * quadratic @ counts) / (2 * N**2))


def sweep(
    batch: Batch, signs: np.ndarray, by_word: np.ndarray, alpha: float, response: Response, seed: int, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Resample λ of every document and class, then the topic of every token, once; topics change in place.

    exp(−2c max(0, ζ)) = ∫ (2πλ)^(−1/2) exp(−(λ + cζ)² / 2λ) dλ makes the hinge loss of ζ = l − y η·z̄ Gaussian in η
    (Polson, Scott, 2011). Given the topics, 1/λ is inverse Gaussian with mean 1 / (c √E ζ²) and shape 1; given λ,
    p(z = k) ∝ (C_dk + α) φ_kw exp(`log_factors`_k).

    Args:
        signs: (documents, L) y, 1 for documents of the class and −1 for all others; no classifier, L = 0, leaves
            topics by words alone.
        by_word: (words, K) φ.
        seed, number: with the document's name, the name of a random stream.

    Returns:
        (documents, K) z̄, the shares of the topics after the sweep, and (documents, L) 1/λ.
    """
    (words, offsets, topics, names), (L, K) = batch, response.mean.shape
    means, inverse = np.empty((len(names), K)), np.empty((len(names), L))
    for d, name in enumerate(names):
        rng, tokens = Stream(seed, number, name), range(offsets[d], offsets[d + 1])
        here, N = topics[offsets[d] : offsets[d + 1]], len(tokens)
        C = np.bincount(here[here >= 0], minlength=K).astype(float)
        inverse[d] = [
            inverse_gaussian(1 / (response.c * np.sqrt(square)), rng)
            for square in expected_square(C / N, signs[d], response)
        ]
        for i in tokens:
            if topics[i] >= 0:
                C[topics[i]] -= 1
            factors = log_factors(C, inverse[d], signs[d], response, N)
            topics[i] = k = rng.draw((C + alpha) * by_word[words[i]] * np.exp(factors - factors.max()))
            C[k] += 1
        means[d] = C / N
    return means, inverse


def learned(
    precision: np.ndarray,
    shift: np.ndarray,
    means: np.ndarray,
    inverse: np.ndarray,
    signs: np.ndarray,
    c: float,
    margin: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Σ⁻¹ and Σ⁻¹μ of each classifier's weights, given documents: Σ⁻¹ + c² Σ_d z̄z̄ᵀ/λ and Σ⁻¹μ + c Σ_d y (1 + c l/λ) z̄.

    Args:
        precision, shift: (L, K, K) and (L, K) before.
        means, inverse: (sweeps, documents, K) z̄ and (sweeps, documents, L) 1/λ; sums are means over the sweeps.
        signs: (documents, L) y.
    """
    share = 1 / len(means)
    z, x = means.reshape(-1, means.shape[-1]), inverse.reshape(-1, inverse.shape[-1])
    squares = np.stack([(z * weight[:, None]).T @ z for weight in x.T])
    linear = (np.tile(signs, (len(means), 1)) * (1 + c * margin * x)).T @ z
    return precision + c**2 * share * squares, shift + c * share * linear


@dataclass(eq=False, repr=False)
class BayesPA(TopicMethod):
    """BayesPA with Gibbs max-margin topics (Shi, Zhu, JMLR 2017), one classifier for each class against the rest.

    θ_d ~ Dir(α), z ~ θ_d, w ~ φ_z; η·z̄ of a document should exceed the margin l where it is of the class, and stay
    below −l where it is not. After each minibatch the posterior q(Φ) q(η), Dirichlet and Gaussian, is the prior for the
    next one. The topics are common to all classes; two classes share one classifier.

    Args:
        n_topics: K.
        alpha: Dirichlet parameter of the proportions.
        beta: pseudo-count of a word in a topic.
        c: weight of the hinge loss.
        margin: l. To divide c, and multiply ``margin`` and the root of ``variance``, by one number changes nothing.
        variance: of each of a classifier's weights before the first document.
        batch: documents of a minibatch; they come in random order.
        rounds: how often topics of a minibatch are sampled and the posterior is computed from them.
        sweeps: visits to each token in a round.
        seed: names the random streams.

    Attributes:
        topics_: (n_topics, vocabulary) mean word probabilities.
        alpha_: (n_topics,) Dirichlet parameters of the proportions.
        weights_: (L, n_topics) E[η], L = 1 for two classes.
        covariances_: (L, n_topics, n_topics) Cov[η].

    Example:
        >>> model = BayesPA(50).fit(train)  # with the corpus's labels
        >>> decisions = model.transform(test).argmax(axis=1)
    """

    _sweep = staticmethod(fast.sweep)  # `sweep`, compiled
    feature_set = "max-margin scores"

    n_topics: int
    _: KW_ONLY
    alpha: float = 0.5
    beta: float = 0.1
    c: float = 1.0
    margin: float = 164.0
    variance: float = 100.0
    batch: int = 128
    rounds: int = 2
    sweeps: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        whole, positive = ("n_topics", "batch", "rounds", "sweeps"), ("alpha", "beta", "c", "margin", "variance")
        for names, kind, said in ((whole, Integral, "a whole number"), (positive, Real, "a number")):
            for name in names:
                if not isinstance(value := getattr(self, name), kind):
                    raise UserError(f"BayesPA: {name} is {value!r}; it must be {said}")
        require_options(self, at_least=dict.fromkeys(whole, 1), above=dict.fromkeys(positive, 0))

    def warm_up(self, corpus: Corpus) -> None:
        """Let a sweep compile, so that this is no part of the seconds of a fit."""
        few = corpus.select_documents(np.arange(min(2, len(corpus))))
        response = Response(np.zeros((1, 2)), np.zeros((1, 2, 2)), self.c, self.margin)
        self._sweep(_batch(few, few.words), np.ones((len(few), 1)), np.ones((few.n_words, 2)), 1.0, response, 0, 0)

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> BayesPA:
        """See every document once; ``labels`` (documents,) are the corpus's own unless given.

        Raises:
            UserError: no labels, labels of one class, no documents, an empty one, or more topics than tokens.
        """
        for _ in self.minibatches(corpus, labels):
            pass
        return self

    def minibatches(self, corpus: Corpus, labels: np.ndarray | None = None) -> Iterator[int]:
        """As `fit`, with the number of documents seen after each minibatch, whose state the attributes are then.

        Raises:
            UserError: as for `fit`.
        """
        labels = corpus.labels if labels is None else labels
        require_documents(corpus, at_least=self.n_topics)
        if labels is None:
            raise UserError("BayesPA: the corpus has no labels: give them to fit")
        if len(np.unique(labels)) < 2:
            raise UserError("BayesPA: all documents have the same class: give documents of at least two classes")
        n_classes, K = max(len(corpus.classes), int(labels.max()) + 1), self.n_topics
        classes = np.arange(1 if n_classes == 2 else 0, n_classes)
        self.vocabulary_, self.alpha_ = corpus.vocabulary, np.full(K, self.alpha)
        self._counts = np.zeros((corpus.n_words, K))  # of q(Φ), without β
        precision, shift = np.tile(np.eye(K) / self.variance, (len(classes), 1, 1)), np.zeros((len(classes), K))
        self._set_response(precision, shift)
        order = np.random.default_rng(self.seed).permutation(len(corpus))
        parts = np.split(order, np.arange(self.batch, len(corpus), self.batch))
        seen = 0
        for number in passes("BayesPA: minibatch", len(parts)):
            documents, chosen = corpus.select_documents(parts[number]), labels[parts[number]]
            signs = np.where(chosen[:, None] == classes, 1.0, -1.0)
            precision, shift = self._see(documents, signs, precision, shift, number)
            seen += len(documents)
            yield seen

    def transform(self, corpus: Corpus) -> np.ndarray:
        """(documents, classes) E[η]·z̄: a document is decided to be of the class with the largest.

        Raises:
            UserError: an empty document, or another vocabulary than that of the fit.
        """
        scores = self.proportions(corpus) @ self.weights_.T
        return np.hstack([-scores, scores]) if len(self.weights_) == 1 else scores

    def proportions(self, corpus: Corpus) -> np.ndarray:
        """(documents, n_topics) z̄, the mean of samples given the words alone; the model stays as it is.

        A document's random numbers follow from its words: it does not matter which others are beside it.

        Raises:
            UserError: an empty document, or another vocabulary than that of the fit.
        """
        require_vocabulary(corpus, self.vocabulary_)
        words, places = np.unique(corpus.words, return_inverse=True)
        names = [zlib.crc32(corpus.document(d).tobytes()) for d in range(len(corpus))]
        batch, by_word = _batch(corpus, places, np.array(names, np.uint64)), self._by_word(words)
        found = np.zeros((len(corpus), self.n_topics))
        for number in range(1 + _SETTLING + _KEPT):  # the first one gives every token a topic
            means = self._sample(batch, by_word, number)
            if number > _SETTLING:
                found += means
        return found / _KEPT

    @property
    def topics_(self) -> np.ndarray:
        smoothed = self._counts.T + self.beta
        return np.asarray(smoothed / smoothed.sum(axis=1, keepdims=True))

    def _see(
        self, documents: Corpus, signs: np.ndarray, precision: np.ndarray, shift: np.ndarray, number: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take in a minibatch, and give the weights' posterior."""
        words, places = np.unique(documents.words, return_inverse=True)
        batch, K, before = _batch(documents, places), self.n_topics, self._counts[words]
        first = number * (1 + self.rounds * self.sweeps)
        self._sample(batch, self._by_word(words), first)
        after = precision, shift
        for r in range(self.rounds):
            by_word, response, kept, counts = self._by_word(words), self._response(), [], np.zeros_like(before)
            for s in range(self.sweeps):
                at = first + 1 + r * self.sweeps + s
                kept.append(self._sweep(batch, signs, by_word, self.alpha, response, self.seed, at))
                counts += np.bincount(places * K + batch.topics, minlength=counts.size).reshape(counts.shape)
            means, inverse = (np.stack(values).astype(float) for values in zip(*kept, strict=True))
            after = learned(precision, shift, means, inverse, signs, self.c, self.margin)
            self._counts[words] = before + counts / self.sweeps
            self._set_response(*after)
        return after

    def _sample(self, batch: Batch, by_word: np.ndarray, number: int) -> np.ndarray:
        """(documents, K) z̄ after a sweep without classes."""
        none = Response(np.empty((0, self.n_topics)), np.empty((0, self.n_topics, self.n_topics)), self.c, self.margin)
        return self._sweep(batch, np.empty((len(batch.names), 0)), by_word, self.alpha, none, self.seed, number)[0]

    def _by_word(self, words: np.ndarray) -> np.ndarray:
        """(words, K) mean probabilities of these words in each topic."""
        return (self._counts[words] + self.beta) / (self._counts.sum(axis=0) + self.beta * len(self._counts))

    def _set_response(self, precision: np.ndarray, shift: np.ndarray) -> None:
        self.covariances_ = np.linalg.inv(precision)
        self.weights_ = np.einsum("lkj,lj->lk", self.covariances_, shift)

    def _response(self) -> Response:
        second = self.covariances_ + self.weights_[:, :, None] * self.weights_[:, None, :]
        return Response(self.weights_, second, self.c, self.margin)


def _batch(corpus: Corpus, places: np.ndarray, names: np.ndarray | None = None) -> Batch:
    """The documents with no topics yet; ``places`` of their words, and names of theirs, by default 0, 1, 2, ..."""
    names = np.arange(len(corpus), dtype=np.uint64) if names is None else names
    return Batch(places.astype(np.int64), corpus.offsets, np.full(corpus.n_tokens, -1), names)
