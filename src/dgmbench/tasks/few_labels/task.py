"""Few labels: test errors of classifiers that see the labels of few training images, and the other images without."""

from __future__ import annotations

from dgmbench.data.sizes import classes_of, lacks_validation_part, size_of, sizes
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Places, Task
from dgmbench.tasks.few_labels.rows import ROWS
from dgmbench.tasks.few_labels.settings import (
    HELD_OUT,
    FewLabelsSettings,
    few_labels_settings,
    too_few,
    too_many,
)
from dgmbench.training.rows import LearnerRow, optimiser_rule

_HERE = "dgmbench.tasks.few_labels"


def _rule(spec: RunSpec, row: LearnerRow, places: Places) -> None:
    """Every class has a label, and there are as many images; and what the row's optimisers ask for.

    Raises:
        UserError: names the setting, where it stands, and what to do.
    """
    settings = few_labels_settings(spec)
    images = _training_images(spec.dataset, settings.train_limit)
    for number in settings.labels:
        problem = too_few(number, classes_of(spec.dataset) or 0) or (too_many(number, images) if images else "")
        if problem:
            raise UserError(f"{places.of('labels')}: {spec.dataset}: {problem}")
    optimiser_rule(spec, row, places)


def _training_images(dataset: str, limit: int) -> int:
    """How many images are seen; 0 where that is known when they are read."""
    images = sizes().get(dataset, {}).get("train", 0)
    images -= images // HELD_OUT if lacks_validation_part(dataset) else 0
    return min(limit or images, images)


def _cost(spec: RunSpec) -> float:
    """Epochs times images times trainings, up to a factor; little of rows that take a trained model."""
    settings = few_labels_settings(spec)
    images = float(size_of(spec.dataset, "train", settings.train_limit) * len(settings.labels))
    return images if spec.source else settings.epochs * images


FEW_LABELS = Task(
    name="few-labels",
    title="Few labels",
    about="test error of classifiers that see the labels of few training images",
    package=_HERE,
    kind="images",
    settings=FewLabelsSettings,
    rows=ROWS,
    row_type=LearnerRow,
    rule=_rule,
    train=f"{_HERE}.training:train",
    evaluate=f"{_HERE}.evaluation:evaluate",
    check=f"{_HERE}.check:findings",
    trial=f"{_HERE}.check:trial",
    table=f"{_HERE}.table:TABLE",
    devices=lambda spec: few_labels_settings(spec).devices,
    cost=_cost,
    libraries=("numpy", "torch", "lightning", "scikit-learn"),
    offers=("n_pixels", "shape", "n_classes", "trained"),
    numbers={
        "unlabelled": "training images, with their labels or without",
        "cross_entropy": "of the labelled images, mean of an epoch, nats; its number of labels is at its end",
        "pseudo": "cross-entropy with the own most probable classes, mean of an epoch, nats, likewise",
        "mmd": "conditional MMD² per labelled image, mean of an epoch, likewise",
        "classifier": "cross-entropy of the labelled images beside a discriminator, mean of an epoch, nats, likewise",
        "discriminator": "its loss, mean of an epoch, nats, likewise",
        "generator": "half of −log of what the discriminator makes of its pairs, mean of an epoch, nats, likewise",
        "train_seconds": "seconds of all epochs, with all numbers of labels together",
    },
)
