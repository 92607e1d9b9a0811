"""A classifier that also learns its own most probable classes of images without labels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dgmbench.models.images.averaged_classifier import (
    AveragedClassifier,
    adam,
    cross_entropy,
    descend,
    labelled_part,
    unlabelled_part,
)


class PseudoLabel(nn.Module):
    """Minimises CE(labels) + α CE(most probable classes of the other images) (Lee, ICML workshop 2013).

    α is 0 up to epoch ``begins``, then it rises in proportion to ``weight`` at epoch ``ends``.

    Example:
        >>> PseudoLabel((8, 8), n_classes=3).predict(torch.rand(5, 64)).shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        shape: tuple[int, int],
        n_classes: int,
        network: str = "convolutional",
        weight: float = 3.0,
        begins: int = 100,
        ends: int = 600,
    ) -> None:
        """
        Args:
            shape: height and width of an image.
            n_classes: classes are 0 to n_classes − 1.
            network: ``convolutional``, or ``reduced``, half as wide.
            weight: α in the end.
            begins, ends: epochs.
        """
        super().__init__()
        if weight < 0 or not 0 <= begins < ends:
            raise ValueError(f"weight {weight}, begins {begins}, ends {ends}: give 0 or more, and begins before ends")
        self.weight, self.begins, self.ends, self.now = weight, begins, ends, 0.0
        self.classifier = AveragedClassifier(shape, n_classes, network)

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """Adam."""
        return {"classifier": adam(self.classifier, rate)}

    def begin(self, epoch: int, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """α of the epoch."""
        self.now = self.weight * min(1.0, max(0.0, (epoch - self.begins) / (self.ends - self.begins)))

    def step(self, examples: Tensor, optimisers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        """(batch, pixels + 1), the class in the last column or −1; both cross-entropies before the step, in nats."""
        x, labels = labelled_part(examples)
        if self.now == 0:
            loss, own = cross_entropy(self.classifier(x), labels), torch.zeros(())
            total = loss
        else:
            logits, others = self.classifier(torch.cat([x, unlabelled_part(examples)])).tensor_split([len(x)])
            loss, own = cross_entropy(logits, labels), cross_entropy(others, others.argmax(dim=1))
            total = loss + self.now * own
        descend(optimisers["classifier"], total)
        self.classifier.follow()
        return {"cross_entropy": loss.detach(), "pseudo": own.detach()}

    def predict(self, x: Tensor) -> Tensor:
        """(n, pixels) from 0 to 1 → (n, classes): the largest is the class."""
        return self.classifier.predict(x)
