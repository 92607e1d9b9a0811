"""Earlier names of `dgmbench.models.images`; they keep working."""
