"""The mixture of unigrams: all tokens of a document from one of K distributions, by expectation-maximisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse
from scipy.special import logsumexp

from dgmbench.data.corpora import Corpus
from dgmbench.models.text.preparation import require_documents
from dgmbench.models.text.word_distributions import best, estimated, held_out, log_joint, log_marginal
from dgmbench.run.progress import each_of, note, passes

Parameters = tuple[np.ndarray, np.ndarray]
"""(K, vocabulary) word distributions and (K,) weights."""
_FIRST_STEPS = 3  # of each start, before the best one goes on


class MixtureOfUnigrams:
    """p(w_d) = Σ_k pi_k Π_n phi_k,w_n (Nigam, McCallum, Thrun, Mitchell, Machine Learning 2000).

    Maximised is log p of the documents + β Σ log phi + Σ log pi; no step lowers it. K and β are those under which a
    tenth of the documents is most probable, fitted to the others; then all documents are fitted.

    Args:
        components: the numbers of components to choose K from.
        betas: the values to choose β from: as if every component had each word so many times more.
        starts: random starts, of which the best after three steps goes on.
        iterations: steps at most.
        tolerance: it stops when a step gains less than so many nats per token.
        seed: of the starts.

    Attributes:
        topics_: (K, vocabulary) phi.
        weights_: (K,) pi.
        beta_: β.
        bounds_: what is maximised after each step, in nats per token.
        passes_: steps of the fit to all documents.
    """

    def __init__(
        self,
        components: Sequence[int] = (20, 50, 100),
        betas: Sequence[float] = (0.01, 0.1),
        *,
        starts: int = 3,
        iterations: int = 100,
        tolerance: float = 1e-4,
        seed: int = 0,
    ) -> None:
        if not components or any(type(k) is not int or k < 1 for k in components):
            raise ValueError(f"components is {components!r}; give a list of whole numbers of at least 1: [20, 50]")
        if not betas or any(not beta > 0 for beta in betas):
            raise ValueError(f"betas is {betas!r}; give a list of numbers above 0: [0.01, 0.1]")
        if starts < 1 or iterations < 1 or not tolerance >= 0:
            raise ValueError("starts and iterations must be at least 1, and tolerance at least 0")
        self.components, self.betas, self.starts = sorted(set(components)), sorted(set(betas)), starts
        self.iterations, self.tolerance, self.seed = iterations, tolerance, seed

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> MixtureOfUnigrams:
        """Choose K and β, and fit; labels are not looked at.

        Raises:
            UserError: no documents, or an empty one.
        """
        for _ in self.passes(corpus, labels):
            pass
        return self

    def passes(self, corpus: Corpus, labels: np.ndarray | None = None) -> Iterator[int]:
        """As `fit`, with the number of steps after each of them; the attributes are those of that step.

        Raises:
            UserError: no documents, or an empty one.
        """
        require_documents(corpus)
        counts = corpus.counts.astype(np.float64)
        K, self.beta_ = self._chosen(corpus, counts)
        parameters, self.bounds_ = self._started(counts, K, self.beta_), list[float]()
        for done in passes("mixture of unigrams: step", self.iterations):
            following, bound = step(counts, parameters, self.beta_)
            self.bounds_.append(bound / corpus.n_tokens)
            self.topics_, self.weights_ = parameters = following
            self.passes_ = done + 1
            note(bound_nats_per_token=self.bounds_[-1])
            yield done + 1
            if done and self.bounds_[-1] - self.bounds_[-2] < self.tolerance:
                break

    def _chosen(self, corpus: Corpus, counts: sparse.csr_matrix) -> tuple[int, float]:
        """K and β by the documents that are held out; no more components than documents are tried."""
        apart = held_out(corpus)
        known, held = counts[~apart], counts[apart]
        numbers = [k for k in self.components if k <= known.shape[0]] or self.components[:1]
        pairs = [(k, beta) for k in numbers for beta in self.betas]
        if len(pairs) == 1:
            return pairs[0]
        scores = {}
        for k, beta in each_of("mixture of unigrams: choice", pairs):
            scores[k, beta] = float(log_marginal(held, *self._climbed(known, k, beta)).sum())
        return best(pairs, lambda pair: scores[pair])

    def _climbed(self, counts: sparse.csr_matrix, K: int, beta: float) -> Parameters:
        """Steps until the gain is below the tolerance."""
        parameters, tokens, before = self._started(counts, K, beta), counts.sum(), -np.inf
        for _ in range(self.iterations):
            parameters, bound = step(counts, parameters, beta)
            if bound - before < self.tolerance * tokens:
                break
            before = bound
        return parameters

    def _started(self, counts: sparse.csr_matrix, K: int, beta: float) -> Parameters:
        """The best start after its first steps. In a start every component has a part of the documents at random."""
        found: list[tuple[float, Parameters]] = []
        for start in range(self.starts):
            of = np.random.default_rng([self.seed, start]).permutation(counts.shape[0]) % K
            parts = sparse.csr_matrix((np.ones(len(of)), (np.arange(len(of)), of)), shape=(len(of), K))
            parameters, bound = estimated(counts, parts, beta), -np.inf
            for _ in range(_FIRST_STEPS):
                parameters, bound = step(counts, parameters, beta)
            found.append((bound, parameters))
        return max(found, key=lambda pair: pair[0])[1]


def step(counts: sparse.csr_matrix, parameters: Parameters, beta: float) -> tuple[Parameters, float]:
    """One step of expectation-maximisation, and what is maximised at the parameters that were given, in nats."""
    topics, weights = parameters
    joint = log_joint(counts, topics, weights)  # (documents, K)
    marginal = logsumexp(joint, axis=1, keepdims=True)
    bound = float(marginal.sum() + beta * np.log(topics).sum() + np.log(weights).sum())
    return estimated(counts, np.exp(joint - marginal), beta), bound
