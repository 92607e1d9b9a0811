"""Representation: what learned features of images are worth to a linear classifier, and what a decoder restores."""

from __future__ import annotations

from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Analysis, Task
from dgmbench.tasks.representation.rows import ROWS
from dgmbench.tasks.representation.settings import (
    RepresentationAnalysisSettings,
    RepresentationSettings,
    representation_settings,
)

_HERE = "dgmbench.tasks.representation"


def _cost(spec: RunSpec) -> float:
    """Samples times epochs times images: what a training of one network costs, up to a factor."""
    settings = representation_settings(spec)
    return float(settings.importance_samples * settings.epochs * (settings.train_limit or 50_000))


REPRESENTATION = Task(
    name="representation",
    title="Representation",
    about="test error of a linear classifier on learned features of images, and reconstruction errors",
    package=_HERE,
    kind="images",
    settings=RepresentationSettings,
    rows=ROWS,
    train=f"{_HERE}.training:train",
    evaluate=f"{_HERE}.evaluation:evaluate",
    check=f"{_HERE}.check:findings",
    table=f"{_HERE}.table:TABLE",
    analysis=Analysis(
        "restoring destroyed pixels, and the filters of the first layer",
        RepresentationAnalysisSettings,
        f"{_HERE}.analysis.analyse:analyse",
        runs=lambda table, settings: {"training": table},
        gpus=1,
    ),
    devices=lambda spec: representation_settings(spec).devices,
    cost=_cost,
    libraries=("numpy", "torch", "lightning", "scikit-learn"),
    offers=("n_pixels", "importance_samples", "estimator", "local_error"),
)
