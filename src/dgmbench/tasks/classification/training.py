"""Fit a document method and keep the features that it gives to the documents."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from scipy import sparse

from dgmbench.data.catalogue import is_user_defined
from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.run.checkpoint import Checkpoint
from dgmbench.run.provenance import Stopwatch
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Job, Training
from dgmbench.tasks.classification.building import build_method, embeddings_used
from dgmbench.tasks.classification.documents import copies_of_training_documents, described, joined, prepared_corpus
from dgmbench.tasks.classification.features import Features, write_features
from dgmbench.tasks.classification.online import fit_by_minibatches
from dgmbench.tasks.classification.settings import document_settings

log = logging.getLogger("dgmbench")


def train(job: Job) -> Training:
    """Fit the method on the training documents and write ``features.npz``: the features of these and of the others.

    An interrupted fit goes on where its method saved its state last, if it was fitted with as many threads.

    With ``transductive`` it is fitted on the documents of both parts, without labels. A method that decides by itself
    and sees minibatches leaves ``curve.csv``, too, see `dgmbench.tasks.classification.online`.

    Raises:
        UserError: the method or the documents do not fit the run, or ``transform`` gives no (documents, features).
    """
    spec = job.spec
    data = prepared_corpus(spec)
    if is_user_defined(spec.dataset) and (copies := copies_of_training_documents(data)):
        split = document_settings(spec).split
        log.warning(
            "%s: %d of %d %s documents are training documents, too", spec.dataset, copies, len(data.test), split
        )
    # sums over threads are taken in another order with other threads: the numbers would be those of neither
    checkpoint = Checkpoint(job.state / "fit", f"{job.fingerprint}, {job.threads} threads")
    method = build_method(spec, job.row, job.threads, checkpoint)
    transductive = document_settings(spec).transductive
    if getattr(job.row, "decides", False) and hasattr(method, "minibatches"):
        seconds = fit_by_minibatches(method, data.train, data.test, job.folder)
    else:
        watch = Stopwatch()
        seen = (joined(data.train, data.test), None) if transductive else (data.train, data.train.labels)
        method.fit(*seen)
        seconds = watch.seconds
    earlier, watch = checkpoint.earlier_seconds, Stopwatch()
    fit_seconds = round(earlier + seconds, 3)
    parts = {"train": _features(method, data.train, spec), "test": _features(method, data.test, spec)}
    transform_seconds = watch.seconds
    write_features(job.folder / "features.npz", parts)
    checkpoint.remove()
    n_features = parts["train"].values.shape[1]
    log.info("%s: %d features, fitted in %.1f s", spec.training_id, n_features, fit_seconds)
    return Training(
        {
            "fit_seconds": fit_seconds,
            "resumed_after_seconds": round(earlier, 3),
            "resumed_after_cpu_seconds": round(checkpoint.earlier_cpu_seconds, 3),
            "transform_seconds": transform_seconds,
            "method": {
                "features": getattr(method, "feature_set", "default"),
                "n_features": n_features,
                "transductive": transductive,
                "embeddings": embeddings_used(spec, job.row),
            },
            "corpus": described(data),
        }
    )


def _features(method: Any, corpus: Corpus, spec: RunSpec) -> Features:
    assert corpus.labels is not None
    values = method.transform(corpus)
    shape = getattr(values, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != len(corpus):
        raise UserError(
            f"{spec.model}: transform gave {shape or 'no array'} for {len(corpus)} documents, not (documents, features)"
        )
    if sparse.issparse(values):
        return Features(sparse.csr_matrix(values), corpus.labels)
    return Features(np.asarray(values, np.float32 if values.dtype == np.float32 else np.float64), corpus.labels)
