"""Principal components: the linear auto-encoder of least squared error."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PCA(nn.Module):
    """z = C (x − μ), x' = Cᵀ z + μ, with the leading eigenvectors of the covariance as rows of C.

    Of all linear codes of that length it has the least squared error; that error is the sum of the other eigenvalues.
    """

    mean: Tensor

    def __init__(self, n_pixels: int, components: int = 100) -> None:
        """
        Args:
            n_pixels: number of pixels.
            components: length of the code.
        """
        super().__init__()
        if not 1 <= components <= n_pixels:
            raise ValueError(f"{components} components of {n_pixels} pixels; give 1 to {n_pixels}")
        self.encoder = nn.Linear(n_pixels, components).requires_grad_(False)
        self.register_buffer("mean", torch.zeros(n_pixels))

    @torch.no_grad()
    def fit(self, images: Tensor) -> PCA:
        """Eigenvectors of the covariance of (n, pixels) images, in float64; the largest entry of each is positive."""
        x = images.double()
        mean = x.mean(0)
        _, vectors = torch.linalg.eigh((x - mean).T @ (x - mean))  # ascending eigenvalues, vectors in columns
        rows = vectors.flip(1)[:, : self.encoder.out_features].T
        largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
        rows = rows * largest.sign()
        self.mean.copy_(mean)
        self.encoder.weight.copy_(rows)
        self.encoder.bias.copy_(-rows @ mean)
        return self

    def encode(self, x: Tensor) -> Tensor:
        """(batch, pixels) → (batch, components) z."""
        return self.encoder(x)

    def reconstruct(self, z: Tensor) -> Tensor:
        """(batch, components) → (batch, pixels) pixel values, which can lie outside 0 to 1."""
        return z @ self.encoder.weight + self.mean
