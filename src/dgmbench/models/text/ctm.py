"""The correlated topic model: a document's proportions are the softmax of a Gaussian vector; topics correlate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import logsumexp
from scipy.stats import invwishart

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.random import Stream
from dgmbench.fast.text import fixed_proportions, gibbs_dense, logistic_normal
from dgmbench.fast.text.dense import padded_counts, padded_rows
from dgmbench.fast.text.layout import Tokens, WordTokens, random_topics, word_order
from dgmbench.models.text.preparation import require_documents, require_options
from dgmbench.run.progress import passes

_OF_LDA, _ALPHA_SUM = 0.25, 5.0


def sweep(tokens: Tokens, theta: np.ndarray, beta: float, V: int, rng: Stream) -> None:
    """Resample the topic of every token once, p(z = k) ∝ θ_dk (n_wk + β) / (n_k + Vβ); topics change in place.

    Args:
        theta: (documents, K), up to a factor for each document.
        V: the size of the vocabulary.
    """
    (documents, words, topics), K = tokens, theta.shape[1]
    n_wk = np.zeros((V, K))
    np.add.at(n_wk, (words, topics), 1)
    n_k = n_wk.sum(axis=0)
    for i, (d, w) in enumerate(zip(documents, words, strict=True)):
        n_wk[w, topics[i]] -= 1
        n_k[topics[i]] -= 1
        topics[i] = k = rng.draw(theta[d] * ((n_wk[w] + beta) / (n_k + V * beta)))
        n_wk[w, k] += 1
        n_k[k] += 1


def polya_gamma(n: float, z: float, rng: np.random.Generator) -> float:
    """A draw of PG(n, z) = Σ_j g_j / (2π² ((j − ½)² + z²/4π²)), g_j ~ Gamma(n, 1) (Polson, Scott, Windle, JASA 2013).

    The first term of the series is drawn as it is. The sum of all others is drawn from the Gamma distribution with its
    mean and variance, which at z = 0 has a 68th of the variance of the first term.
    """
    mean, variance = polya_gamma_moments(n, z)
    largest = 2 / (np.pi**2 + z**2)
    rest, spread = mean - n * largest, variance - n * largest**2
    return float(largest * rng.standard_gamma(n) + spread / rest * rng.standard_gamma(rest**2 / spread))


def polya_gamma_moments(n: float, z: float) -> tuple[float, float]:
    """Mean n tanh(z/2) / 2z and variance n (sinh z − z) / (4 z³ cosh²(z/2)) of PG(n, z)."""
    z = abs(z)
    if z < 1e-2:  # the two terms of the variance cancel; what remains is n (1/24 − z²/120 + …)
        return n * (1 / 4 - z**2 / 48), n * (1 / 24 - z**2 / 120)
    t = np.tanh(z / 2)  # sinh z / cosh²(z/2) = 2 t, 1 / cosh²(z/2) = 1 − t²
    return n * t / (2 * z), n * (2 * t - z * (1 - t**2)) / (4 * z**3)


def resample_eta(
    eta: np.ndarray, counts: np.ndarray, mean: np.ndarray, precision: np.ndarray, rng: np.random.Generator
) -> None:
    """Resample the documents' Gaussian vectors given their topics, one topic after the other; they change in place.

    With ζ = log Σ_{j≠k} e^{η_j} the topics of a document are a logistic likelihood of η_k, which a Pólya-Gamma variable
    λ ~ PG(N_d, η_k − ζ) makes Gaussian: η_k ~ N(τ² (m/s² + C_dk − N_d/2 + λζ), τ²), τ² = 1 / (1/s² + λ), where N(m, s²)
    is the prior of η_k given the others (Chen, Zhu, Wang, Zheng, Zhang, NIPS 2013).

    Args:
        eta: (documents, K).
        counts: (documents, K) C, tokens of each topic.
        mean, precision: (K,) and (K, K) of the prior.
    """
    for row, C in zip(eta, counts, strict=True):
        N = C.sum()
        for k in range(len(mean)):
            s2 = 1 / precision[k, k]
            m = row[k] - s2 * precision[k] @ (row - mean)
            zeta = logsumexp(np.delete(row, k))
            lam = polya_gamma(N, row[k] - zeta, rng) if N > 0 else 0.0
            t2 = 1 / (1 / s2 + lam)
            row[k] = t2 * (m / s2 + C[k] - N / 2 + lam * zeta) + np.sqrt(t2) * rng.standard_normal()


def resample_prior(eta: np.ndarray, strength: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(K,) mean and (K, K) covariance given the documents' vectors, from the normal-inverse-Wishart posterior.

    The prior has mean 0, and weighs as ``strength`` documents of covariance I would.
    """
    D, K = eta.shape
    average = eta.mean(axis=0)
    spread = (eta - average).T @ (eta - average)
    shrunk = strength * D / (strength + D) * np.outer(average, average)
    scale = strength * np.eye(K) + spread + shrunk
    covariance = np.atleast_2d(invwishart.rvs(strength + D, (scale + scale.T) / 2, random_state=rng))
    mean = D / (strength + D) * average
    factor = np.linalg.cholesky(covariance / (strength + D))
    return mean + factor @ rng.standard_normal(K), covariance


class CTM:
    """η_d ~ N(μ, Σ), θ_d = softmax(η_d), φ_k ~ Dir(β), z ~ θ_d, w ~ φ_z (Blei, Lafferty, 2007), by Gibbs sampling.

    Topics are sampled with φ summed out, and η with Pólya-Gamma variables (scalable CTM: Chen et al., NIPS 2013). The
    first quarter of the sweeps are those of collapsed LDA with Σ α = 5, from random topics; its counts then give η.
    They move topics faster, and cost a fraction of the others.

    Args:
        n_topics: K, at least 2.
        beta: symmetric Dirichlet parameter of the topics.
        strength: as how many documents the prior of μ and Σ weighs.
        n_sweeps: visits to each token, those of LDA among them.
        seed: names the random streams.

    Attributes:
        topics_: (n_topics, vocabulary) word probabilities of the last state.
        mean_, covariance_: (n_topics,) and (n_topics, n_topics) μ and Σ of the last state.
        eta_: (documents, n_topics) of the last state.
        passes_: sweeps that were made.
    """

    def __init__(
        self, n_topics: int = 100, *, beta: float = 0.01, strength: float = 100.0, n_sweeps: int = 200, seed: int = 0
    ) -> None:
        self.n_topics, self.beta, self.strength, self.n_sweeps, self.seed = n_topics, beta, strength, n_sweeps, seed
        require_options(self, at_least={"n_topics": 2, "n_sweeps": 1}, above={"beta": 0, "strength": 0})

    def warm_up(self, corpus: Corpus) -> None:
        """Let the steps of a sweep compile, so that this is no part of the seconds of a fit."""
        few = corpus.select_documents(np.arange(min(20, len(corpus))))
        eta, K = np.zeros((len(few), self.n_topics)), self.n_topics
        tokens = self._start(few)
        rows = padded_counts(tokens.documents, tokens.topics, K)
        gibbs_dense.sweep(tokens, rows, padded_rows(np.ones(K)), self.beta, self.seed, 0)
        fixed_proportions.sweep(tokens, padded_rows(eta), self.beta, self.seed, 0)
        logistic_normal.resample(eta, eta.copy(), np.zeros(K), np.eye(K), np.random.default_rng(0))

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> CTM:
        """Learn topics; labels are not looked at.

        Raises:
            UserError: no documents, an empty one, or more topics than tokens, or than documents and ``strength``.
        """
        for _ in self.passes(corpus, labels):
            pass
        return self

    def passes(self, corpus: Corpus, labels: np.ndarray | None = None) -> Iterator[int]:
        """As `fit`, with the number of sweeps after each that is not LDA's; the attributes are those of that sweep.

        Raises:
            UserError: no documents, an empty one, or more topics than tokens, or than documents and ``strength``.
        """
        require_documents(corpus, at_least=self.n_topics)
        if len(corpus) + self.strength < self.n_topics:
            raise UserError(
                f"CTM: {len(corpus)} documents are too few for the covariance of {self.n_topics} topics; give more "
                "documents, fewer topics or a larger strength"
            )
        self.mean_: np.ndarray
        self.covariance_: np.ndarray
        self._tokens, K = self._start(corpus), self.n_topics
        documents, topics, shape = self._tokens.documents, self._tokens.topics, (len(corpus), K)
        rows, alpha = padded_counts(documents, topics, K), np.full(K, _ALPHA_SUM / K)
        of_lda = int(_OF_LDA * self.n_sweeps)
        for number in passes("CTM: sweep", self.n_sweeps):
            if number < of_lda:
                gibbs_dense.sweep(self._tokens, rows, padded_rows(alpha), self.beta, self.seed, number)
                continue
            rng, counts = np.random.default_rng([self.seed, number]), table(documents, topics, shape)
            if number == of_lda:
                log_shares = np.log(counts + alpha)
                self.eta_ = log_shares - log_shares.mean(axis=1, keepdims=True)
            else:  # `resample_eta`, compiled
                logistic_normal.resample(self.eta_, counts, self.mean_, np.linalg.inv(self.covariance_), rng)
            self.mean_, self.covariance_ = resample_prior(self.eta_, self.strength, rng)
            theta = padded_rows(np.exp(self.eta_ - self.eta_.max(axis=1, keepdims=True)))
            fixed_proportions.sweep(self._tokens, theta, self.beta, self.seed, number)  # `sweep`, compiled
            self.passes_ = number + 1
            yield number + 1

    @property
    def topics_(self) -> np.ndarray:
        offsets, _, topics, _ = self._tokens
        words = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        counts = table(topics, words, (self.n_topics, len(offsets) - 1)) + self.beta
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))

    def _start(self, corpus: Corpus) -> WordTokens:
        order, topics = word_order(corpus), random_topics(corpus, self.n_topics, self.seed)
        return WordTokens(order.offsets, order.documents, topics, np.bincount(topics, minlength=self.n_topics))


def table(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How often each pair occurs: two arrays (tokens,) of numbers to an array of this shape, float64."""
    cells = rows.astype(np.int64) * shape[1] + columns
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
