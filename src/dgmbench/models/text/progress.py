"""Now `dgmbench.run.progress`."""

from dgmbench.run.progress import passes

__all__ = ["passes"]
