"""Now `dgmbench.models.images.bounds`."""

from dgmbench.models.images.bounds import iwae_bound

__all__ = ["iwae_bound"]
