"""Missing pixels: how well each model completes test images, and how that looks."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from dgmbench.data.load.images import load_images
from dgmbench.metrics.differences import mean_difference
from dgmbench.metrics.imputation import impute, left_mask, random_mask, square_mask, square_side
from dgmbench.report.image_strips import Strips
from dgmbench.run.progress import each_of
from dgmbench.tasks.density.analysis.trained import Trained, evenly, grey_images, shown_images, standard_error
from dgmbench.tasks.density.settings import DensityAnalysisSettings

log = logging.getLogger("dgmbench")

RANDOM_RATE = 0.6
# The same masks and noise for every model.
SEED = 0


def imputation_masks(shape: tuple[int, int], images: int) -> dict[str, np.ndarray]:
    """The three masks of the protocol by name; without those that images so narrow have no room for."""
    side = square_side(shape)
    found = {"square": square_mask(shape, side)} if side else {}
    found["random"] = random_mask(images, shape[0] * shape[1], RANDOM_RATE, SEED)
    return found | ({"left half": left_mask(shape)} if shape[1] > 1 else {})


def imputation_tables(models: list[Trained], settings: DensityAnalysisSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Errors of the missing pixels: after the last pass, with each variant beside its base; and after each pass.

    The base (column ``twin``) is the model that the row is a variant of, with the same seed; the difference is paired
    by image, with a 95 % interval.
    """
    errors, rows = [], list[dict[str, Any]]()
    by_image: dict[tuple[Any, ...], np.ndarray] = {}
    for each in each_of("imputation: model", models):
        if not each.is_autoencoder:
            log.info("%s has no encode and decode: no imputation, no samples", each.spec.model)
            continue
        grey, _ = grey_images(each.spec)
        images = grey[evenly(len(grey), settings.imputation_images)]
        for name, missing in imputation_masks(load_images(each.spec.dataset).shape, len(images)).items():
            done = impute(each.model, images, missing, settings.imputation_passes, seed=SEED)  # type: ignore[arg-type]
            where = {**each.columns, "mask": name}
            by_image[tuple(where.values())] = done.image_errors
            errors.append(pd.DataFrame({**where, "pass": range(len(done.errors)), "error": done.errors}))
            row = {"missing": missing.mean(), "images": len(images), "passes": settings.imputation_passes}
            row |= {"error_first": done.errors[1], "error": done.errors[-1]}
            row |= {"standard_error": standard_error(done.image_errors), "batch_norm": "stored"}
            row |= {"twin": each.row.variant_of, "difference": None, "low": None, "high": None}
            rows.append({**where, **row, "status": each.status})
        log.info("%s on %s, seed %d: imputed", each.spec.model, each.spec.dataset, each.spec.seed)
    for row in rows:
        ours, theirs = (
            by_image.get((row["dataset"], model, row["seed"], row["mask"])) for model in (row["model"], row["twin"])
        )
        if ours is not None and theirs is not None:
            row["difference"], row["low"], row["high"] = mean_difference(ours, theirs)
        else:
            row["twin"] = None
    columns = ["dataset", "model", "seed", "mask", "pass", "error"]
    return pd.DataFrame(rows), pd.concat(errors, ignore_index=True) if errors else pd.DataFrame(columns=columns)


def completed_blocks(models: list[Trained], settings: DensityAnalysisSettings) -> dict[str, Strips]:
    """For each mask: an image of each class, the same without what is missing, and what each model made of it."""
    spec = models[0].spec
    grey, labels = grey_images(spec)
    images = grey[shown_images(grey, labels)]
    blocks: dict[str, Strips] = {}
    for name, missing in imputation_masks(load_images(spec.dataset).shape, len(images)).items():
        blocks[name] = {"data": images, "corrupted": np.where(missing, np.nan, images)}
        for each in models:
            done = impute(each.model, images, missing, settings.imputation_passes, seed=SEED)  # type: ignore[arg-type]
            blocks[name][each.spec.model] = done.completed
    return blocks


def with_its_base(models: list[Trained]) -> list[Trained]:
    """The first model that is a variant of another of these, and that other; else the first two."""
    by_name = {each.spec.model: each for each in models}
    for each in models:
        if each.row.variant_of in by_name:
            return [by_name[each.row.variant_of], each]
    return models[:2]
