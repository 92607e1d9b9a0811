"""Classify the test images and count the errors."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from typing import Any

from dgmbench.names import load_object
from dgmbench.run.task import Evaluation, Job
from image_classes.images import evaluation_images


def evaluate(job: Job, training: Mapping[str, Any]) -> Evaluation:
    """The error rate in percent, and the error of each test image: 0 or 100."""
    load_object(job.row.factory)  # a user-defined class may lie in the current folder
    with (job.folder / "classifier.pickle").open("rb") as file:
        classifier = pickle.load(file)
    images, labels = evaluation_images(job.spec)
    start = time.perf_counter()
    error = 100.0 * (classifier.predict(images) != labels)  # (images,) 0 or 100, whose mean is the error rate
    seconds = time.perf_counter() - start
    return Evaluation({"error_rate": error.mean()}, seconds, per_example={"error": error})
