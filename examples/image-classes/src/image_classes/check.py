"""Does a user-defined classifier fit the task? It is tried on images whose class is easy to see."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from image_classes.images import evaluation_images, training_images
from image_classes.training import build_classifier


def findings(spec: RunSpec, row: Row) -> Iterator[str]:
    """What keeps a classifier from being benchmarked.

    Raises:
        UserError: the class cannot be imported, refuses its options, or lacks a method; or the dataset has no labels.
    """
    training_images(spec)
    evaluation_images(spec)
    classifier = build_classifier(spec, row)
    labels = np.arange(100) % 2
    images = np.random.default_rng(0).random((100, 64), dtype=np.float32) / 2
    images[labels == 1, :32] += 0.5  # the left half of the second class is bright
    try:
        classifier.fit(images[:80], labels[:80])
        predicted = np.asarray(classifier.predict(images[80:]))
    except Exception as error:  # whatever the class's own code raises is the finding
        yield f"fit and predict raised {type(error).__name__}: {error}"
        return
    if predicted.shape != (20,):
        yield f"predict gave an array of shape {predicted.shape} for 20 images, not (20,)"
    elif not np.isin(predicted, labels).all():
        yield "predict gave a class that no training image has"
