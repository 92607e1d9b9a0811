"""A classifier that learns from the labelled images alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dgmbench.models.images.averaged_classifier import AveragedClassifier, adam, cross_entropy, descend, labelled_part


class Supervised(nn.Module):
    """Minimises the cross-entropy of the labelled images, by Adam.

    Example:
        >>> Supervised((8, 8), n_classes=3).predict(torch.rand(5, 64)).shape
        torch.Size([5, 3])
    """

    def __init__(self, shape: tuple[int, int], n_classes: int, network: str = "convolutional") -> None:
        """
        Args:
            shape: height and width of an image.
            n_classes: classes are 0 to n_classes − 1.
            network: ``convolutional``, or ``reduced``, half as wide.
        """
        super().__init__()
        self.classifier = AveragedClassifier(shape, n_classes, network)

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """Adam."""
        return {"classifier": adam(self.classifier, rate)}

    def begin(self, epoch: int, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Nothing changes from epoch to epoch."""

    def step(self, examples: Tensor, optimisers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        """(batch, pixels + 1), the class in the last column or −1; the cross-entropy before the step, in nats."""
        x, labels = labelled_part(examples)
        loss = cross_entropy(self.classifier(x), labels)
        descend(optimisers["classifier"], loss)
        self.classifier.follow()
        return {"cross_entropy": loss.detach()}

    def predict(self, x: Tensor) -> Tensor:
        """(n, pixels) from 0 to 1 → (n, classes): the largest is the class."""
        return self.classifier.predict(x)
