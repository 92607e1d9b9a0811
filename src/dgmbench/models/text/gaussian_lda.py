"""Gaussian LDA: topics are normal distributions over word vectors. Sampled with delayed counts."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import gammaln

from dgmbench.data.corpora import Corpus
from dgmbench.fast.random import Stream
from dgmbench.fast.text import densities as fast
from dgmbench.fast.text.layout import Tokens
from dgmbench.models.text.estimator import fit_a_few
from dgmbench.models.text.preparation import WordVectors, require_documents, require_options, word_vectors
from dgmbench.models.text.proportion_model import ProportionModel
from dgmbench.run.progress import note, passes


def sweep(tokens: Tokens, alpha: np.ndarray, weights: np.ndarray, seed: int, number: int) -> None:
    """Resample the topic of every token, p(k) ∝ (n_dk + alpha_k) weights[k, w]; topics change in place.

    Args:
        alpha: (K,) Dirichlet parameters.
        weights: (K, vocabulary) density of every word's vector under each topic, each word's up to a factor.
        seed, number: name the sweep's random stream.
    """
    documents, words, topics = tokens
    rng, n_dk = Stream(seed, number), np.zeros((documents.max() + 1, len(alpha)))
    np.add.at(n_dk, (documents, topics), 1)
    for i, (d, w) in enumerate(zip(documents, words, strict=True)):
        n_dk[d, topics[i]] -= 1
        topics[i] = rng.draw((n_dk[d] + alpha) * weights[:, w])
        n_dk[d, topics[i]] += 1


@dataclass(eq=False, repr=False)
class GaussianLDA(ProportionModel):
    """Gaussian LDA (Das, Zaheer, Dyer, ACL 2015): a token's word vector is v ~ Normal(mu_z, Sigma_z).

    Proportions have the prior Dir(alpha); (mu_k, Sigma_k) a normal-inverse-Wishart prior with the vocabulary's mean,
    kappa_0 = 0.1, nu_0 = dim, Psi_0 = 3 dim I. With both integrated out, a token has

        p(k) ∝ (n_dk + alpha) t_{nu_k − dim + 1}(v; mu_k, Psi_k (kappa_k + 1) / (kappa_k (nu_k − dim + 1))).

    Delayed counts: the t densities, which depend on the word type alone, are computed once a sweep from the statistics
    at its beginning, for all words and topics together; the counts n_dk follow every token.

    Args:
        n_topics: K.
        embeddings: word embeddings that cover the vocabulary.
        alpha: Dirichlet parameter, by default 1 / K.
        n_sweeps: visits to each token.
        threads, features, seed, checkpoint: as for `ProportionModel`.

    Attributes:
        means_: (n_topics, dim) posterior means of mu_k.
        word_log_densities_: (n_topics, vocabulary) log t of every word's vector.
        topics_: (n_topics, vocabulary) the densities scaled to sum to one over the vocabulary; none is zero.
        alpha_: (n_topics,) the Dirichlet parameters.
        sweep_log_likelihood_: (n_sweeps,) mean over tokens of log t under their topics, at the end of each sweep.

    Example:
        >>> features = GaussianLDA(70, embeddings=load_embeddings("glove-50d")).fit(train).transform(test)
    """

    _sweep = staticmethod(fast.sweep)  # `sweep`, compiled

    n_topics: int
    _: KW_ONLY
    embeddings: WordVectors
    alpha: float | None = None
    n_sweeps: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        require_options(self, at_least={"n_topics": 1, "n_sweeps": 1})
        if self.alpha is not None:
            require_options(self, above={"alpha": 0})

    def warm_up(self, corpus: Corpus) -> None:
        """Let what a fit is made of compile, so that this is no part of its seconds."""
        fit_a_few(self, corpus, n_topics=2, n_sweeps=1)

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> GaussianLDA:
        """Learn topics from a corpus; labels are not looked at.

        Raises:
            UserError: no documents, an empty one, a word without an embedding, or more topics than tokens.
        """
        require_documents(corpus, at_least=self.n_topics)
        self.vocabulary_ = corpus.vocabulary
        vectors = word_vectors(corpus, self.embeddings).astype(np.float64)
        prior = vectors.mean(axis=0)
        self.alpha_ = np.full(self.n_topics, 1.0 / self.n_topics if self.alpha is None else self.alpha)
        saved = self.checkpoint.load()
        topics = saved["topics"] if saved else self._first_topics(corpus, vectors - prior)
        history = list(saved["history"]) if saved else []
        tokens = Tokens(np.repeat(np.arange(len(corpus)), corpus.lengths), corpus.words, topics)
        for number in passes("Gaussian LDA: sweep", self.n_sweeps, done=len(history)):
            _, log_density = self._posterior(corpus.words, topics, vectors, prior)
            weights = np.exp(log_density - log_density.max(axis=0))
            self._sweep(tokens, self.alpha_, weights, self.seed, number)
            history.append(log_density[topics, corpus.words].mean())
            note(log_density_nats_per_token=history[-1])
            self.checkpoint.save(topics=topics, history=history)
        self.sweep_log_likelihood_ = np.array(history)
        self.means_, self.word_log_densities_ = self._posterior(corpus.words, topics, vectors, prior)
        scaled = np.exp(self.word_log_densities_ - self.word_log_densities_.max(axis=1, keepdims=True))
        # the density is nowhere zero: what underflows stays above it
        scaled = np.maximum(scaled, np.finfo(np.float64).tiny)
        self.topics_ = scaled / scaled.sum(axis=1, keepdims=True)
        return self

    def _infer_proportions(self, corpus: Corpus) -> np.ndarray:
        # A factor common to all topics of a word cancels; the largest density becomes one.
        relative = np.exp(self.word_log_densities_ - self.word_log_densities_.max(axis=0))
        return self._fold_in(relative, self.alpha_, corpus.counts, threads=self.threads)

    def _first_topics(self, corpus: Corpus, centred: np.ndarray) -> np.ndarray:
        """(tokens,) topics to begin with: every word goes to the nearest in angle of K words drawn by frequency."""
        rng = np.random.default_rng(self.seed)
        frequency = np.bincount(corpus.words, minlength=corpus.n_words)
        n_seeds = min(self.n_topics, int(np.count_nonzero(frequency)))
        seeds = rng.choice(corpus.n_words, n_seeds, replace=False, p=frequency / frequency.sum())
        directions = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
        nearest = np.argmax(directions @ directions[seeds].T, axis=1)
        return nearest[corpus.words].astype(np.int32)

    def _posterior(
        self, words: np.ndarray, topics: np.ndarray, vectors: np.ndarray, prior: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n_topics, dim) posterior means, (n_topics, vocabulary) log predictive t densities (Murphy 2007, sec. 9)."""
        n_words, dim = vectors.shape
        kappa_0, nu_0 = 0.1, float(dim)
        cells = topics.astype(np.int64) * n_words + words
        frequency = np.bincount(cells, minlength=self.n_topics * n_words).reshape(self.n_topics, n_words)
        single = vectors.astype(np.float32)
        means = np.empty((self.n_topics, dim))
        log_density = np.empty((self.n_topics, n_words))
        for k in range(self.n_topics):
            active = np.flatnonzero(frequency[k])
            c = frequency[k, active].astype(np.float64)
            n, x = c.sum(), vectors[active] - prior
            kappa, nu = kappa_0 + n, nu_0 + n
            shift = c @ x / kappa  # mu_k − mu_0
            psi = 3.0 * dim * np.eye(dim) + (x * c[:, None]).T @ x - kappa * np.outer(shift, shift)
            means[k] = prior + shift
            freedom = nu - dim + 1
            root = np.linalg.cholesky(psi * ((kappa + 1) / (kappa * freedom)))
            inverse_root = solve_triangular(root, np.eye(dim), lower=True).astype(np.float32)
            whitened = (single - means[k].astype(np.float32)) @ inverse_root.T  # most of the work: in single precision
            distance = np.einsum("wi,wi->w", whitened, whitened).astype(np.float64)
            log_density[k] = (
                gammaln((freedom + dim) / 2)
                - gammaln(freedom / 2)
                - dim / 2 * np.log(freedom * np.pi)
                - np.log(np.diag(root)).sum()
                - (freedom + dim) / 2 * np.log1p(distance / freedom)
            )
        return means, log_density
