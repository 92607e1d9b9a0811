"""Representation: what learned features of images are worth to a linear classifier, and what a decoder restores."""

from __future__ import annotations

from dgmbench.data.sizes import size_of
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Analysis, Places, Row, Task
from dgmbench.tasks.representation.rows import ROWS
from dgmbench.tasks.representation.settings import (
    RepresentationAnalysisSettings,
    RepresentationSettings,
    representation_settings,
)
from dgmbench.training.rows import require_gradients

_HERE = "dgmbench.tasks.representation"


def _cost(spec: RunSpec) -> float:
    """Samples times epochs times images, up to a factor: of a network; rows that no seed changes have no epochs."""
    settings = representation_settings(spec)
    images = size_of(spec.dataset, "train", settings.train_limit)
    if not spec.factory and spec.model in ROWS and ROWS[spec.model].deterministic:
        return float(images)
    return float(settings.importance_samples * settings.epochs * images)


def _rule(spec: RunSpec, row: Row, places: Places) -> None:
    """Settings of a gradient training that go together."""
    settings = representation_settings(spec)
    require_gradients(settings, settings.estimator, places)


def _evaluation_cost(spec: RunSpec) -> float:
    """Images that the classifier is fitted to, up to a factor: its fit takes most of the time."""
    return float(size_of(spec.dataset, "train", representation_settings(spec).train_limit))


REPRESENTATION = Task(
    name="representation",
    title="Representation",
    about="test error of a linear classifier on learned features of images, and reconstruction errors",
    package=_HERE,
    kind="images",
    settings=RepresentationSettings,
    rows=ROWS,
    rule=_rule,
    train=f"{_HERE}.training:train",
    evaluate=f"{_HERE}.evaluation:evaluate",
    check=f"{_HERE}.check:findings",
    trial=f"{_HERE}.check:trial",
    table=f"{_HERE}.table:TABLE",
    analysis=Analysis(
        "restoring destroyed pixels, and the filters of the first layer",
        RepresentationAnalysisSettings,
        f"{_HERE}.analysis.analyse:analyse",
        runs=lambda table, settings: {"training": table},
        gpus=1,
        shown=f"{_HERE}.analysis.shown:shown",
    ),
    devices=lambda spec: representation_settings(spec).devices,
    cost=_cost,
    evaluation_cost=_evaluation_cost,
    libraries=("numpy", "torch", "lightning", "scikit-learn"),
    offers=("n_pixels", "importance_samples", "estimator", "local_error"),
    numbers={
        "error_100": "test error of the code with 100 labels, mean over five drawings of them, %",
        "error_1000": "the same with 1,000 labels, %",
        "hidden_error_100": "test error of the encoder's second hidden layer with 100 labels, likewise, %",
        "hidden_error_1000": "the same with 1,000 labels, %",
        "loss": "what is minimised, of an epoch; nats per image, unless the model's own loss is something else",
        "bound": "training bound of an epoch, nats per image; bounds of different importance_samples are different "
        "quantities",
        "local_error": "local reconstruction error of a memory model, of an epoch, before its weight",
        "learning_rate": "of the last step of an epoch",
        "train_seconds": "seconds of all epochs",
    },
)
