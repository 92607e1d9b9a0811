"""Does a user-defined density model fit the benchmark? Each finding says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from dgmbench.errors import UserError, raised
from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.density.building import build_model, fits_itself
from dgmbench.tasks.density.evaluation import doubt_about
from dgmbench.tasks.density.images import evaluation_images, kind_of_data, training_images
from dgmbench.tasks.density.settings import density_settings
from dgmbench.tasks.density.task import DENSITY
from dgmbench.training.losses import is_scalar

_EXAMPLES = 100
"""What a model that fits itself is tried on, unless it needs more."""


def findings(spec: RunSpec, row: Row) -> Iterator[str]:
    """Show the model random binary images, or points, of the dataset's size.

    Raises:
        UserError: the class cannot be imported, or refuses its options; or the dataset has too few images for the run.
    """
    n_pixels = training_images(spec)[0].shape[1]
    evaluation_images(spec)
    model: Any = build_model(spec, row, n_pixels)
    random = torch.Generator().manual_seed(0)
    if fits_itself(model):
        yield from _fit_findings(spec, model, _examples(spec, _few(model), n_pixels, random))
        return
    x = _examples(spec, 6, n_pixels, random)
    try:
        log_w = model.log_weights(x, 4)
    except Exception as error:  # whatever the model's own code raises is the finding
        yield f"log_weights(x, 4) for x {tuple(x.shape)} raised {raised(error)}"
        return
    if not isinstance(log_w, torch.Tensor) or log_w.shape != (4, 6):
        shape = tuple(log_w.shape) if isinstance(log_w, torch.Tensor) else type(log_w).__name__
        yield f"log_weights(x, 4) for 6 images gave {shape}, not (4, 6): samples first, one value an image"
        return
    if not torch.isfinite(log_w).all():
        yield "log_weights gave NaN or infinity for an untrained model"
    if torch.equal(log_w, log_w[:1].expand_as(log_w)):
        yield "the 4 log-weights of an image are all the same: is z sampled anew for each?"
    yield from _loss_findings(model, x, log_w)
    one, many = (log_likelihood(model, x, k).mean() for k in (1, 200))
    if not many >= one:
        yield f"the bound falls from {one:.2f} to {many:.2f} nats with k from 1 to 200: is log q(z | x) subtracted?"
    if doubt := doubt_about(float(many), spec):
        yield f"log_weights gave {doubt}"
    again: Any = build_model(spec, row, n_pixels)
    again.load_state_dict(model.state_dict())
    if not np.array_equal(log_likelihood(again, x, 5), log_likelihood(model, x, 5)):
        yield "a copy with the same state_dict gives another likelihood: something learned is not in the state_dict"


def trial(spec: RunSpec) -> RunSpec:
    """One epoch of two whole batches and the last one of the real training, and a few test images with the run's k.

    Of a model that fits itself: the whole fit, to a few examples.
    """
    settings, examples = density_settings(spec), training_images(spec)[0]
    model = build_model(spec, find_row(DENSITY, spec.model, spec.factory), examples.shape[1])
    size = min(settings.batch_size, len(examples))
    few = _few(model) if fits_itself(model) else 2 * size + len(examples) % size
    limit = min(len(examples), few)
    changed = {"epochs": 1, "devices": 1, "train_limit": limit, "test_limit": min(settings.test_limit or 4, 4)}
    return replace(spec, settings=settings.model_copy(update=changed))


def _few(model: Any) -> int:
    """Examples that a model that fits itself is tried on."""
    return max(_EXAMPLES, getattr(model, "at_least", 0))


def _examples(spec: RunSpec, n: int, width: int, random: torch.Generator) -> torch.Tensor:
    if kind_of_data(spec) == "points":
        return torch.randn(n, width, generator=random)
    return (torch.rand(n, width, generator=random) < 0.3).float()


def _fit_findings(spec: RunSpec, model: Any, x: torch.Tensor) -> Iterator[str]:
    """What is wrong with a model that fits itself and says what log p(x) is."""
    try:
        fitted = model.fit(x, x[:50], seed=0, state=None, fingerprint="")
        bounds, values = list(fitted.bounds), model.log_prob(x)
    except UserError:
        raise
    except Exception as error:  # as above
        yield f"fit(x, held_out, seed=, state=, fingerprint=) and log_prob(x) raised {raised(error)}"
        return
    if not isinstance(values, torch.Tensor) or values.shape != (len(x),):
        shape = tuple(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
        yield f"log_prob(x) for {len(x)} examples gave {shape}, not ({len(x)},)"
    elif not torch.isfinite(values).all():
        yield "log_prob gave NaN or infinity for what the model was fitted to"
    elif doubt := doubt_about(float(values.mean()), spec):
        yield f"log_prob gave {doubt}"
    if any(later < earlier - 1e-9 * abs(earlier) for earlier, later in pairwise(bounds)):
        yield "the bound falls during the fit"


def _loss_findings(model: Any, x: torch.Tensor, log_w: torch.Tensor) -> Iterator[str]:
    """What is wrong with what is minimised: the model's ``loss``, or the bound of its log-weights."""
    loss, name = -log_w.mean(), "log_weights"
    if getattr(model, "backward_samples", 0):
        model.backward_samples = 0  # else biases that batch norm cancels have no gradient, where theirs is 0 with all
    if hasattr(model, "loss"):
        name = "loss(x)"
        try:
            values = model.loss(x)
        except Exception as error:  # as above
            yield f"loss(x) for x {tuple(x.shape)} raised {raised(error)}"
            return
        if not isinstance(values, dict) or "loss" not in values:
            yield f"loss(x) gave {type(values).__name__} without 'loss': return a dictionary of scalars with that key"
            return
        loss = values["loss"]
        if wrong := [key for key, value in values.items() if not is_scalar(value)]:
            yield f"loss(x) gave no scalar for {', '.join(map(str, wrong))}"
            return
        if not isinstance(loss, torch.Tensor):
            yield f"loss(x) gave no tensor for loss but {type(loss).__name__}"
            return
    if not loss.requires_grad:
        yield f"{name} carries no gradient: use rsample, and no torch.no_grad"
        return
    loss.backward()
    unreached = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    if unreached:
        yield f"no gradient reaches {', '.join(unreached)}"
