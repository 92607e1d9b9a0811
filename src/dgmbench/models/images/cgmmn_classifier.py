"""A classifier by conditional moment matching: classes given images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.images.averaged_classifier import AveragedClassifier, adam, descend, labelled_part
from dgmbench.models.images.gmmn import kernel


class CGMMNClassifier(nn.Module):
    """Minimises the conditional MMD² between labels given images and predictions given the same images.

    Ren, Li, Luo, Zhu (NIPS 2016), with the network's probabilities as what it generates, and without noise. Errors that
    many alike images have in common weigh little: kernels of images should be narrow.

    Example:
        >>> CGMMNClassifier((8, 8), n_classes=3).predict(torch.rand(5, 64)).shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        shape: tuple[int, int],
        n_classes: int,
        network: str = "convolutional",
        ridge: float = 1e-3,
        widths: Sequence[float] = (2.0,),
    ) -> None:
        """
        Args:
            shape: height and width of an image.
            n_classes: classes are 0 to n_classes − 1.
            network: ``convolutional``, or ``reduced``, half as wide.
            ridge: λ.
            widths: of the kernels of images, whose mean is taken.
        """
        super().__init__()
        if not ridge > 0 or not widths or min(widths) <= 0:
            raise ValueError(f"ridge {ridge}, widths {list(widths)}: give numbers above 0")
        self.ridge, self.widths, self.n_classes = ridge, tuple(widths), n_classes
        self.classifier = AveragedClassifier(shape, n_classes, network)

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """Adam."""
        return {"classifier": adam(self.classifier, rate)}

    def begin(self, epoch: int, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Nothing changes from epoch to epoch."""

    def step(self, examples: Tensor, optimisers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        """(batch, pixels + 1), the class in the last column or −1; the conditional MMD² before the step, per image."""
        x, labels = labelled_part(examples)
        of_images = kernel(x, x, self.widths) / len(self.widths)
        given = F.one_hot(labels, self.n_classes).to(x.dtype)
        squared = same_conditions_mmd(torch.softmax(self.classifier(x), dim=1), given, of_images, self.ridge) / len(x)
        descend(optimisers["classifier"], squared)
        self.classifier.follow()
        return {"mmd": squared.detach()}

    def predict(self, x: Tensor) -> Tensor:
        """(n, pixels) from 0 to 1 → (n, classes): the largest is the class."""
        return self.classifier.predict(x)


def same_conditions_mmd(y: Tensor, given: Tensor, of_conditions: Tensor, ridge: float) -> Tensor:
    """Conditional MMD² of two samples with the same conditions, L being the product: Tr(A K A (y − given)(y − given)ᵀ).

    A = (K + λI)⁻¹. Of classes L is the indicator kernel, and of probabilities its expectation.

    Args:
        y, given: (n, width).
        of_conditions: K, (n, n).
        ridge: λ.
    """
    k = of_conditions.double()  # its inverse has no digits left in single precision
    a = torch.linalg.inv(k + ridge * torch.eye(len(k), dtype=k.dtype, device=k.device))
    difference = y - given
    return (difference * ((a @ k @ a).to(y.dtype) @ difference)).sum()
