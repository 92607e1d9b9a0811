"""The classifier that learners with few labels share, and the moving average of its weights."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.images.layers import linear

NETWORKS = {"convolutional": ((32, 64, 128), 0.5), "reduced": ((16, 32, 64), 0.25)}
"""Maps of the first, of the second and third, and of the last two convolutions, and the dropout behind both maxima."""
SMALLEST = 4
"""Pixels of a side, which is halved twice."""
UNPADDED = 12
"""Pixels of a side from which the first and the third convolution see no margin of zeros."""
SHARE = 0.01
"""Of the weights in their moving average, in each step."""


class AveragedClassifier(nn.Module):
    """A network from images to classes; what predicts is the moving average of its weights.

    Example:
        >>> AveragedClassifier((8, 8), n_classes=3, network="reduced").predict(torch.rand(5, 64)).shape
        torch.Size([5, 3])
    """

    def __init__(self, shape: tuple[int, int], n_classes: int, network: str) -> None:
        """
        Args:
            shape: height and width of an image.
            n_classes: classes are 0 to n_classes − 1.
            network: a name of `NETWORKS`.
        """
        super().__init__()
        if network not in NETWORKS:
            raise ValueError(f"network is {network!r}; choose {' or '.join(NETWORKS)}")
        height, width = int(shape[0]), int(shape[1])
        if min(height, width) < SMALLEST:
            least = f"{SMALLEST} x {SMALLEST}"
            raise ValueError(f"convolutions need images of {least} pixels or more, not {height} x {width}")
        self.network = _convolutional((height, width), n_classes, *NETWORKS[network])
        self.average = copy.deepcopy(self.network).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, pixels) from 0 to 1 → (n, classes) logits of the network that learns."""
        return self.network(x)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average, of weights and of batch norm's statistics, by `SHARE` towards the network."""
        for mean, value in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, SHARE)

    def forget(self) -> None:
        """Begin the average anew, with the weights as they are."""
        self.average.load_state_dict(self.network.state_dict())

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """(n, pixels) from 0 to 1 → (n, classes) logits of the average."""
        self.average.eval()
        return self.average(x)


class Dropout(nn.Module):
    """Sets numbers to 0, each with probability ``share``, while training, and divides the others by 1 − share.

    A random byte decides on each number, which takes less than half the time of `torch.nn.Dropout` on a processor.
    """

    def __init__(self, share: float) -> None:
        """
        Args:
            share: a multiple of 1/256, below 1.
        """
        super().__init__()
        self.share = share
        self.below = round(256 * share)
        if self.below != 256 * share or not 0 <= share < 1:
            raise ValueError(f"share is {share}; give a multiple of 1/256 from 0 to below 1")

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape."""
        if not self.training or not self.share:
            return x
        lined_up = x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))
        if x.device.type != "cpu" or not lined_up:
            return F.dropout(x, self.share)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        drawn = words.view(torch.uint8)[: x.numel()].as_strided(x.shape, x.stride())
        return x * (drawn >= self.below).to(x.dtype).div_(1 - self.share)


def labelled_part(examples: Tensor) -> tuple[Tensor, Tensor]:
    """(n, pixels + 1), the last column the class, below 0 where it is hidden → images and classes of the others."""
    seen = examples[:, -1] >= 0
    return examples[seen, :-1], examples[seen, -1].long()


def unlabelled_part(examples: Tensor) -> Tensor:
    """The images whose class is hidden; where there is none, all of them."""
    hidden = examples[:, -1] < 0
    return examples[hidden, :-1] if bool(hidden.any()) else examples[:, :-1]


def adam(module: nn.Module, rate: float, decay: float = 0.0) -> torch.optim.Optimizer:
    """Adam with β₁ = 0.5, of the parameters that learn."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.Adam(parameters, rate, betas=(0.5, 0.999), weight_decay=decay, fused=True)


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """A step."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def _convolutional(shape: tuple[int, int], n_classes: int, maps: tuple[int, int, int], dropout: float) -> nn.Module:
    """Five convolutions, halved by maxima after the first and the third, then the mean of each map.

    Maps lie channel by channel at each pixel, which takes a quarter less time on a processor.
    """
    first, second, last = maps
    margin = min(shape) < UNPADDED

    def convolution(inputs: int, outputs: int, kernel: int, padded: bool = True) -> list[nn.Module]:
        padding = kernel // 2 if padded else 0
        return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs)]

    # the ReLU of a maximum is the maximum of the ReLUs, and has a quarter of the numbers
    network = nn.Sequential(
        nn.Unflatten(1, (1, *shape)),
        *(*convolution(1, first, 5, margin), nn.MaxPool2d(2), nn.ReLU(), Dropout(dropout)),
        *(*convolution(first, second, 3), nn.ReLU()),
        *(*convolution(second, second, 3, margin), nn.MaxPool2d(2), nn.ReLU(), Dropout(dropout)),
        *(*convolution(second, last, 3), nn.ReLU(), *convolution(last, last, 3), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear(last, n_classes)),
    )
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of −log p(class), in nats; 0 of no examples."""
    return F.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))
