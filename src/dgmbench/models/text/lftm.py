"""Latent-feature topic model: each topic mixes a word distribution with one made from word vectors."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
from scipy.optimize import minimize

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.random import Stream
from dgmbench.fast.text import latent_features as fast
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.layout import Tokens, word_order
from dgmbench.models.text.estimator import fit_a_few
from dgmbench.models.text.preparation import WordVectors, require_documents, require_options, word_vectors
from dgmbench.models.text.proportion_model import ProportionModel
from dgmbench.run.progress import note, passes


def sweep(
    tokens: Tokens,
    switches: np.ndarray,
    alpha: np.ndarray,
    beta: float,
    mixture: float,
    features: np.ndarray,
    seed: int,
    number: int,
) -> None:
    """Resample topic and switch of every token; both change in place.

    Args:
        switches: (tokens,) on if the word comes from the features.
        alpha, beta, mixture: as for `LFTM`; alpha is (K,).
        features: (K, vocabulary) softmax(v_w · tau_k).
        seed, number: name the sweep's random stream.
    """
    (documents, words, topics), (K, V) = tokens, features.shape
    rng, n_dk, n_kw = Stream(seed, number, 1), np.zeros((documents.max() + 1, K)), np.zeros((K, V))
    np.add.at(n_dk, (documents, topics), 1)
    np.add.at(n_kw, (topics[~switches], words[~switches]), 1)
    n_k = n_kw.sum(axis=1)
    for i, (d, w) in enumerate(zip(documents, words, strict=True)):
        k = topics[i]
        n_dk[d, k] -= 1
        n_kw[k, w] -= not switches[i]
        n_k[k] -= not switches[i]
        by_features = mixture * features[:, w]
        by_counts = (1 - mixture) * (n_kw[:, w] + beta) / (n_k + V * beta)
        k = topics[i] = rng.draw((n_dk[d] + alpha) * (by_features + by_counts))
        switches[i] = rng.random() * (by_features[k] + by_counts[k]) < by_features[k]
        n_dk[d, k] += 1
        n_kw[k, w] += not switches[i]
        n_k[k] += not switches[i]


@dataclass(eq=False, repr=False)
class LFTM(ProportionModel):
    """LF-LDA (Nguyen, Billingsley, Du, Johnson, TACL 2015).

    theta ~ Dir(alpha), phi_k ~ Dir(beta). A token draws a topic k from theta and a switch: with probability
    ``mixture`` its word comes from the latent features, softmax(v_w · tau_k) over the vocabulary, else from phi_k.
    With theta and phi integrated out, topic and switch of a token have

        p(k, features) ∝ (n_dk + alpha) mixture softmax(v · tau_k)_w,
        p(k, counts) ∝ (n_dk + alpha) (1 − mixture) (n_kw + beta) / (n_k + V beta),

    n_kw and n_k counting the tokens that do not come from features. tau_k maximises, after every sweep,

        Σ_w m_kw v_w · tau_k − m_k log Σ_w e^{v_w · tau_k} − penalty ‖tau_k‖²,   m the counts that come from features.

    Args:
        n_topics: K.
        embeddings: word embeddings that cover the vocabulary.
        alpha, beta: Dirichlet parameters of proportions and of phi.
        mixture: lambda, the share of tokens that come from features a priori.
        initial_sweeps: sweeps of plain LDA to begin with.
        n_sweeps: sweeps of the whole model.
        threads, features, seed, checkpoint: as for `ProportionModel`.

    Attributes:
        topics_: (n_topics, vocabulary) word probabilities, both parts mixed.
        tau_: (n_topics, dim) topic vectors.
        alpha_: (n_topics,) Dirichlet parameters.
        feature_share_: the share of tokens that come from features at the end.
        history_: (n_sweeps,) the objective of tau per token that comes from features, without the penalty.

    Example:
        >>> features = LFTM(50, embeddings=load_embeddings("glove-100d")).fit(train).transform(test)
    """

    _sweep = staticmethod(fast.sweep)  # `sweep`, compiled

    n_topics: int
    _: KW_ONLY
    embeddings: WordVectors
    alpha: float = 0.1
    beta: float = 0.01
    mixture: float = 0.6
    penalty: float = 0.01
    initial_sweeps: int = 200
    n_sweeps: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        least = {"n_topics": 1, "initial_sweeps": 1, "n_sweeps": 1, "penalty": 0}
        require_options(self, at_least=least, above={"alpha": 0, "beta": 0})
        if not 0 < self.mixture < 1:
            raise UserError(f"LFTM: mixture is {self.mixture}; it must lie between 0 and 1")

    def warm_up(self, corpus: Corpus) -> None:
        """Let what a fit is made of compile, so that this is no part of its seconds."""
        fit_a_few(self, corpus, n_topics=2, initial_sweeps=1, n_sweeps=1)

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> LFTM:
        """Learn topics from a corpus; labels are not looked at.

        Raises:
            UserError: no documents, an empty one, a word without an embedding, or more topics than tokens.
        """
        require_documents(corpus, at_least=self.n_topics)
        K, V = self.n_topics, corpus.n_words
        self.vocabulary_, self.alpha_ = corpus.vocabulary, np.full(K, self.alpha)
        vectors = word_vectors(corpus, self.embeddings)
        order = word_order(corpus)
        if saved := self.checkpoint.load():
            topics, switches, tau = saved["topics"], saved["switches"], saved["tau"]
            history = list(saved["history"])
        else:
            topics = np.empty(corpus.n_tokens, np.int32)
            topics[order.positions] = self._topics_of_lda(corpus)
            switches = np.random.default_rng(self.seed).random(corpus.n_tokens) < self.mixture
            tau, history = np.zeros((K, vectors.shape[1])), []
        tokens = Tokens(order.documents, order.words, topics)
        for number in passes("LF-LDA: sweep", self.n_sweeps, done=len(history)):
            from_features = _counts(order.words[switches], topics[switches], V, K)
            tau, features, objective = fit_features(vectors, from_features, tau, self.penalty)
            history.append(objective / max(from_features.sum(), 1))
            note(objective_nats_per_token=history[-1])
            self._sweep(tokens, switches, self.alpha_, self.beta, self.mixture, features, self.seed, number)
            self.checkpoint.save(topics=topics, switches=switches, tau=tau, history=history)
        features, _ = _softmax(tau.astype(np.float32), vectors)
        from_counts = _counts(order.words[~switches], topics[~switches], V, K).T
        phi = (from_counts + self.beta) / (from_counts.sum(axis=1, keepdims=True) + V * self.beta)
        self.topics_ = self.mixture * features.astype(np.float64) + (1 - self.mixture) * phi
        self.topics_ /= self.topics_.sum(axis=1, keepdims=True)
        self.tau_, self.feature_share_, self.history_ = tau, float(switches.mean()), np.array(history)
        return self

    def _topics_of_lda(self, corpus: Corpus) -> np.ndarray:
        """(tokens,) topics to begin with, in document order."""
        plain, checkpoint = Gibbs(corpus, self.n_topics, beta=self.beta, seed=self.seed), self.checkpoint.part("lda")
        if saved := checkpoint.load():
            plain.restore(saved)
        for _ in passes("LF-LDA: initial sweep", self.initial_sweeps, done=plain.sweeps):
            plain.sweep(self.alpha_)
            checkpoint.save(**plain.state())
        return plain.topics


def _counts(words: np.ndarray, topics: np.ndarray, V: int, K: int) -> np.ndarray:
    """(vocabulary, K) how many of these tokens have each word and topic."""
    return np.bincount(words.astype(np.int64) * K + topics, minlength=V * K).reshape(V, K)


def fit_features(
    vectors: np.ndarray, counts: np.ndarray, tau: np.ndarray, penalty: float, *, iterations: int = 10
) -> tuple[np.ndarray, np.ndarray, float]:
    """(K, dim) topic vectors, (K, vocabulary) their softmax, and Σ counts log softmax.

    L-BFGS on the sum of all K objectives at once, from ``tau``: the matrix products are shared.

    Args:
        vectors: (vocabulary, dim) float32 word embeddings.
        counts: (vocabulary, K) tokens that come from features.
        tau: (K, dim) where to start.
        penalty: of ‖tau_k‖².
        iterations: at most so many; the next sweep goes on from there.
    """
    totals = counts.sum(axis=0).astype(np.float32)
    attraction = counts.T.astype(np.float32) @ vectors
    scale = 1.0 / max(float(totals.sum()), 1.0)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        weights = x.reshape(tau.shape).astype(np.float32)
        softmax, log_mass = _softmax(weights, vectors)
        value = np.vdot(attraction, weights) - np.dot(totals, log_mass) - penalty * np.vdot(x, x)
        gradient = attraction - totals[:, None] * (softmax @ vectors) - 2 * penalty * weights
        return -float(value) * scale, -gradient.ravel().astype(np.float64) * scale

    options = {"maxiter": iterations, "ftol": 0, "gtol": 1e-9}
    found = minimize(loss, tau.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(tau.shape)
    softmax, log_mass = _softmax(found.astype(np.float32), vectors)
    return found, softmax, float(np.vdot(attraction, found) - np.dot(totals, log_mass))


def _softmax(tau: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, vocabulary) softmax(vectors · tau) and (K,) log Σ_w e^{v_w · tau_k}."""
    logits = tau @ vectors.T
    top = logits.max(axis=1, keepdims=True)
    np.exp(logits - top, out=logits)
    mass = logits.sum(axis=1, keepdims=True)
    logits /= mass
    return logits, (np.log(mass) + top).ravel()
