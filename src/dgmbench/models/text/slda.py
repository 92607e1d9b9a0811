"""Supervised LDA: topics that also explain the documents' classes, through a softmax response."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.optimize import minimize

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.text.supervised import infer
from dgmbench.models.text.lda import LDA
from dgmbench.models.text.proportion_model import ProportionFeatures, ProportionModel

_BETA = 0.01  # pseudo-count of a word in a topic


class SLDA(ProportionModel):
    """Supervised LDA with a softmax response (Wang, Blei, Fei-Fei, CVPR 2009), by variational EM.

    theta ~ Dir(alpha), z ~ theta, w ~ phi_z, class y ~ softmax(eta_y · z̄), z̄ the mean of a document's topic
    indicators. The last class has eta = 0.

    Args:
        n_topics: K.
        alpha: Dirichlet parameter of the proportions.
        n_iterations: EM steps, after topics from plain LDA.
        e_steps: updates of a document's variational parameters per EM step, at most; each goes on from the last.
        penalty: of ‖eta‖².
        threads: documents are inferred in so many parts at once.
        features: "proportions" of a document's topics, or "root-proportions", their square roots.
        seed: of the LDA to begin with; the rest is deterministic.

    Attributes:
        topics_: (n_topics, vocabulary) word probabilities.
        eta_: (classes − 1, n_topics) response weights.
        alpha_: (n_topics,) Dirichlet parameters.
        bound_: (n_iterations,) evidence lower bound per token after each E-step.

    Example:
        >>> slda = SLDA(50).fit(train)  # with the corpus's labels
        >>> features = slda.transform(test)  # (documents, 50), inferred without labels
    """

    def __init__(
        self,
        n_topics: int,
        *,
        alpha: float = 0.1,
        n_iterations: int = 12,
        e_steps: int = 3,
        penalty: float = 0.01,
        threads: int = 1,
        features: ProportionFeatures = "proportions",
        seed: int = 0,
    ) -> None:
        super().__init__(features)
        if n_topics < 1 or n_iterations < 1 or e_steps < 1 or threads < 1 or not alpha > 0 or penalty < 0:
            raise UserError(
                "SLDA: n_topics, n_iterations, e_steps and threads are whole numbers from 1 on, alpha is above zero, "
                "penalty not below"
            )
        self.n_topics, self.alpha, self.n_iterations, self.e_steps = n_topics, alpha, n_iterations, e_steps
        self.penalty, self.threads, self.seed = penalty, threads, seed

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> SLDA:
        """Learn topics and response weights; ``labels`` (documents,) are the corpus's own unless given.

        Raises:
            UserError: no labels, labels of one class, no documents, an empty one, or more topics than tokens.
        """
        labels = corpus.labels if labels is None else labels
        if labels is None:
            raise UserError("SLDA: the corpus has no labels: give them to fit")
        present, classes = np.unique(labels, return_inverse=True)
        if len(present) < 2:
            raise UserError("SLDA: all documents have the same class: give documents of at least two classes")
        start = LDA(self.n_topics, alpha=self.alpha, n_sweeps=100, seed=self.seed).fit(corpus)
        self.vocabulary_, self.alpha_, self.topics_ = corpus.vocabulary, start.alpha_, start.topics_
        self.eta_ = np.zeros((len(present) - 1, self.n_topics), np.float32)
        gamma = np.zeros((len(corpus), self.n_topics), np.float32)
        covariances = np.empty((len(corpus), self.n_topics, self.n_topics), np.float32)
        bounds = []
        for _ in range(self.n_iterations):
            means, word_counts, bound = self._infer(corpus, classes, gamma, self.e_steps, covariances)
            bounds.append(bound / corpus.n_tokens)
            self.topics_ = (word_counts.T + _BETA) / (word_counts.sum(axis=0) + _BETA * corpus.n_words)[:, None]
            self.eta_ = fit_response(means, covariances, classes, self.eta_, self.penalty)
        self.bound_ = np.array(bounds)
        return self

    def _infer_proportions(self, corpus: Corpus) -> np.ndarray:
        """(documents, n_topics) E[z̄] from the words alone."""
        gamma = np.zeros((len(corpus), self.n_topics), np.float32)
        unlabelled = np.full(len(corpus), -1)
        means, _, _ = self._infer(corpus, unlabelled, gamma, 100, np.empty((0, 0, 0), np.float32), learn=False)
        return means.astype(np.float64)

    def _infer(
        self,
        corpus: Corpus,
        classes: np.ndarray,
        gamma: np.ndarray,
        iterations: int,
        covariances: np.ndarray,
        *,
        learn: bool = True,
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """(documents, K) E[z̄], (vocabulary, K) expected counts, and the bound; fills ``gamma`` and ``covariances``."""
        counts = corpus.counts
        owner = np.repeat(np.arange(len(corpus)), np.diff(counts.indptr))
        rising = np.lexsort((counts.data, owner))
        words, data = counts.indices[rising], counts.data[rising]
        means = np.empty((len(corpus), self.n_topics), np.float32)
        by_word = np.ascontiguousarray(self.topics_.T, np.float32)
        bounds = np.searchsorted(corpus.offsets, np.linspace(0, corpus.n_tokens, self.threads + 1))
        bounds[0], bounds[-1] = 0, len(corpus)
        gains = [np.zeros(by_word.shape if learn else (0, 0)) for _ in range(self.threads)]

        def run(part: int) -> float:
            return infer(
                counts.indptr,
                words,
                data,
                classes,
                by_word,
                self.alpha_.astype(np.float32),
                self.eta_,
                gamma,
                bounds[part],
                bounds[part + 1],
                iterations,
                1e-3,
                means,
                covariances,
                gains[part],
            )

        with ThreadPoolExecutor(self.threads) as pool:
            bound = sum(pool.map(run, range(self.threads)))
        return means, np.sum(gains, axis=0), float(bound)


def fit_response(
    means: np.ndarray, covariances: np.ndarray, classes: np.ndarray, eta: np.ndarray, penalty: float
) -> np.ndarray:
    """(L, K) float32 response weights that maximise Σ_d E log p(y_d | z̄_d) − penalty ‖eta‖², by L-BFGS from ``eta``.

    With mean m and covariance C of z̄, E e^{eta·z̄} is taken to second order, e^{eta·m} (1 + eta·C eta / 2).

    Args:
        means: (documents, K) m.
        covariances: (documents, K, K) C.
        classes: (documents,) 0 to L; class L has no weights.
    """
    L, K = eta.shape
    target = np.zeros((len(means), L), np.float32)
    labelled = np.flatnonzero(classes < L)
    target[labelled, classes[labelled]] = 1
    attraction = target.T @ means
    flat = covariances.reshape(-1, K)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        weights = x.reshape(L, K).astype(np.float32)
        spread = (flat @ weights.T).reshape(len(means), K, L)  # C eta_l
        second = 1 + 0.5 * np.einsum("dkl,lk->dl", spread, weights)
        logits = means @ weights.T + np.log(second)
        top = np.maximum(logits.max(axis=1, keepdims=True), 0)
        masses = np.exp(logits - top)
        total = np.exp(-top) + masses.sum(axis=1, keepdims=True)
        value = np.vdot(attraction, weights) - np.sum(np.log(total) + top, dtype=np.float64)
        share = masses / total
        gradient = attraction - share.T @ means - np.einsum("dkl,dl->lk", spread, share / second)
        value -= penalty * np.vdot(x, x)
        return -float(value), -(gradient.ravel().astype(np.float64) - 2 * penalty * x)

    found = minimize(loss, eta.ravel().astype(np.float64), jac=True, method="L-BFGS-B", options={"maxiter": 20})
    return found.x.reshape(L, K).astype(np.float32)
