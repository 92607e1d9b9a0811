"""Document classification: macro precision, recall and F1 of a linear classifier on each method's features."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from dgmbench.data.catalogue import require_dataset
from dgmbench.data.sizes import data_mb, size_of
from dgmbench.errors import UserError
from dgmbench.run.rows import find_row
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Analysis, Places, Task
from dgmbench.tasks.classification.rows import ROWS, Method
from dgmbench.tasks.classification.settings import ClassificationSettings, TopicAnalysisSettings, document_settings

_HERE = "dgmbench.tasks.classification"
PASSES = {"lda": 200, "lftm": 50, "gaussian-lda": 30, "doc2vec": 20, "twe": 10}
"""Sweeps or epochs of the methods where no option says how many; an estimate of time imports no method."""


def topic_curve(table: Sequence[RunSpec], settings: TopicAnalysisSettings) -> Mapping[Stage, Sequence[RunSpec]]:
    """The runs whose F1 is drawn against the number of topics: those of the table, with each of the numbers.

    Raises:
        UserError: the settings name an unknown method.
    """
    planned, runs = {run.model for run in table}, []
    for name in (*settings.models, *settings.topics):
        if name not in planned:
            try:
                find_row(CLASSIFICATION, name)
            except UserError as error:
                raise UserError(f"config.classification.analysis: {error}") from None
    for run in table:
        row = find_row(CLASSIFICATION, run.model, run.factory)
        assert isinstance(row, Method)
        for number in settings.topics.get(run.model, ()):
            runs.append(dataclasses.replace(run, options={**run.options, row.topics_option: number}))
    return {"evaluation": runs}


def _rule(spec: RunSpec, row: Method, places: Places) -> None:
    settings = document_settings(spec)
    require_dataset(settings.embeddings, "embeddings", places.of("embeddings"))
    if settings.transductive and not row.transductive:
        able = ", ".join(name for name, found in ROWS.items() if found.transductive)
        raise UserError(
            f"{places.of('transductive')}: only {able} can be fitted on the classified documents, not {spec.model}"
        )


def _cost(spec: RunSpec) -> float:
    """Documents times passes, up to a factor that depends on the method."""
    passes = spec.options.get("n_sweeps", spec.options.get("epochs", PASSES.get(spec.model, 1)))
    return size_of(spec.dataset, "train", document_settings(spec).train_limit) * float(passes)


def _evaluation_cost(spec: RunSpec) -> float:
    """Documents that the classifier is fitted to: its fit takes most of the time."""
    return float(size_of(spec.dataset, "train", document_settings(spec).train_limit))


CLASSIFICATION = Task(
    name="classification",
    title="Document classification",
    about="macro precision, recall and F1 of a linear classifier on document features, in percent",
    package=_HERE,
    kind="corpus",
    settings=ClassificationSettings,
    rows=ROWS,
    train=f"{_HERE}.training:train",
    evaluate=f"{_HERE}.evaluation:evaluate",
    check=f"{_HERE}.check:findings",
    trial=f"{_HERE}.check:trial",
    table=f"{_HERE}.table:TABLE",
    analysis=Analysis(
        "topics: held-out likelihood, coherence, F1 against their number, a document among its topics",
        TopicAnalysisSettings,
        f"{_HERE}.analysis.analyse:analyse",
        runs=topic_curve,
        shown=f"{_HERE}.analysis.shown:shown",
    ),
    row_type=Method,
    dataset_word="corpus",
    datasets_word="corpora",
    row_word="method",
    rows_word="methods",
    cost=_cost,
    evaluation_cost=_evaluation_cost,
    examples="documents",
    labels=True,
    # the embeddings decide the vocabulary of every method
    reads=lambda spec: (spec.dataset, document_settings(spec).embeddings),
    rule=_rule,
    offers=("checkpoint", "embeddings", "seed", "threads"),
    libraries=("numpy", "scipy", "scikit-learn", "numba", "gensim"),
    numbers={
        "accuracy": "share of held-out documents that are classified right, %",
        "fit_seconds": "seconds of the fit, those of earlier processes included",
        "transform_seconds": "seconds for the features of all documents",
        "documents": "training documents seen so far",
        "seconds": "seconds of the fit up to a minibatch, without measuring",
        "... nats_per_token": "what a method maximises, after each sweep or step of its fit",
        "... seconds": "seconds since the fit began, after each sweep or epoch",
    },
    memory_mb=3500,
    data_mb=lambda spec: data_mb(spec.dataset, document_settings(spec).train_limit),
)
