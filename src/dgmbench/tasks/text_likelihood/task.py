"""Text likelihood: how probable held-out documents are under each model, per token, and what its fit costs."""

from __future__ import annotations

from dgmbench.data.catalogue import require_dataset
from dgmbench.data.sizes import data_mb, size_of
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Places, Row, Task
from dgmbench.tasks.text_likelihood.rows import ROWS, VECTORS
from dgmbench.tasks.text_likelihood.settings import TextLikelihoodSettings, text_settings

_HERE = "dgmbench.tasks.text_likelihood"
PASSES = {"ctm": 200, "dynamic-topics": 600, "lftm": 50, "gaussian-lda": 30}
"""Sweeps of the models where no option says how many; an estimate of time imports no model."""


def _cost(spec: RunSpec) -> float:
    """Documents times sweeps, up to a factor that depends on the model."""
    documents = size_of(spec.dataset, "train", text_settings(spec).train_limit)
    return documents * float(spec.options.get("n_sweeps", PASSES.get(spec.model, 1)))


def _rule(spec: RunSpec, row: Row, places: Places) -> None:
    embeddings = text_settings(spec).embeddings
    if embeddings:
        require_dataset(embeddings, "embeddings", places.of("embeddings"))
    elif row.needs == VECTORS:
        place = places.of("embeddings")
        raise UserError(f"{place}: {spec.model} takes word vectors; name them, for example glove-100d")


def _evaluation_cost(spec: RunSpec) -> float:
    """Documents that are measured."""
    return float(size_of(spec.dataset, "test", text_settings(spec).test_limit))


TEXT_LIKELIHOOD = Task(
    name="text-likelihood",
    title="Likelihood of documents",
    about="log-likelihood per token of held-out documents, perplexity, and processor seconds of the fit",
    package=_HERE,
    kind="corpus",
    settings=TextLikelihoodSettings,
    rows=ROWS,
    train=f"{_HERE}.training:train",
    evaluate=f"{_HERE}.evaluation:evaluate",
    check=f"{_HERE}.check:findings",
    trial=f"{_HERE}.check:trial",
    table=f"{_HERE}.table:TABLE",
    dataset_word="corpus",
    datasets_word="corpora",
    cost=_cost,
    evaluation_cost=_evaluation_cost,
    examples="documents",
    # the embeddings decide the vocabulary of every row
    reads=lambda spec: tuple(name for name in (spec.dataset, text_settings(spec).embeddings) if name),
    rule=_rule,
    offers=("checkpoint", "device", "embeddings", "seed", "threads"),
    devices=lambda spec: text_settings(spec).devices,
    libraries=("numpy", "scipy", "numba", "torch", "gensim", "scikit-learn", "tomotopy"),
    numbers={
        "fit_cpu_seconds": "processor seconds of the fit",
        "tokens_per_second": "training tokens times passes over seconds of the fit",
        "passes": "visits to every training token",
        "components": "topics, clusters or classes",
        "scored_tokens": "tokens of the scored halves",
        "seconds": "seconds of the fit up to a pass, without measuring",
        "cpu_seconds": "processor seconds, likewise",
        "bound_nats_per_token": "what a fit maximises, after each step",
    },
    memory_mb=3000,
    data_mb=lambda spec: data_mb(spec.dataset, text_settings(spec).train_limit),
)
