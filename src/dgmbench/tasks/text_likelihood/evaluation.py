"""Measure held-out documents under what a model exported."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from dgmbench.metrics.documents import complete, log_marginal
from dgmbench.metrics.halves import per_token
from dgmbench.run.task import Evaluation, Job, Outcome
from dgmbench.tasks.text_likelihood.documents import SPLIT_SEED, listed, part, prepared_documents
from dgmbench.tasks.text_likelihood.exported import is_finite, read_model
from dgmbench.tasks.text_likelihood.settings import text_settings

log = logging.getLogger("dgmbench")


def evaluate(job: Job, training: Mapping[str, Any]) -> Evaluation:
    """Log-likelihood per token by completion and from left to right, in nats, and perplexity; by document.

    Values by document are linearised, see `dgmbench.metrics.halves.per_token`.

    Raises:
        UserError: what the training left is missing or broken.
    """
    spec, settings = job.spec, text_settings(job.spec)
    model, test = read_model(job.folder / "model.npz"), prepared_documents(spec).test
    started = time.perf_counter()
    tokens = listed(test)
    sample = listed(part(test, settings.left_to_right_documents))
    beginnings = [words[: settings.left_to_right_tokens] for words in sample]
    arrays: dict[str, np.ndarray] = {}
    if is_finite(model):
        completion = complete(model, tokens, SPLIT_SEED, threads=job.threads)
        in_order = log_marginal(model, beginnings, settings.left_to_right_particles, SPLIT_SEED)
        found = {
            "log_likelihood": per_token(completion.log_likelihood, completion.tokens),
            "left_to_right": per_token(in_order, np.array([len(words) for words in beginnings])),
        }
        arrays = {name: values for name, values in found.items() if np.isfinite(values).all()}
    status: Outcome | None = None if len(arrays) == 2 else "diverged"
    means = {name: float(values.mean()) for name, values in arrays.items()}
    value = means.get("log_likelihood")
    metrics = {
        "log_likelihood": value,
        "perplexity": None if value is None else math.exp(min(-value, 700.0)),
        "left_to_right": means.get("left_to_right"),
        "fit_cpu_seconds": training["fit_cpu_seconds"],
        "tokens_per_second": training["tokens_per_second"],
        "scored_tokens": sum(len(words) - len(words) // 2 for words in tokens),
        "left_to_right_documents": len(beginnings),
        **training["model"],
    }
    log.info("%s: %s nats per token", spec.run_id, "no finite" if value is None else f"{value:.4f}")
    return Evaluation(
        metrics,
        round(time.perf_counter() - started, 3),
        arrays,
        status,
        {"corpus": training["corpus"], "protocol": {"split": settings.split}},
    )
