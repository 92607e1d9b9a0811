"""What a fitted model hands over to be measured, and the file of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.errors import UserError
from dgmbench.metrics.documents import Admixture, DocumentModel, LogisticNormal, Mixture
from dgmbench.run.records import read_arrays, write_arrays

_NEAR = 1e-3  # to 1, of sums of probabilities: also of float32


def exported(model: Any, n_words: int, name: str) -> DocumentModel:
    """The distributions of a fitted model: ``topics_`` (K, vocabulary), and ``weights_``, ``alpha_`` or ``mean_`` (K,).

    ``weights_`` are the probabilities of the components that whole documents are of, ``alpha_`` the Dirichlet
    parameters of the proportions of a document's topics, ``mean_`` with ``covariance_`` (K, K) the Gaussian whose
    softmax these are.

    Raises:
        UserError: one is missing, has another shape, or does not say probabilities.
    """
    topics = np.asarray(getattr(model, "topics_", np.empty(0)), np.float64)
    if topics.ndim != 2 or topics.shape[1] != n_words:
        raise UserError(f"{name}: topics_ has the shape {topics.shape}; a fitted model has (topics, {n_words})")
    kind, prior = next(
        ((kind, getattr(model, kind)) for kind in ("weights_", "alpha_", "mean_") if hasattr(model, kind)),
        ("", np.empty(0)),
    )
    values = np.asarray(prior, np.float64)
    if not kind:
        raise UserError(
            f"{name} has neither weights_, of components, nor alpha_, Dirichlet parameters, nor mean_, of a logistic "
            "normal distribution: give one"
        )
    if values.shape != topics.shape[:1]:
        raise UserError(f"{name}: {kind} has the shape {values.shape}; it must be ({len(topics)},), one for each topic")
    if (topics < 0).any() or (kind != "mean_" and (values < 0).any()):
        raise UserError(f"{name}: topics_ or {kind} has a negative number")
    sums = topics.sum(axis=1)
    off = sums[np.abs(sums - 1) > _NEAR]  # of what is no number there is nothing to say: the run has diverged
    if len(off):
        raise UserError(f"{name}: a row of topics_ sums to {off[0]:.4g}; each must sum to 1")
    if kind == "weights_" and abs(values.sum() - 1) > _NEAR:
        raise UserError(f"{name}: weights_ sum to {values.sum():.4g}; they must sum to 1")
    if kind == "alpha_" and (values == 0).any():
        raise UserError(f"{name}: alpha_ has a zero; give numbers above 0")
    if kind == "mean_":
        return LogisticNormal(topics, values, _covariance(model, len(topics), name))
    return Mixture(topics, values) if kind == "weights_" else Admixture(topics, values)


def _covariance(model: Any, K: int, name: str) -> np.ndarray:
    covariance = np.asarray(getattr(model, "covariance_", np.empty(0)), np.float64)
    if covariance.shape != (K, K):
        raise UserError(f"{name}: covariance_ has the shape {covariance.shape}; beside mean_ it must be ({K}, {K})")
    if not np.allclose(covariance, covariance.T, equal_nan=True):
        raise UserError(f"{name}: covariance_ is not symmetric")
    if np.isfinite(covariance).all() and not (np.linalg.eigvalsh(covariance) > 0).all():
        raise UserError(f"{name}: covariance_ is not positive definite")
    return covariance


def is_finite(model: DocumentModel) -> bool:
    """Whether all that was exported are numbers."""
    return all(np.isfinite(values).all() for values in vars(model).values())


def write_model(path: Path, model: DocumentModel) -> None:
    """As .npz: the arrays by their names."""
    write_arrays(path, **vars(model))


def read_model(path: Path) -> DocumentModel:
    """What `write_model` wrote.

    Raises:
        UserError: the file is missing or broken.
    """
    arrays = read_arrays(path)
    for kind in (Mixture, Admixture, LogisticNormal):
        if arrays.keys() == kind.__annotations__.keys():
            return kind(**arrays)
    raise UserError(f"{path} is broken (it holds {', '.join(arrays)}); remove its folder and run again")
