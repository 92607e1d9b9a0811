"""A trained model's memory: what its layers attend to, and what each slot draws."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dgmbench.models.images.memory import MemoryLayer


@torch.no_grad()
def memory_attention(model: nn.Module, z: Tensor) -> list[tuple[MemoryLayer, Tensor]]:
    """Each memory layer's attention while z is decoded, the layer next to x first.

    Args:
        model: in evaluation mode, with ``decode``.
        z: (images, latent).

    Returns:
        The layers with their attention, (images, slots); of a layer that attends at every position of a feature map,
        its mean over the positions. Empty for a model without memory.
    """
    seen: list[tuple[MemoryLayer, Tensor]] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, MemoryLayer)
        weights = layer.weights(layer.hidden(inputs[0]))
        seen.append((layer, weights.reshape(len(z), -1, weights.shape[-1]).mean(1)))

    handles = [layer.register_forward_pre_hook(note) for layer in model.modules() if isinstance(layer, MemoryLayer)]
    try:
        model.decode(z)  # type: ignore[operator]
    finally:
        for handle in handles:
            handle.remove()
    return seen[::-1]


@torch.no_grad()
def slot_images(model: nn.Module, layer: MemoryLayer, latent: int) -> Tensor:
    """What a layer's slots draw one by one: (slots, pixels) decoder means with h = 0 and all attention on one slot.

    A slot of a layer that attends at every position of a feature map is put at all of them.

    Args:
        model: in evaluation mode, with ``decode``.
        latent: dimensions of z.
    """
    slots = layer.memory.shape[1]

    def one_slot_each(layer: MemoryLayer, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        one_hot = torch.eye(slots, device=output.device, dtype=output.dtype)
        positions = output.shape[1:-1]
        attention = one_hot.view(slots, *[1] * len(positions), slots).expand(slots, *positions, slots)
        return layer.compose(torch.zeros_like(output), attention.contiguous())

    hook: Any = one_slot_each
    handle = layer.register_forward_hook(hook)
    try:
        z = torch.zeros(slots, latent, device=layer.memory.device, dtype=layer.memory.dtype)
        return torch.sigmoid(model.decode(z))  # type: ignore[operator]
    finally:
        handle.remove()
