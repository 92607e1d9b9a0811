"""Supervised LDA: topics that also explain the documents' classes, through a softmax response."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.text import supervised as fast
from dgmbench.fast.text.supervised import Arrays, Inference
from dgmbench.models.text.estimator import fit_a_few
from dgmbench.models.text.lda import LDA
from dgmbench.models.text.preparation import require_options
from dgmbench.models.text.proportion_model import ProportionModel
from dgmbench.run.progress import note, passes

_BETA = 0.01  # pseudo-count of a word in a topic


def infer_document(
    words: np.ndarray,
    counts: np.ndarray,
    label: int | None,
    model: Arrays,
    gamma: np.ndarray,
    iterations: int,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray, float]:
    """q(theta) = Dir(gamma) and q(z_n) = phi_n of one document, with its class or without.

    A fixed point for each word type n with count c_n of a document with N tokens and label y,

        phi_nk ∝ phi_kw exp{psi(gamma_k) + eta_yk / N − h_k / (c_n (1 + h·phi_n))},
        h_k = Σ_l [Π_{m≠n} Σ_j phi_mj e^{eta_lj c_m / N}] e^{eta_lk c_n / N},   gamma_k = alpha_k + Σ_n c_n phi_nk.

    Each step raises the bound: −log(1 + h·phi) is convex, and replaced by its tangent at the present phi.

    Args:
        words, counts: (types,) the word types and how often each occurs.
        label: the class; the last one, L, has eta = 0; None to infer from the words alone.
        model: (K, vocabulary) word probabilities, (K,) Dirichlet parameters alpha, (L, K) response weights eta.
        gamma: (K,) where to start.
        iterations, tolerance: at most so many, until gamma changes by less than so much per token.

    Returns:
        (K,) gamma, (types, K) phi, and the evidence lower bound.
    """
    topics, alpha, eta = model
    N, L = counts.sum(), len(eta)
    power = np.exp(eta[:, None] * counts[:, None] / N)  # (L, types, K) e^{eta_lk c_n / N}
    phi = topics[:, words].T * np.exp(digamma(gamma))  # without the response, to have a point for the tangent
    phi /= phi.sum(axis=1, keepdims=True)
    for _ in range(iterations):
        weight, before = np.exp(digamma(gamma)), gamma
        for n, w in enumerate(words):  # one after the other, each given the others
            phi_n = topics[:, w] * weight
            if label is not None:
                masses = np.delete((power * phi).sum(axis=2), n, axis=1)  # (L, types − 1)
                h = masses.prod(axis=1) @ power[:, n]
                phi_n *= np.exp(-h / (counts[n] * (1 + h @ phi[n])))
                if label < L:
                    phi_n *= np.exp(eta[label] / N)
            phi[n] = phi_n / phi_n.sum()
        gamma = alpha + counts @ phi
        if np.abs(gamma - before).sum() < tolerance * N:
            break
    expected = digamma(gamma) - digamma(gamma.sum())  # E log theta
    bound = gammaln(alpha.sum()) - gammaln(alpha).sum() - gammaln(gamma.sum()) + gammaln(gamma).sum()
    bound += (alpha - gamma) @ expected
    bound += counts @ np.where(phi > 0, phi * (expected + np.log(topics[:, words].T / phi)), 0).sum(axis=1)
    if label is not None:
        bound += eta[label] @ (counts @ phi) / N if label < L else 0
        bound -= np.log1p((power * phi).sum(axis=2).prod(axis=1).sum())
    return gamma, phi, float(bound)


def infer(
    counts: sparse.csr_matrix,
    labels: np.ndarray | None,
    model: Arrays,
    gamma: np.ndarray,
    iterations: int,
    *,
    tolerance: float = 1e-3,
    threads: int = 1,
) -> Inference:
    """`infer_document` for every document; gamma (documents, K) starts from its values, or afresh where it is zero.

    With s_n = c_n / N, z̄ = Σ s_n z_n has the mean Σ s_n phi_n and the covariance Σ s_n² (diag phi_n − phi_n phi_nᵀ).
    """
    D, K = gamma.shape
    means, covariances = np.empty((D, K), np.float32), np.empty((D, K, K), np.float32)
    word_counts, total = np.zeros((model[0].shape[1], K)), 0.0
    for d in range(D):
        row = slice(counts.indptr[d], counts.indptr[d + 1])
        rising = np.argsort(counts.data[row], kind="stable")
        words, n = counts.indices[row][rising], counts.data[row][rising]
        start = gamma[d] if gamma[d].any() else model[1] + n.sum() / K
        label = None if labels is None else labels[d]
        gamma[d], phi, bound = infer_document(words, n, label, model, start, iterations, tolerance)
        share = n / n.sum()
        means[d] = share @ phi
        covariances[d] = np.diag(share**2 @ phi) - (share[:, None] * phi).T @ (share[:, None] * phi)
        word_counts[words] += n[:, None] * phi
        total += bound
    return Inference(means, covariances, word_counts, total)


@dataclass(eq=False, repr=False)
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
        checkpoint: as for `ProportionModel`.

    Attributes:
        topics_: (n_topics, vocabulary) word probabilities.
        eta_: (classes − 1, n_topics) response weights.
        alpha_: (n_topics,) Dirichlet parameters.
        bound_: (n_iterations,) evidence lower bound per token after each E-step.

    Example:
        >>> slda = SLDA(50).fit(train)  # with the corpus's labels
        >>> features = slda.transform(test)  # (documents, 50), inferred without labels
    """

    _infer = staticmethod(fast.infer)  # `infer`, compiled

    n_topics: int
    _: KW_ONLY
    alpha: float = 0.1
    n_iterations: int = 12
    e_steps: int = 3
    penalty: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        least = {"n_topics": 1, "n_iterations": 1, "e_steps": 1, "penalty": 0}
        require_options(self, at_least=least, above={"alpha": 0})

    def warm_up(self, corpus: Corpus) -> None:
        """Let what a fit is made of compile, so that this is no part of its seconds."""
        fit_a_few(self, corpus, n_topics=2, n_iterations=1)

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
        self.vocabulary_ = corpus.vocabulary
        if saved := self.checkpoint.load():
            self.alpha_, self.topics_, self.eta_ = saved["alpha"], saved["topics"], saved["eta"]
            gamma, bounds = saved["gamma"], list(saved["bounds"])
        else:
            initial = self.checkpoint.part("lda")
            start = LDA(self.n_topics, alpha=self.alpha, n_sweeps=100, seed=self.seed, checkpoint=initial).fit(corpus)
            self.alpha_, self.topics_ = start.alpha_, start.topics_
            self.eta_ = np.zeros((len(present) - 1, self.n_topics), np.float32)
            gamma, bounds = np.zeros((len(corpus), self.n_topics), np.float32), []
        for _ in passes("sLDA: EM step", self.n_iterations, done=len(bounds)):
            found = self._infer_all(corpus, classes, gamma, self.e_steps)
            bounds.append(found.bound / corpus.n_tokens)
            note(bound_nats_per_token=bounds[-1])
            counts = found.word_counts
            self.topics_ = (counts.T + _BETA) / (counts.sum(axis=0) + _BETA * corpus.n_words)[:, None]
            self.eta_ = fit_response(found.means, found.covariances, classes, self.eta_, self.penalty)
            learned = {"alpha": self.alpha_, "topics": self.topics_, "eta": self.eta_}
            self.checkpoint.save(**learned, gamma=gamma, bounds=bounds)
        self.bound_ = np.array(bounds)
        return self

    def _infer_proportions(self, corpus: Corpus) -> np.ndarray:
        """(documents, n_topics) E[z̄] from the words alone."""
        gamma = np.zeros((len(corpus), self.n_topics), np.float32)
        return self._infer_all(corpus, None, gamma, 100).means.astype(np.float64)

    def _infer_all(self, corpus: Corpus, labels: np.ndarray | None, gamma: np.ndarray, iterations: int) -> Inference:
        model = self.topics_, self.alpha_, self.eta_
        return self._infer(corpus.counts, labels, model, gamma, iterations, threads=self.threads)


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
