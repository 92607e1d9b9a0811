"""Classify the held-out documents by their features."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from dgmbench.metrics.classification import classify, score_decisions
from dgmbench.run.task import Evaluation, Job
from dgmbench.tasks.classification.features import read_features
from dgmbench.tasks.classification.settings import document_settings

log = logging.getLogger("dgmbench")


def evaluate(job: Job, training: Mapping[str, Any]) -> Evaluation:
    """Macro precision, recall and F1 in percent of a linear classifier, and its prediction for every document.

    A row that decides by itself is judged by the largest of its features, which are scores of the classes.

    Raises:
        UserError: the features are gone or damaged.
    """
    settings = document_settings(job.spec)
    train, test = (read_features(job.folder / "features.npz", part) for part in ("train", "test"))
    if getattr(job.row, "decides", False):
        assert isinstance(test.values, np.ndarray)
        result = score_decisions(test.labels, test.values)
    else:
        result = classify(
            train.values,
            train.labels,
            test.values,
            test.labels,
            seed=job.spec.seed,
            max_iterations=settings.svm_max_iterations,
            threads=job.threads,
        )
    log.info("%s: macro F1 %.2f (P %.2f, R %.2f)", job.spec.run_id, result.f1, result.precision, result.recall)
    return Evaluation(
        {
            "precision": result.precision,
            "recall": result.recall,
            "f1": result.f1,
            "accuracy": result.accuracy,
            "converged": result.converged,
            "solver": result.solver,
            **training["method"],
        },
        result.seconds,
        per_example={"predictions": result.predictions, "labels": test.labels},
        details={"corpus": training["corpus"], "protocol": {"split": settings.split}},
    )
