"""Fit a classifier on the training images and keep it."""

from __future__ import annotations

import pickle
from typing import Any

from dgmbench.errors import UserError
from dgmbench.files import atomic_write
from dgmbench.names import check_options, load_object
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Job, Row, Training
from image_classes.images import training_images


def train(job: Job) -> Training:
    """Fit the row's classifier and write ``classifier.pickle``."""
    images, labels = training_images(job.spec)
    classifier = build_classifier(job.spec, job.row)
    classifier.fit(images, labels)
    with atomic_write(job.folder / "classifier.pickle", "wb") as file:
        pickle.dump(classifier, file)
    return Training({"train_images": len(images)})


def build_classifier(spec: RunSpec, row: Row) -> Any:
    """The classifier of a row, not fitted yet.

    Raises:
        UserError: the class refuses its options or lacks ``fit`` or ``predict``.
    """
    factory = load_object(row.factory)
    check_options(factory, spec.options, spec.model)
    try:
        classifier = factory(**spec.options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{spec.model}: {row.factory} refuses its options: {error}") from error
    for needed in ("fit", "predict"):
        if not callable(getattr(classifier, needed, None)):
            raise UserError(f"{spec.model}: {row.factory} has no method {needed}")
    return classifier
