"""Measure a trained density model's test log-likelihood."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from dgmbench.data.load.points import load_images_or_points
from dgmbench.fast.products import float32_products
from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.run.progress import counting
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Evaluation, Job, Outcome
from dgmbench.tasks.density.building import fits_itself, load_model
from dgmbench.tasks.density.images import (
    copies_of_training_images,
    evaluation_images,
    kind_of_data,
    training_images,
)
from dgmbench.tasks.density.settings import COORDINATES, EXACT, PER_POINT, density_settings
from dgmbench.training.capacity import explain_lack_of_memory

log = logging.getLogger("dgmbench")

ROUNDING = 1e-2
"""Nats above 0 of a model that is sure of its images, by rounding and the noise of an estimate."""


def evaluate(job: Job, training: Mapping[str, Any]) -> Evaluation:
    """The mean test log-likelihood in nats, its standard error, and every image's value.

    Raises:
        UserError: the checkpoint holds another architecture, or memory ran out.
    """
    spec, settings = job.spec, density_settings(job.spec)
    torch.set_num_threads(job.threads)
    images = evaluation_images(spec)
    model: Any = load_model(spec, job.row, job.folder / "model.pt", images.shape[1]).to("cuda" if job.gpus else "cpu")
    # in float32 whatever the training used: a likelihood is compared with others
    advice = "an image takes at most 1000 samples at once, whatever k is: free some memory or use a smaller model"
    started = time.perf_counter()
    counted = counting("log-likelihood: image", len(images))
    with float32_products("32"), explain_lack_of_memory(spec.run_id, advice), counted as progress:
        if exact := fits_itself(model):
            values = model.log_prob(images).double().cpu().numpy()
        else:
            values = log_likelihood(model, images, settings.k, seed=spec.seed, progress=progress)
    seconds = round(time.perf_counter() - started, 3)
    finite = bool(np.isfinite(values).all())
    error = values.std(ddof=1) / math.sqrt(len(values)) if finite and len(values) > 1 else None
    k = EXACT if exact else settings.k
    mean, kind = float(values.mean()), kind_of_data(spec)
    log.info("%s: %.2f nats (k = %s, %d %s)", spec.run_id, mean, k, len(values), kind)
    if doubt := doubt_about(mean, spec):
        log.warning("%s: %s", spec.run_id, doubt)
    metrics = {
        "log_likelihood": mean if finite else None,
        "standard_error": None if error is None else float(error),
        "images": len(values),
        "k": k,
        "final_bound": training["final_bound"],
    }
    if kind == "points":
        metrics |= {"examples": kind, "log_likelihood_unit": PER_POINT}
        if not exact and hasattr(model, "log_prob"):
            metrics["exact_log_likelihood"] = float(model.log_prob(images).mean())
    data = load_images_or_points(spec.dataset)
    normalised = any(getattr(module, "running_var", None) is not None for module in model.modules())
    drawn = f"stochastic, {'once for training' if exact else 'new each epoch'}; test once, fixed seed"
    unchanged = COORDINATES if kind == "points" else "binary data"
    protocol = {
        "binarisation": unchanged if training_images(spec)[1] else drawn,
        "batch_norm": "statistics of one pass over the training set" if normalised else "none",
        "split": settings.split,
    }
    details: dict[str, Any] = {"protocol": protocol, "copies_of_training_images": copies_of_training_images(spec)[0]}
    if doubt:
        details["doubts"] = [doubt]
    if data.origin:
        details["parts"] = data.origin
    status: Outcome | None = None if finite else "diverged"
    return Evaluation(metrics, seconds, {"log_likelihood": values}, status, details)


def doubt_about(mean: float, spec: RunSpec) -> str:
    """Why a mean log-likelihood in nats cannot be right, in a line; empty where it can.

    Points have densities, which may be above 1.
    """
    if not ROUNDING < mean < math.inf or kind_of_data(spec) == "points":
        return ""
    return (
        f"a mean log-likelihood of {mean:.2f} nats for binary images is above 0: the probability of an image is at "
        "most 1; give the logarithm of a probability of the pixels, not of a density"
    )
