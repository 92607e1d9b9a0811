"""Now `dgmbench.metrics.likelihood`."""

from dgmbench.metrics.likelihood import DensityModel, log_likelihood

__all__ = ["DensityModel", "log_likelihood"]
