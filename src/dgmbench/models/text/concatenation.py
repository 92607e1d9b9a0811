"""Several methods' features side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.method import DocumentMethod, Features


class Concatenation:
    """Each method fitted on its own, their features put side by side, unscaled.

    Args:
        methods: the methods, in the order of their features.
    """

    def __init__(self, methods: Sequence[DocumentMethod]) -> None:
        if not methods:
            raise UserError("a concatenation of no methods has no features: name at least one method")
        self.methods = list(methods)

    @property
    def feature_set(self) -> str:
        """What the features are, for the table."""
        return " + ".join(getattr(method, "feature_set", "default") for method in self.methods)

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> Concatenation:
        """Fit every method on the same documents."""
        for method in self.methods:
            method.fit(corpus, labels)
        return self

    def transform(self, corpus: Corpus) -> Features:
        """(documents, Σ features): dense unless some method's features are sparse."""
        parts = [method.transform(corpus) for method in self.methods]
        if any(sparse.issparse(part) for part in parts):
            return sparse.hstack(parts, format="csr")
        return np.hstack(parts)
