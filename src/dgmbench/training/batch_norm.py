"""What batch norm normalises by when a trained model is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from dgmbench.training.batches import Batches, epoch_seed


def measure_batch_norm(
    model: nn.Module, go_through: Callable[[Tensor], Any], batches: Batches, epoch: int, seed: int
) -> None:
    """Statistics of the trained weights, means over one pass through the training examples.

    `update_bn` divides a variance by one row less than there are; a training step normalises by the one that divides by
    all rows, and so does what is evaluated. Nothing is done to a model without batch norm.

    Args:
        go_through: takes a batch through every layer of the model.
    """
    batches.epoch, batches.part = epoch, (0, 1)
    batches.examples = batches.examples.to(next(model.parameters()).device)
    torch.manual_seed(epoch_seed(seed + 2_000_003, epoch))
    norms: list[Any] = [m for m in model.modules() if getattr(m, "running_var", None) is not None]
    rows: dict[nn.Module, int] = {}

    def count(norm: Any, given: tuple[Tensor, ...], out: Tensor) -> None:
        rows[norm] = given[0].numel() // norm.num_features

    handles = [norm.register_forward_hook(count) for norm in norms]
    update_bn(batches, _Pass(model, go_through))
    for norm, handle in zip(norms, handles, strict=True):
        handle.remove()
        if norm in rows:
            norm.running_var *= 1 - 1 / rows[norm]


class _Pass(nn.Module):
    """A model's pass as `update_bn` calls it."""

    def __init__(self, model: nn.Module, go_through: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.model, self.go_through = model, go_through

    def forward(self, x: Tensor) -> Any:
        return self.go_through(x)
