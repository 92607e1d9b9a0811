"""Earlier names of `dgmbench.metrics`; they go on working."""
