"""Document classification: macro precision, recall and F1 of a linear classifier on each method's features."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dgmbench.data.catalogue import require_dataset
from dgmbench.errors import UserError
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Analysis, Task
from dgmbench.tasks.classification.rows import ROWS, Method
from dgmbench.tasks.classification.settings import ClassificationSettings, TopicAnalysisSettings, document_settings

if TYPE_CHECKING:
    from dgmbench.run.plan import Plan

_HERE = "dgmbench.tasks.classification"


def topic_analysis(plan: Plan) -> TopicAnalysisSettings:
    """The settings of the topic models' analysis.

    Raises:
        UserError: they name an unknown method.
    """
    settings = plan.analyses["classification"]
    assert isinstance(settings, TopicAnalysisSettings)
    planned = {run.model for run in plan.of("classification")}
    for name in (*settings.models, *settings.topics):
        if name not in planned:
            try:
                find_row(CLASSIFICATION, name)
            except UserError as error:
                raise UserError(f"config.classification.analysis: {error}") from None
    return settings


def topic_curve(plan: Plan) -> list[RunSpec]:
    """The runs whose F1 is drawn against the number of topics: those of the table, with each of the numbers."""
    topics, runs = topic_analysis(plan).topics, []
    for run in plan.of("classification"):
        row = plan.row_of(run)
        assert isinstance(row, Method)
        for number in topics.get(run.model, ()):
            runs.append(dataclasses.replace(run, options={**run.options, row.topics_option: number}))
    return runs


def _rule(spec: RunSpec, row: Method, where: str) -> None:
    settings = document_settings(spec)
    require_dataset(settings.embeddings, "embeddings", f"{where}.embeddings")
    if settings.transductive and not row.transductive:
        able = ", ".join(name for name, found in ROWS.items() if found.transductive)
        raise UserError(
            f"{where}.transductive: only {able} can be fitted on the classified documents, not {spec.model}"
        )


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
    table=f"{_HERE}.table:TABLE",
    analysis=Analysis(
        "topics: held-out likelihood, coherence, F1 against their number, a document among its topics",
        TopicAnalysisSettings,
        f"{_HERE}.analysis.analyse:analyse",
        runs=lambda plan: {"evaluation": topic_curve(plan)},
    ),
    row_type=Method,
    dataset_word="corpus",
    datasets_word="corpora",
    row_word="method",
    rows_word="methods",
    examples="documents",
    # the embeddings decide the vocabulary of every method
    reads=lambda spec: (spec.dataset, document_settings(spec).embeddings),
    rule=_rule,
    offers=("embeddings", "seed", "threads"),
    libraries=("numpy", "scipy", "scikit-learn", "numba", "gensim"),
    memory_mb=3500,
)
