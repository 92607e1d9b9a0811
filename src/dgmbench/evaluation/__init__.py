"""Earlier names of `dgmbench.metrics`; they keep working."""
