"""Generation: how close the images that a model generates are to held-out ones."""

from __future__ import annotations

from dgmbench.data.sizes import size_of
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Analysis, Places, Task
from dgmbench.tasks.generation.rows import CLASSIFIER, ROWS
from dgmbench.tasks.generation.settings import (
    NEIGHBOURS,
    GenerationAnalysisSettings,
    GenerationSettings,
    generation_settings,
)
from dgmbench.training.rows import LearnerRow, optimiser_rule

_HERE = "dgmbench.tasks.generation"


def _judged_by(spec: RunSpec) -> tuple[RunSpec, ...]:
    """The classifier of the dataset, the same for every row and seed."""
    settings = generation_settings(spec)
    own = {"train_limit": settings.train_limit, "epochs": settings.classifier_epochs}
    fixed = {"schedule": "one-cycle", "learning_rate": 0.003}
    return (RunSpec("generation", spec.dataset, CLASSIFIER, GenerationSettings.model_validate(own | fixed)),)


def _rule(spec: RunSpec, row: LearnerRow, places: Places) -> None:
    """The metrics have test images enough; and what the row's optimisers ask for.

    Raises:
        UserError: names the setting, where it stands, and what to do.
    """
    limit = generation_settings(spec).test_limit
    if 0 < limit <= NEIGHBOURS:
        raise UserError(
            f"{places.of('test_limit')}: {limit} is too small: the metrics need {NEIGHBOURS + 1} test images"
        )
    optimiser_rule(spec, row, places)


_NOTHING_LEARNED = ("training-images", "noise")


def _cost(spec: RunSpec) -> float:
    """Epochs times images, up to a factor; nothing of rows that only generate."""
    settings = generation_settings(spec)
    nothing = spec.source or (spec.model in _NOTHING_LEARNED and not spec.factory)
    return 0.0 if nothing else float(settings.epochs * size_of(spec.dataset, "train", settings.train_limit))


def _evaluation_cost(spec: RunSpec) -> float:
    """Pairs of images, up to a factor."""
    settings = generation_settings(spec)
    return float(settings.samples + size_of(spec.dataset, "test", settings.test_limit)) ** 2


GENERATION = Task(
    name="generation",
    title="Generation",
    about="distances of a model's images to held-out ones, and what part of them it covers",
    package=_HERE,
    kind="images",
    settings=GenerationSettings,
    rows=ROWS,
    row_type=LearnerRow,
    rule=_rule,
    train=f"{_HERE}.training:train",
    evaluate=f"{_HERE}.evaluation:evaluate",
    check=f"{_HERE}.check:findings",
    trial=f"{_HERE}.check:trial",
    table=f"{_HERE}.table:TABLE",
    analysis=Analysis(
        "samples beside their nearest training images, images between samples, classes",
        GenerationAnalysisSettings,
        f"{_HERE}.analysis.analyse:analyse",
        runs=lambda table, settings: {"evaluation": table},
        shown=f"{_HERE}.analysis.shown:shown",
    ),
    judged_by=_judged_by,
    load=f"{_HERE}.building:load",
    devices=lambda spec: generation_settings(spec).devices,
    cost=_cost,
    evaluation_cost=_evaluation_cost,
    libraries=("numpy", "scipy", "torch", "lightning"),
    memory_mb=3500,
    offers=("n_pixels", "shape", "n_classes", "mean_image", "trained"),
    numbers={
        "parzen_width": "σ of the Parzen window, chosen on validation images, for pixels from 0 to 1",
        "entropy": "of the classifier's mean prediction on the samples, nats; log K of K classes at most",
        "samples": "images that were generated",
        "loss": "what is minimised, of an epoch",
        "error": "training error of the classifier, of an epoch, %",
        "test_error": "of the classifier in whose features images are compared, %",
        "learning_rate": "of the last step of an epoch",
        "train_seconds": "seconds of all epochs",
    },
)
