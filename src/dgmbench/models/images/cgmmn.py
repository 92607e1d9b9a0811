"""Conditional generative moment matching: images of a class, by the discrepancy of conditional distributions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dgmbench.models.images.generator import UniformGenerator
from dgmbench.models.images.gmmn import WIDTHS, kernel


class CGMMN(UniformGenerator):
    """Minimises the square root of the conditional MMD² (Ren, Li, Luo, Zhu, NIPS 2016) of images given their class.

    The generator gets z and the class; a batch of images is met by as many generated ones of the same classes. Classes
    are generated as often as they were seen.

    Example:
        >>> model = CGMMN(n_pixels=128, n_classes=3, hidden=(32, 64))
        >>> labelled = torch.cat([torch.rand(50, 128), torch.arange(50)[:, None] % 3], dim=1)
        >>> model.loss(labelled)["loss"].shape
        torch.Size([])
    """

    reads_labels = True
    seen: Tensor

    def __init__(
        self,
        n_pixels: int,
        n_classes: int,
        hidden: Sequence[int] = (64, 256, 256, 512),
        latent: int = 10,
        ridge: float = 1e-3,
        widths: Sequence[float] = WIDTHS,
    ) -> None:
        """
        Args:
            n_pixels: of an image.
            n_classes: classes are 0 to n_classes − 1.
            hidden: widths of the layers, next to z first.
            latent: dimensions of z, the class apart.
            ridge: λ.
            widths: of the kernels of images, whose sum is taken.
        """
        super().__init__(n_pixels, hidden, latent + n_classes)
        if not ridge > 0:
            raise ValueError(f"ridge is {ridge}; give a number above 0")
        self.own_latent, self.n_classes, self.ridge, self.widths = latent, n_classes, ridge, tuple(widths)
        self.register_buffer("seen", torch.zeros(n_classes, dtype=torch.float64))

    def prior(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, latent + classes), z and a class that is 1."""
        shares = self.seen if bool(self.seen.any()) else torch.ones_like(self.seen)
        labels = torch.multinomial(shares, n, replacement=True, generator=generator)
        return self._beside(labels, generator)

    def loss(self, examples: Tensor) -> dict[str, Tensor]:
        """(batch, pixels + 1), the last column the class → ``loss``, which is minimised."""
        x, labels = examples[:, :-1], examples[:, -1].long()
        self.seen += torch.bincount(labels, minlength=self.n_classes)
        classes = F.one_hot(labels, self.n_classes).to(x.dtype)
        squared = conditional_mmd(self.generate(self._beside(labels)), x, classes, classes, self.ridge, self.widths)
        return {"loss": torch.sqrt(squared.clamp(min=1e-12)), "mmd": squared.detach()}

    def _beside(self, labels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        z = 2 * torch.rand(len(labels), self.own_latent, generator=generator, device=labels.device) - 1
        return torch.cat([z, F.one_hot(labels, self.n_classes).to(z.dtype)], dim=1)


def conditional_mmd(
    x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor, ridge: float, widths: Sequence[float] = WIDTHS
) -> Tensor:
    """Tr(K_x A L_x A) + Tr(K_y B L_y B) − 2 Tr(K_yx A L_xy B), A = (K_x + λI)⁻¹, B = (K_y + λI)⁻¹.

    L is the kernel of images, K the product of conditions: of classes 1 where they are the same and 0 elsewhere.

    Args:
        x, y: (n, pixels) and (m, pixels).
        of_x, of_y: (n, conditions) and (m, conditions).
        ridge: λ.
    """
    a, b = (torch.linalg.inv(c @ c.T + ridge * torch.eye(len(c), dtype=c.dtype, device=c.device)) for c in (of_x, of_y))
    # A K A and the like hold no images: each trace is a sum over pairs of images
    within_x, within_y, across = a @ (of_x @ of_x.T) @ a, b @ (of_y @ of_y.T) @ b, a @ (of_x @ of_y.T) @ b
    return (
        (within_x * kernel(x, x, widths)).sum()
        + (within_y * kernel(y, y, widths)).sum()
        - 2 * (across * kernel(x, y, widths)).sum()
    )
