"""What the topic models whose features are a document's topic proportions have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text import proportions as fast
from dgmbench.models.text.estimator import TopicMethod
from dgmbench.models.text.preparation import require_options, require_vocabulary
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint

ProportionFeatures = Literal["proportions", "root-proportions"]
FEATURE_SETS: Mapping[str, str] = {  # and their names in the table
    "proportions": "topic proportions",
    "root-proportions": "square roots of topic proportions",
}


def fold_in(
    topics: np.ndarray, alpha: np.ndarray, counts: sparse.csr_matrix, *, tolerance: float = 1e-4, threads: int = 1
) -> np.ndarray:
    """(documents, n_topics) proportions of new documents, given the topics: the fixed point of

        theta_dk = (alpha_k + Σ_w n_dw r_dwk) / (n_d + Σ alpha),   r_dwk ∝ theta_dk phi_kw.

    It is the maximum of p(w_d | theta) under a Dirichlet(alpha + 1) prior, whose estimates are as good as those of
    sampling and variational inference (Asuncion, Welling, Smyth, Teh, UAI 2009). Words that no topic has are left out.
    """
    result = np.empty((counts.shape[0], len(alpha)))
    for d in range(counts.shape[0]):
        row = slice(counts.indptr[d], counts.indptr[d + 1])
        words, n = counts.indices[row], counts.data[row]  # (types,)
        phi = topics[:, words]  # (K, types)
        n, phi = n[phi.any(axis=0)], phi[:, phi.any(axis=0)]
        theta = np.full(len(alpha), 1 / len(alpha))
        for _ in range(fast.ITERATIONS):
            r = theta[:, None] * phi
            new = alpha + r @ (n / r.sum(axis=0))
            new /= new.sum()
            change, theta = np.abs(new - theta).sum(), new
            if change < tolerance:
                break
        result[d] = theta
    return result


@dataclass(eq=False, repr=False, kw_only=True)
class ProportionModel(TopicMethod):
    """A fitted topic model that describes a document by theta_d, or by its square roots.

    Between square roots, Euclidean distance is the Hellinger distance of the distributions: a topic's small share
    counts for more than in the proportions themselves.

    Args:
        features: "proportions" of a document's topics, or "root-proportions", their square roots.
        threads: for `transform`; they change no result.
        seed: names the random streams of the fit.
        checkpoint: where the fit keeps its state, to go on from there when it is killed.

    Attributes:
        topics_: (n_topics, vocabulary) word probabilities.
        alpha_: (n_topics,) Dirichlet parameters of the proportions.
    """

    features: ProportionFeatures = "proportions"
    threads: int = 1
    seed: int = 0
    checkpoint: Checkpoint = NOT_KEPT

    _fold_in = staticmethod(fast.fold_in)  # `fold_in`, compiled

    def __post_init__(self) -> None:
        require_options(self, at_least={"threads": 1}, one_of={"features": FEATURE_SETS})

    @property
    def feature_set(self) -> str:
        """What the features are, for the table."""
        return FEATURE_SETS[self.features]

    def transform(self, corpus: Corpus) -> np.ndarray:
        """(documents, n_topics) `proportions`, or their square roots by ``features``."""
        theta = self.proportions(corpus)
        return np.sqrt(theta) if self.features == "root-proportions" else theta

    def proportions(self, corpus: Corpus) -> np.ndarray:
        """(documents, n_topics) theta, inferred document by document without labels; the model stays as it is.

        Raises:
            UserError: an empty document, or another vocabulary than that of the fit.
        """
        require_vocabulary(corpus, self.vocabulary_)
        return self._infer_proportions(corpus)

    def _infer_proportions(self, corpus: Corpus) -> np.ndarray:
        """(documents, n_topics) float64 of documents that were checked."""
        model: Any = self
        return self._fold_in(model.topics_, model.alpha_, corpus.counts, threads=self.threads)
