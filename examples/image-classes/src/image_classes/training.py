"""Fit a classifier on the training images, and let it classify the test images."""

from __future__ import annotations

import time
from typing import Any

from dgmbench.run.records import write_arrays
from dgmbench.run.rows import build
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Job, Row, Training
from image_classes.images import evaluation_images, training_images


def train(job: Job) -> Training:
    """Write ``predictions.npz``: the class given to each test image, and its own."""
    images, labels = training_images(job.spec)
    test_images, test_labels = evaluation_images(job.spec)
    classifier = build_classifier(job.spec, job.row)
    start = time.perf_counter()
    classifier.fit(images, labels)
    predicted = classifier.predict(test_images)
    write_arrays(job.folder / "predictions.npz", predicted=predicted, labels=test_labels)
    return Training({"train_images": len(images), "fit_seconds": time.perf_counter() - start})


def build_classifier(spec: RunSpec, row: Row) -> Any:
    """The classifier of a row, not fitted yet.

    Raises:
        UserError: the class refuses its options or lacks ``fit`` or ``predict``.
    """
    return build(spec, row, {"seed": spec.seed}, {"fit": "(images, labels)", "predict": "(images)"})
