"""Training examples in memory, in batches of one epoch at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

Prepare = Callable[[Tensor, torch.Generator], Tensor]
"""Examples as they are kept → as the model sees them; what is random comes from the generator."""


def as_they_are(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Examples that need no preparation, as float32."""
    return pixels.float()


def binarised(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Grey images, each pixel 1 with probability value / 255: another draw in every epoch."""
    threshold = torch.rand(pixels.shape, generator=generator, device=pixels.device).mul_(255)
    return (threshold < pixels).float()


class Batches(IterableDataset[Tensor]):
    """The batches of an epoch, each epoch in another order.

    Everything random in an epoch follows from the seed and the epoch's number, so that a resumed training sees the same
    batches. Batches differ by at most one example in size, and none has a single one, which batch norm could not take.
    Of several processes each gets its part of every batch.
    """

    def __init__(self, examples: np.ndarray, batch_size: int, seed: int, prepare: Prepare) -> None:
        """
        Args:
            examples: (examples, ...), at least two.
        """
        self.examples = torch.from_numpy(np.ascontiguousarray(examples))
        self.seed = seed
        self.epoch = 0
        self.part = 0, 1  # of so many processes
        self._prepare = prepare
        n = len(examples)
        self._count = max(1, min(math.ceil(n / batch_size), n // 2))

    def __len__(self) -> int:
        return self._count

    @property
    def smallest(self) -> int:
        """Examples of the smallest batch."""
        return len(self.examples) // self._count

    @property
    def largest(self) -> int:
        """Examples of the largest batch."""
        return math.ceil(len(self.examples) / self._count)

    def __iter__(self) -> Iterator[Tensor]:
        """The batches of ``epoch``."""
        number, parts = self.part
        device = self.examples.device
        generator = torch.Generator(device).manual_seed(epoch_seed(self.seed, self.epoch))
        order = torch.randperm(len(self.examples), generator=generator, device=device)
        for index in order.tensor_split(self._count):
            yield self._prepare(self.examples[index], generator).tensor_split(parts)[number]

    def some(self, n: int) -> Tensor:
        """The first n examples, prepared; beyond their number from the first one again."""
        index = torch.arange(n, device=self.examples.device) % len(self.examples)
        return self._prepare(self.examples[index], torch.Generator(self.examples.device).manual_seed(0))


def epoch_seed(seed: int, epoch: int) -> int:
    """A different seed for each epoch of each run."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
