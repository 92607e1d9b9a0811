"""Filling in missing pixels with an auto-encoder, and the error of what it fills in (Li, Zhu, Zhang 2016)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from dgmbench.metrics.likelihood import evaluation_mode


class Autoencoder(Protocol):
    """What imputation needs of a model."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, pixels) → mean and log-variance of q(z | x), each (batch, latent)."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """(batch, latent) → (batch, pixels) logits of Bernoulli pixels."""
        ...


@dataclass(frozen=True)
class Imputation:
    """What became of the missing pixels.

    Attributes:
        errors: (passes + 1,) squared error over all missing pixels / their number, before the first pass and after
            each.
        image_errors: (images,) each image's squared error after the last pass / the mean number missing, so that the
            mean over images is ``errors[-1]`` and two models can be compared image by image.
        completed: (images, pixels) the images after the last pass.
    """

    errors: np.ndarray
    image_errors: np.ndarray
    completed: np.ndarray


def square_side(shape: tuple[int, int]) -> int:
    """Three sevenths of the shorter side, to the nearest even number: 12 for 28 pixels."""
    return 2 * round(3 / 14 * min(shape))


def square_mask(shape: tuple[int, int], side: int = 12) -> np.ndarray:
    """(pixels,) bool: a centred square of ``side`` x ``side`` pixels is missing.

    Raises:
        ValueError: the square does not fit the image.
    """
    height, width = shape
    if not 0 < side <= min(shape):
        raise ValueError(f"a square of side {side} does not fit an image of {height} x {width} pixels")
    missing = np.zeros(shape, bool)
    top, left = (height - side) // 2, (width - side) // 2
    missing[top : top + side, left : left + side] = True
    return missing.reshape(-1)


def left_mask(shape: tuple[int, int]) -> np.ndarray:
    """(pixels,) bool: the left half is missing, columns 0 to 13 of 28."""
    missing = np.zeros(shape, bool)
    missing[:, : shape[1] // 2] = True
    return missing.reshape(-1)


def random_mask(images: int, pixels: int, rate: float = 0.6, seed: int = 0) -> np.ndarray:
    """(images, pixels) bool: each pixel is missing with probability ``rate``.

    An image's mask follows from the seed and its row: more images leave those of the first as they are.
    """
    return np.random.default_rng([seed, 0]).random((images, pixels)) < rate


@torch.no_grad()
def impute(
    model: Autoencoder,
    images: np.ndarray,
    missing: np.ndarray,
    passes: int = 100,
    *,
    seed: int = 0,
    statistics: Literal["stored", "batch"] = "stored",
    batch_size: int = 500,
) -> Imputation:
    """Fill in missing pixels pass by pass: z ~ q(z | x), then the missing pixels of x become the decoder's mean.

    Missing pixels start as U[0, 1] noise; the observed ones are never changed. What is random follows from the seed,
    the pass and the image's row, so that neither the batch size nor further images change an image's result.

    Args:
        model: put into evaluation mode for the time of the call if it is a torch module.
        images: (images, pixels) the true pixels, from 0 to 1.
        missing: bool, (pixels,) for all images alike or (images, pixels).
        passes: how often each missing pixel is replaced.
        statistics: ``stored`` uses the model as it is evaluated; ``batch`` puts a copy of it into training mode, where
            a batch norm uses the batch's own statistics, and an image's result depends on its batch.
        batch_size: images that go through the model at once.

    Raises:
        ValueError: shapes that do not fit, a pixel outside [0, 1], nothing missing, or no pass.
    """
    missing = _checked(images, missing, passes)
    used: Any = model
    if statistics == "batch" and isinstance(model, torch.nn.Module):
        used = copy.deepcopy(model).train()
    parameter = next(model.parameters(), None) if isinstance(model, torch.nn.Module) else None
    device = parameter.device if parameter is not None else torch.device("cpu")

    truth, gap = (torch.as_tensor(a, device=device) for a in (np.asarray(images, np.float32), missing))
    start = np.random.default_rng([seed, 1]).random(images.shape, dtype=np.float32)
    x = torch.where(gap, torch.as_tensor(start, device=device), truth)
    squared = [_squared_error(x, truth)]
    with evaluation_mode(model):
        for each in range(passes):
            rng = np.random.default_rng([seed, 2, each])
            for rows in torch.arange(len(images), device=device).split(batch_size):
                mean, log_variance = used.encode(x[rows])
                noise = torch.as_tensor(rng.standard_normal(mean.shape, dtype=np.float32), device=device)
                filled = torch.sigmoid(used.decode(mean + noise * torch.exp(0.5 * log_variance)))
                x[rows] = torch.where(gap[rows], filled, x[rows])
            squared.append(_squared_error(x, truth))
    scaled = np.stack(squared) / missing.sum(1).mean()
    return Imputation(scaled.mean(1), scaled[-1], x.cpu().numpy())


def _squared_error(x: Tensor, truth: Tensor) -> np.ndarray:
    """(images,); observed pixels add nothing, being equal."""
    return (x - truth).square().sum(1, dtype=torch.float64).cpu().numpy()


def _checked(images: np.ndarray, missing: np.ndarray, passes: int) -> np.ndarray:
    """(images, pixels) bool of what is missing."""
    if images.ndim != 2 or missing.dtype != bool or missing.shape not in (images.shape, images.shape[1:]):
        raise ValueError(
            f"images are (n, pixels) and the mask is bool, (pixels,) or (n, pixels), not {images.shape} and "
            f"{missing.dtype} {missing.shape}"
        )
    if images.size == 0 or images.min() < 0 or images.max() > 1:
        raise ValueError("there are no images, or a pixel is not from 0 to 1")
    if passes < 1 or not missing.any():
        raise ValueError(f"imputation takes at least one pass and one missing pixel, not {passes} and {missing.sum()}")
    return np.array(np.broadcast_to(missing, images.shape))
