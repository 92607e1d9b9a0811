"""Earlier names of `dgmbench.models.images`; they go on working."""
