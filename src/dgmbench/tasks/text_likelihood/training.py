"""Fit a model of documents, and measure held-out documents on the way."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from dgmbench.files import atomic_write
from dgmbench.metrics.documents import LogisticNormal, complete
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.progress import note
from dgmbench.run.task import Job, Training
from dgmbench.tasks.text_likelihood.building import build_model, of_time
from dgmbench.tasks.text_likelihood.correlations import correlated, write_correlations
from dgmbench.tasks.text_likelihood.documents import SPLIT_SEED, Documents, described, listed, part, prepared_documents
from dgmbench.tasks.text_likelihood.drift import write_drift
from dgmbench.tasks.text_likelihood.exported import exported, is_finite, write_model
from dgmbench.tasks.text_likelihood.settings import text_settings

log = logging.getLogger("dgmbench")

BETWEEN = math.sqrt(2)
"""The factor from one measured pass to the next."""


def train(job: Job) -> Training:
    """Fit the model, and leave ``model.npz``, what it exports, and ``curve.csv``, held-out likelihood against seconds.

    Of a logistic normal with correlations also ``correlations.csv``, see
    `dgmbench.tasks.text_likelihood.correlations`, and of topics that change with time ``drift.csv``, see
    `dgmbench.tasks.text_likelihood.drift`.

    An interrupted fit of a model without passes goes on where the model saved its state last, if it takes a checkpoint.

    Raises:
        UserError: the model does not fit the run, or exports no distributions.
    """
    spec = job.spec
    data = prepared_documents(spec)
    sample = listed(part(data.test, text_settings(spec).curve_documents))
    device = "cuda" if job.gpus and text_settings(spec).devices else "cpu"
    checkpoint = Checkpoint(job.state / "fit", f"{job.fingerprint}, {job.threads} threads")
    model = build_model(spec, job.row, job.threads, device, checkpoint)
    if hasattr(model, "warm_up"):
        model.warm_up(data.train)

    def measure() -> float:
        found = complete(exported(model, data.train.n_words, spec.model), sample, SPLIT_SEED, threads=job.threads)
        return float(found.log_likelihood.sum() / found.tokens.sum())

    curve = pd.DataFrame(fitted(model, spec.model, data, measure, checkpoint))
    found = exported(model, data.train.n_words, spec.model)
    write_model(job.folder / "model.npz", found)
    if isinstance(found, LogisticNormal) and is_finite(found) and correlated(found.covariance):
        write_correlations(job.folder, found, data.train.vocabulary)
    if data.slices is not None and hasattr(model, "topics_by_slice_") and is_finite(found):
        topics, shares = np.asarray(model.topics_by_slice_), np.asarray(getattr(model, "shares_", np.empty(0)))
        write_drift(job.folder, topics, shares, data.days, data.train.vocabulary, spec.model)
    with atomic_write(job.folder / "curve.csv") as file:
        curve.to_csv(file, index=False, na_rep="nan", lineterminator="\n")
    checkpoint.remove()
    last = curve.iloc[-1]
    passes = getattr(model, "passes_", None)
    log.info("%s: fitted in %.1f s", spec.training_id, last["seconds"])
    return Training(
        {
            "fit_seconds": float(last["seconds"]),
            "fit_cpu_seconds": float(last["cpu_seconds"]),
            "resumed_after_seconds": round(checkpoint.earlier_seconds, 3),
            "resumed_after_cpu_seconds": round(checkpoint.earlier_cpu_seconds, 3),
            "passes": passes,
            "device": None if not hasattr(model, "device") else str(model.device),
            "tokens_per_second": None if passes is None else passes * data.train.n_tokens / float(last["seconds"]),
            "model": {
                "components": len(found.topics),
                "state": type(found).__name__.lower(),
                "smoothing": getattr(model, "beta_", getattr(model, "beta", None)),
            },
            "corpus": described(data),
        },
        "ok" if is_finite(found) else "diverged",
    )


def fitted(
    model: Any, name: str, data: Documents, measure: Callable[[], float], checkpoint: Checkpoint = NOT_KEPT
) -> Iterator[dict[str, float]]:
    """Fit, and give a line of the curve for passes 1, 2, 3, 4, 6, ..., each by a factor of `BETWEEN`, and the last one.

    The seconds are those of the fit alone: while held-out documents are measured, its clocks stand still.
    """
    seconds = cpu_seconds = 0.0

    def line(done: int) -> dict[str, float]:
        value = measure()
        note(log_likelihood=value)
        times = {"seconds": seconds, "cpu_seconds": cpu_seconds}
        return {"epoch": done, **times, "log_likelihood": value}

    if not hasattr(model, "passes"):
        begun = time.perf_counter(), time.process_time()
        model.fit(data.train, data.train.labels, **of_time(model.fit, data.slices, name))
        seconds = checkpoint.earlier_seconds + time.perf_counter() - begun[0]
        cpu_seconds = checkpoint.earlier_cpu_seconds + time.process_time() - begun[1]
        yield line(1)
        return
    done, due, measured = 0, 1.0, 0
    begun = time.perf_counter(), time.process_time()
    for done in model.passes(data.train, data.train.labels, **of_time(model.passes, data.slices, name)):
        seconds, cpu_seconds = seconds + time.perf_counter() - begun[0], cpu_seconds + time.process_time() - begun[1]
        if done >= due:
            yield line(done)
            measured, due = done, max(done + 1, done * BETWEEN)
        begun = time.perf_counter(), time.process_time()
    seconds, cpu_seconds = seconds + time.perf_counter() - begun[0], cpu_seconds + time.process_time() - begun[1]
    if measured < done or not done:
        yield line(done)
