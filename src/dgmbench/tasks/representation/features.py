"""What a learner gives: features of images, and images from its code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

AT_ONCE = 2000
"""Images that go through the networks together."""


def code(model: Any, images: np.ndarray) -> np.ndarray:
    """(images, pixels) → (images, width) float32: the code, of an encoder that gives a distribution its mean."""
    return np.concatenate([_code(model, x).cpu().numpy() for x in _blocks(model, images)])


@torch.no_grad()
def hidden(model: Any, images: np.ndarray) -> np.ndarray | None:
    """(images, pixels) → (images, width) float32: the encoder's second hidden layer, ``encoder2(encoder1(x))``.

    None of a model whose encoder has no layers of these names.
    """
    if not (hasattr(model, "encoder1") and hasattr(model, "encoder2")):
        return None
    return np.concatenate([model.encoder2(model.encoder1(x)).cpu().numpy() for x in _blocks(model, images)])


@dataclass(frozen=True, eq=False)
class Restored:
    """What a decoder makes of codes.

    Attributes:
        pixels: (images, pixels) float32.
        probabilities: whether these are the probabilities of binary pixels; else they are values of any size.
    """

    pixels: np.ndarray
    probabilities: bool


@torch.no_grad()
def restored(model: Any, images: np.ndarray) -> Restored | None:
    """(images, pixels) through encoder and decoder: ``decode(code)`` gives logits, ``reconstruct(code)`` pixel values.

    None of a model that has neither.
    """
    if hasattr(model, "decode"):
        blocks = [torch.sigmoid(model.decode(_code(model, x))) for x in _blocks(model, images)]
    elif hasattr(model, "reconstruct"):
        blocks = [model.reconstruct(_code(model, x)) for x in _blocks(model, images)]
    else:
        return None
    return Restored(torch.cat(blocks).cpu().numpy(), hasattr(model, "decode"))


def squared_error(images: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """(images,) sum over the pixels of (x − x')²."""
    return np.square(images.astype(np.float64) - decoded).sum(axis=1)


def cross_entropy(images: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """(images,) sum over the pixels of −x log x' − (1 − x) log (1 − x'), in nats, x' at least 1e-7 from 0 and 1."""
    p = np.clip(decoded.astype(np.float64), 1e-7, 1 - 1e-7)
    return -np.where(images > 0.5, np.log(p), np.log1p(-p)).sum(axis=1)


def first_layer(model: nn.Module, n_pixels: int) -> np.ndarray | None:
    """(filters, pixels) float32: the weights of the first linear layer that reads the pixels; None without one."""
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.in_features == n_pixels:
            return module.weight.detach().cpu().numpy()
    return None


@torch.no_grad()
def _code(model: Any, x: Tensor) -> Tensor:
    found = model.encode(x)
    return found[0] if isinstance(found, tuple) else found


def _blocks(model: nn.Module, images: np.ndarray) -> Iterator[Tensor]:
    parameter = next(model.parameters(), None)
    device = None if parameter is None else parameter.device
    for start in range(0, len(images), AT_ONCE):
        yield torch.as_tensor(images[start : start + AT_ONCE], device=device)
