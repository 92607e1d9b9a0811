"""The bound against the number of importance samples, beside a model whose log-likelihood is known."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import torch

from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.models.images.linear_gaussian import LinearGaussian
from dgmbench.run.progress import each_of
from dgmbench.tasks.density.analysis.trained import Trained, binary_images, evenly, standard_error
from dgmbench.tasks.density.building import fits_itself
from dgmbench.tasks.density.settings import PER_IMAGE, PER_POINT, DensityAnalysisSettings

log = logging.getLogger("dgmbench")

KS = (1, 5, 50, 500, 5000)
SEED = 0


def bound_table(models: list[Trained], settings: DensityAnalysisSettings) -> pd.DataFrame:
    """The bound against k of each model and of the oracle, with the exact value where it is known, in ``unit``.

    ``gain`` is the paired mean difference to the k before, with its standard error.
    """
    ks = sorted({k for k in KS if k < settings.bound_k} | {settings.bound_k})
    oracle, truth = linear_gaussian()
    rows = _bound_rows(
        {"dataset": "oracle", "model": "linear-gaussian", "seed": SEED},
        {k: log_likelihood(oracle, truth, k, seed=SEED) for k in ks},
        exact=float(oracle.exact_log_likelihood(truth).mean()),
    )
    for each in each_of("bound against k: model", models):
        if fits_itself(each.model):
            log.info("%s on %s is exact: no bound against k", each.spec.model, each.spec.dataset)
            continue
        images = binary_images(each.spec)
        images = images[evenly(len(images), settings.bound_images)]
        model: Any = each.model
        values = {k: log_likelihood(model, images, k, seed=each.spec.seed) for k in each_of("bound: k", ks)}
        unit = PER_POINT if each.of_points else PER_IMAGE
        rows += _bound_rows(each.columns, values, _exact(each, images), each.status, unit)
        log.info("%s on %s, seed %d: bound up to k = %d", each.spec.model, each.spec.dataset, each.spec.seed, ks[-1])
    return pd.DataFrame(rows)


def _exact(each: Trained, examples: np.ndarray) -> float | None:
    """The mean log p(x) of a model of points that knows it."""
    model: Any = each.model
    return float(model.log_prob(examples).mean()) if each.of_points and hasattr(model, "log_prob") else None


def _bound_rows(
    columns: dict[str, Any],
    values: dict[int, np.ndarray],
    exact: float | None = None,
    status: str = "ok",
    unit: str = PER_IMAGE,
) -> list[dict[str, Any]]:
    rows = []
    before: np.ndarray | None = None
    for k, bounds in values.items():
        gains, before = bounds - before if before is not None else None, bounds
        rows.append(
            {
                **columns,
                "k": k,
                "images": len(bounds),
                "bound": bounds.mean(),
                "standard_error": standard_error(bounds),
                "gain": gains.mean() if gains is not None else None,
                "gain_error": standard_error(gains) if gains is not None else None,
                "exact": exact,
                "status": status,
                "unit": unit,
            }
        )
    return rows


def linear_gaussian(images: int = 100, pixels: int = 64, latent: int = 10) -> tuple[LinearGaussian, torch.Tensor]:
    """A linear-Gaussian model, its proposal too wide, and (images, pixels) drawn from it: its log p(x) is known."""
    generator = torch.Generator().manual_seed(SEED)
    model = LinearGaussian(torch.randn(pixels, latent, generator=generator), noise=0.5, shift=0.02, spread=2.0)
    z = torch.randn(images, latent, generator=generator)
    noise = torch.randn(images, pixels, generator=generator)
    model.requires_grad_(False)
    return model, z @ model.weight.T + model.noise * noise
