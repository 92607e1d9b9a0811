"""The trained density models of a plan, and the held-out images that they are shown."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from dgmbench.data.load.images import load_images
from dgmbench.data.load.points import load_images_or_points
from dgmbench.run.plan import Plan
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.run.trainings import finished_trainings
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.building import load_model
from dgmbench.tasks.density.images import evaluation_images, kind_of_data
from dgmbench.tasks.density.settings import density_settings


@dataclass(frozen=True)
class Trained:
    """A trained model, in evaluation mode.

    Attributes:
        status: how its training ended, ``ok`` or ``diverged``.
    """

    spec: RunSpec
    row: Row
    model: nn.Module
    status: str

    @property
    def columns(self) -> dict[str, Any]:
        """What names it in a table."""
        return {"dataset": self.spec.dataset, "model": self.spec.model, "seed": self.spec.seed}

    @property
    def of_points(self) -> bool:
        """Whether it models points with real coordinates, not images."""
        return kind_of_data(self.spec) == "points"

    @property
    def is_autoencoder(self) -> bool:
        """Whether it has, besides log-weights, ``encode(x)`` → mean and log-variance, ``decode(z)`` → logits."""
        model: Any = self.model
        parameter = next(model.parameters(), None)
        n_pixels = load_images_or_points(self.spec.dataset).train.shape[1]
        try:
            x = torch.zeros(2, n_pixels, device=None if parameter is None else parameter.device)
            with torch.no_grad():
                mean, log_variance = model.encode(x)
                return bool(mean.ndim == 2 and mean.shape == log_variance.shape and model.decode(mean).shape == x.shape)
        except (AttributeError, TypeError, ValueError, RuntimeError):  # user-defined methods may mean anything
            return False


def trained_models(plan: Plan, workspace: Workspace, device: str) -> list[Trained]:
    """Every trained model of the plan's density runs, once; the others are named in the log.

    Raises:
        UserError: a trained model that is damaged, does not fit its run or was trained on other data.
    """
    found = []
    for spec, training in finished_trainings(plan, "density", workspace):
        n_pixels, path = load_images_or_points(spec.dataset).train.shape[1], workspace.trained(spec) / "model.pt"
        model = load_model(spec, plan.row_of(spec), path, n_pixels)
        found.append(Trained(spec, plan.row_of(spec), model.to(device), training["status"]))
    return found


def first_of_each(models: list[Trained]) -> list[Trained]:
    """One model of each name, of the first seed that was trained."""
    return list({each.spec.model: each for each in reversed(models)}.values())[::-1]


def grey_images(spec: RunSpec) -> tuple[np.ndarray, np.ndarray | None]:
    """(images, pixels) float32 from 0 to 1, not binarised, and their labels, None where the dataset has none.

    They are the part that the run is evaluated on.
    """
    data = load_images(spec.dataset)
    test = density_settings(spec).split == "test"
    images, labels = (data.test, data.test_labels) if test else (data.valid, data.valid_labels)
    return images.astype(np.float32) / data.white, labels


def binary_images(spec: RunSpec) -> np.ndarray:
    """(images, pixels) float32 of 0 and 1, or points: as the evaluation sees them, all of them."""
    everything = density_settings(spec).model_copy(update={"test_limit": 0})
    return evaluation_images(dataclasses.replace(spec, settings=everything))


def evenly(total: int, n: int) -> np.ndarray:
    """n places spread over ``total``, all of them for n = 0 or more than there are."""
    return np.arange(total) if n == 0 or n >= total else np.arange(n) * total // n


def examples(labels: np.ndarray, n: int = 10) -> np.ndarray:
    """The place of the first image of each of the first n classes."""
    return np.unique(labels, return_index=True)[1][:n]


def shown_images(images: np.ndarray, labels: np.ndarray | None, n: int = 10) -> np.ndarray:
    """The places of the images that figures show: see `examples`; without labels they are spread over all."""
    return evenly(len(images), n) if labels is None else examples(labels, n)


def standard_error(values: np.ndarray) -> float | None:
    """Of the mean; None for a single value."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
