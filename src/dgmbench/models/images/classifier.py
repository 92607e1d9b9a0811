"""A small convolutional classifier, whose last hidden layer is a space in which images are compared."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64


class ImageClassifier(nn.Module):
    """Two convolutions, each halved by maxima, a hidden layer of `WIDTH` units, a layer of classes; ReLU between.

    Args:
        shape: height and width, at least 4 each.
        n_classes: classes are 0 to n_classes − 1.
    """

    def __init__(self, shape: tuple[int, int], n_classes: int) -> None:
        super().__init__()
        height, width = shape
        self.shape = (height, width)
        self.convolution1 = nn.Conv2d(1, 16, 3, padding=1)
        self.convolution2 = nn.Conv2d(16, 32, 3, padding=1)
        self.hidden = nn.Linear(32 * (height // 4) * (width // 4), WIDTH)
        self.output = nn.Linear(WIDTH, n_classes)

    def features(self, x: Tensor) -> Tensor:
        """(n, pixels) from 0 to 1 → (n, WIDTH)."""
        maps = x.view(-1, 1, *self.shape)
        for convolution in (self.convolution1, self.convolution2):
            maps = F.max_pool2d(torch.relu(convolution(maps)), 2)
        return torch.relu(self.hidden(maps.flatten(1)))

    def loss(self, examples: Tensor) -> dict[str, Tensor]:
        """(n, pixels + 1), the last column the class → cross-entropy in nats, and the share of errors in percent."""
        labels = examples[:, -1].long()
        logits = self.output(self.features(examples[:, :-1].contiguous()))
        wrong = (logits.argmax(dim=1) != labels).float().mean()
        return {"loss": F.cross_entropy(logits, labels), "error": 100 * wrong.detach()}
