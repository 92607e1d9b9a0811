"""What the topic models whose features are a document's topic proportions have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.preparation import require_documents, require_vocabulary

ProportionFeatures = Literal["proportions", "root-proportions"]
FEATURE_SETS: Mapping[str, str] = {  # and their names in the table
    "proportions": "topic proportions",
    "root-proportions": "square roots of topic proportions",
}


class ProportionModel(ABC):
    """A fitted topic model that describes a document by theta_d, or by its square roots.

    Between square roots, Euclidean distance is the Hellinger distance of the distributions: a topic's small share
    counts for more than in the proportions themselves.

    Args:
        features: "proportions" or "root-proportions".
    """

    transductive = False
    vocabulary_: tuple[str, ...]

    def __init__(self, features: ProportionFeatures) -> None:
        if features not in FEATURE_SETS:
            name = type(self).__name__
            raise UserError(f"{name}: features is {features!r}; it must be one of {', '.join(FEATURE_SETS)}")
        self.features = features

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
        require_documents(corpus)
        require_vocabulary(corpus, self.vocabulary_)
        return self._infer_proportions(corpus)

    @abstractmethod
    def _infer_proportions(self, corpus: Corpus) -> np.ndarray:
        """(documents, n_topics) float64 of documents that were checked."""
