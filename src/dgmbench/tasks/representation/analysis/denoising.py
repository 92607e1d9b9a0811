"""Destroyed pixels: how far from the clean image is what each learner restores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from dgmbench.models.images.corruption import KINDS, corrupt
from dgmbench.report.image_strips import Strips
from dgmbench.run.progress import each_of
from dgmbench.tasks.representation.analysis.learned import Learned, shown_images
from dgmbench.tasks.representation.features import restored, squared_error
from dgmbench.tasks.representation.settings import RepresentationAnalysisSettings

# The same pixels are destroyed for every learner.
SEED = 0


def denoising_table(learners: list[Learned], settings: RepresentationAnalysisSettings) -> pd.DataFrame:
    """For each learner with a decoder and each noise the squared error per image, of the clean image from a noisy one.

    Columns: dataset, model, seed, noise, images, squared_error, standard_error (over images), and ``of_the_noisy``, the
    squared error of the noisy image itself, which a learner that restores something is below.
    """
    lines: list[dict[str, Any]] = []
    for each in each_of("denoising: model", learners):
        clean = shown_images(each.spec, settings.denoising_images).features
        for noise in KINDS:
            noisy = destroyed(clean, noise, settings.denoising_level)
            found = restored(each.model, noisy)
            if found is None:
                continue
            errors = squared_error(clean, found.pixels)
            spread = float(errors.std(ddof=1) / np.sqrt(len(errors))) if len(errors) > 1 else None
            line = {"noise": noise, "images": len(errors), "squared_error": errors.mean(), "standard_error": spread}
            lines.append({**each.columns, **line, "of_the_noisy": squared_error(clean, noisy).mean()})
    return pd.DataFrame(lines)


def denoising_blocks(learners: list[Learned], settings: RepresentationAnalysisSettings) -> dict[str, Strips]:
    """By noise an image of each of the first ten classes: clean, destroyed, and as each learner restores it."""
    test = shown_images(learners[0].spec, 0)
    clean = test.features[np.unique(test.labels, return_index=True)[1][:10]]
    blocks: dict[str, Strips] = {}
    for noise in KINDS[1:]:
        noisy = destroyed(clean, noise, settings.denoising_level)
        strips: Strips = {"clean": clean, "destroyed": noisy}
        for each in learners:
            if (found := restored(each.model, noisy)) is not None:
                strips[each.spec.model] = np.clip(found.pixels, 0, 1)
        blocks[noise] = strips
    return blocks


def destroyed(images: np.ndarray, noise: str, level: float) -> np.ndarray:
    """(images, pixels) with the same pixels destroyed at every call."""
    generator = torch.Generator().manual_seed(SEED)
    return corrupt(torch.from_numpy(images), noise, level, generator).numpy()
