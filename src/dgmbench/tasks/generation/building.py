"""From a run's specification to its generator, untrained, or to the trained classifier; and to generated images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.models.images.classifier import ImageClassifier
from dgmbench.run.rows import build
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row, Trained
from dgmbench.tasks.generation.images import part_of
from dgmbench.training.given import numbers_of
from dgmbench.training.trained import WEIGHTS, read_weights

AT_ONCE = 1000
"""Images that go through a network together."""


def build_generator(spec: RunSpec, row: Row, before: Sequence[Trained] = ()) -> Any:
    """The untrained generator of a run, seeded.

    It has ``sample(n, seed)`` → (n, pixels) from 0 to 1, or ``prior(n, generator)`` → (n, latent) and ``generate(z)``
    → (n, pixels) from 0 to 1. What it learns by is ``loss(x)``, or ``step(x, optimisers)`` (see
    `dgmbench.training.alternating`), or ``fit(images)``, or nothing. The class gets what it has an argument for:
    ``n_pixels``, ``shape``, ``n_classes``, ``mean_image`` (of the training images, (pixels,) from 0 to 1), and
    ``trained``, the model that it takes. One that ``reads_labels`` gets the class of each image as a last column.

    Raises:
        UserError: the class refuses its options, or has no way to generate.
    """
    data = load_images(spec.dataset)
    torch.manual_seed(spec.seed)
    offered: dict[str, Any] = {"n_pixels": data.train.shape[1], "shape": data.shape, "n_classes": data.n_classes}
    offered["mean_image"] = part_of(spec, "train").images.mean(axis=0) / data.white
    if before:
        offered["trained"] = before[0].model()
    model = build(spec, row, offered, {})
    if not hasattr(model, "sample") and not (hasattr(model, "prior") and hasattr(model, "generate")):
        needs = "sample(n, seed), or prior(n, generator) and generate(z)"
        raise UserError(f"{spec.model}: {row.factory} has no {needs}")
    return model


def load(spec: RunSpec, row: Row, folder: Path) -> ImageClassifier:
    """The classifier that a training left in a folder, in evaluation mode.

    Raises:
        UserError: it is damaged.
    """
    data = load_images(spec.dataset)
    model = ImageClassifier(data.shape, data.n_classes)
    read_weights(model, folder / WEIGHTS, spec.model)
    return model


@torch.no_grad()
def generated(model: Any, n: int, seed: int, n_pixels: int, name: str) -> Tensor:
    """n images of a trained generator, (n, pixels) float64 from 0 to 1; not finite where it has diverged.

    Raises:
        UserError: it gives no numbers, another number of images, or of pixels, or other values than from 0 to 1.
    """
    if hasattr(model, "sample"):
        call = f"sample({n}, {seed})"
        x = _rows(model.sample(n, seed), (n, n_pixels), f"{name}: {call}")
    else:
        call, z = "generate(z)", model.prior(n, torch.Generator().manual_seed(seed))
        if not isinstance(z, Tensor) or z.shape[:1] != (n,):
            gave = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
            raise UserError(f"{name}: prior({n}, generator) gave {gave}, not a tensor of shape ({n}, latent)")
        blocks = z.split(AT_ONCE)
        x = torch.cat([_rows(model.generate(block), (len(block), n_pixels), f"{name}: {call}") for block in blocks])
    if bool(torch.isfinite(x).all()) and not -1e-6 <= float(x.min()) <= float(x.max()) <= 1 + 1e-6:
        raise UserError(f"{name}: {call} gave values from {float(x.min()):g} to {float(x.max()):g}; give 0 to 1")
    return x.clamp(0, 1)


def _rows(given: Any, shape: tuple[int, int], call: str) -> Tensor:
    """What a call gave as images, (n, pixels) float64, or an error that names the call."""
    x = numbers_of(given, f"{shape}", call)
    if x.shape != shape:
        raise UserError(f"{call} gave {tuple(x.shape)}, not {shape}: an image of all pixels a row")
    return x


@torch.no_grad()
def between(model: Any, seed: int, paths: int = 5, steps: int = 10) -> Tensor | None:
    """(paths · steps, pixels): images on lines between two latent samples each; None of a model without ``prior``."""
    if not (hasattr(model, "prior") and hasattr(model, "generate")):
        return None
    ends = model.prior(2 * paths, torch.Generator().manual_seed(seed)).split(paths)
    shares = torch.linspace(0, 1, steps, dtype=ends[0].dtype)[:, None]
    lines = [(1 - shares) * first + shares * last for first, last in zip(*ends, strict=True)]
    return torch.as_tensor(model.generate(torch.cat(lines))).cpu().double().clamp(0, 1)
