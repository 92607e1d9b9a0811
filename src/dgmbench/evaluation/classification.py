"""Now `dgmbench.metrics.classification`."""

from dgmbench.metrics.classification import Classification, classify

__all__ = ["Classification", "classify"]
