"""TopicVec's features with the mean word embedding beside them, the last row of the published table."""

from __future__ import annotations

from dgmbench.models.text.concatenation import Concatenation
from dgmbench.models.text.mean_wv import MeanWordVectors
from dgmbench.models.text.preparation import WordVectors
from dgmbench.models.text.topicvec import FeatureSet, TopicVec


class TopicVecMeanWV(Concatenation):
    """`TopicVec`, then `MeanWordVectors`.

    Args:
        embeddings: word embeddings, for both.
        n_topics_per_class, max_norm, alpha, iterations, features, seed, threads: as for `TopicVec`.
    """

    def __init__(
        self,
        n_topics_per_class: int = 15,
        *,
        embeddings: WordVectors,
        seed: int = 0,
        threads: int = 1,
        max_norm: float = 3.0,
        alpha: float = 0.1,
        iterations: int = 150,
        features: FeatureSet = "counts",
    ) -> None:
        topics = TopicVec(
            n_topics_per_class,
            embeddings=embeddings,
            max_norm=max_norm,
            alpha=alpha,
            iterations=iterations,
            features=features,
            seed=seed,
            threads=threads,
        )
        super().__init__([topics, MeanWordVectors(embeddings=embeddings)])
