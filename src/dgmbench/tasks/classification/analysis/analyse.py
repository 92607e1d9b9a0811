"""The analysis of the topic models: how good topics are, F1 against their number, one document drawn."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pandas as pd

from dgmbench.data.catalogue import known_datasets, title_of
from dgmbench.errors import UserError
from dgmbench.names import file_name
from dgmbench.report.formats import write_frame
from dgmbench.run import stages
from dgmbench.run.plan import Plan
from dgmbench.run.progress import each_of
from dgmbench.run.records import read_json
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Task
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification.analysis import quality
from dgmbench.tasks.classification.analysis.figures import draw_f1_curve, draw_likelihood, draw_projection
from dgmbench.tasks.classification.analysis.projection import project_document, readable_document
from dgmbench.tasks.classification.analysis.topic_models import (
    Common,
    FittedTopics,
    common_words,
    fitted_topics,
    unigram,
)
from dgmbench.tasks.classification.documents import prepared_corpus
from dgmbench.tasks.classification.settings import TopicAnalysisSettings

log = logging.getLogger("dgmbench")

# What the names of its figures begin with.
FIGURES = ("f1_vs_topics", "likelihood_vs_time", "projection")


def analyse(plan: Plan, workspace: Workspace, gpus: int = 0, threads: int = 1) -> None:
    """Write ``tables/{topics,top_words,f1_vs_topics}.csv`` and the figures.

    Topic models are fitted, and classified by, as for the table; what is finished is not done again. What is judged
    stands in ``classification.analysis``.

    Raises:
        UserError: the configuration has no topic model, or no document with the place that it names.
    """
    task, settings = plan.tasks["classification"], _settings(plan)
    models, curve = planned_topic_models(plan), plan.runs_before("classification")["evaluation"]
    if not models and not curve:
        raise UserError(
            f"preset {plan.preset!r} has none of the methods that classification.analysis names "
            f"({', '.join(dict.fromkeys([*settings.models, *settings.topics]))}): add one to classification.methods"
        )
    for old in (path for name in FIGURES for path in workspace.figures.glob(f"{name}*")):
        old.unlink()
    rows: list[dict[str, Any]] = []
    listed: list[dict[str, Any]] = []
    groups: dict[tuple[str, Any], list[RunSpec]] = {}
    for spec in models:  # runs on the same corpus with the same settings saw the same documents
        groups.setdefault((spec.dataset, spec.settings), []).append(spec)
    corpora = {name for run in plan.of("classification") for name in (run.dataset, title_of(run.dataset))}
    for name in sorted(settings.documents.keys() - corpora - set(known_datasets("corpus"))):
        log.warning("classification.analysis.documents: %s is no corpus of this configuration", name)
    drawn = set()  # corpora: a figure is named by its corpus alone
    for (corpus, _), runs in groups.items():
        common = common_words(prepared_corpus(runs[0]))
        fitted = [fitted_topics(task, spec, workspace, threads) for spec in each_of("topics: fit", runs)]
        for each in each_of("topics: model judged", (unigram(runs[0], common.train), *fitted)):
            row, words = quality.judge(each, common.test, settings, threads)
            rows.append(row | {"fit_seconds": fit_seconds(each.spec, workspace)})
            listed += words
            log.info("%s on %s, seed %d: topics judged", each.spec.model, each.spec.dataset, each.spec.seed)
        placed = next((each for each in fitted if each.topic_vectors is not None), None)
        if placed is not None and corpus not in drawn:
            _draw_document(placed, common, document_to_draw(settings, corpus), workspace)
            drawn.add(corpus)
    if rows:
        write_frame(frame := pd.DataFrame(rows), workspace.tables / "topics.csv")
        write_frame(pd.DataFrame(listed), workspace.tables / "top_words.csv")
        quality.write_markdown(frame, settings, workspace.tables / "topics.md")
        draw_likelihood(frame, workspace.figures / "likelihood_vs_time")
    if curve:
        frame = curve_table(task, curve, workspace, threads)
        write_frame(frame, workspace.tables / "f1_vs_topics.csv")
        draw_f1_curve(frame, workspace.figures / "f1_vs_topics")
    log.info("analysed the topics: tables in %s, figures in %s", workspace.tables, workspace.figures)


def document_to_draw(settings: TopicAnalysisSettings, corpus: str) -> int | None:
    """The place of the document to draw, by the corpus's name or the short one that tables have."""
    return settings.documents.get(corpus, settings.documents.get(title_of(corpus)))


def _settings(plan: Plan) -> TopicAnalysisSettings:
    settings = plan.analyses["classification"]
    assert isinstance(settings, TopicAnalysisSettings)
    return settings


def planned_topic_models(plan: Plan) -> list[RunSpec]:
    """The runs of the plan whose topics are to be judged, each training once; the others are named in the log."""
    runs = {spec.training_id: spec for spec in plan.of("classification")}.values()
    models = _settings(plan).models
    for name in models:
        if name not in {spec.model for spec in runs}:
            log.info("%s is not in this configuration: its topics are left out", name)
    return [spec for spec in runs if spec.model in models]


def fit_seconds(spec: RunSpec, workspace: Workspace) -> float | None:
    """How long `fitted_topics` took for a model; None for one that was not fitted."""
    path = workspace.root / "topics" / spec.training_id / "topics.json"
    return float(read_json(path)["seconds"]) if path.is_file() else None


def curve_table(task: Task, runs: Sequence[RunSpec], workspace: Workspace, threads: int = 1) -> pd.DataFrame:
    """Macro F1 of each method and number of topics: every run is fitted and classified as for the table."""
    rows = []
    for spec in each_of("F1 against topics: run", list({spec.run_id: spec for spec in runs}.values())):
        stages.train(task, spec, workspace, threads=threads)
        run = stages.evaluate(task, spec, workspace, threads=threads)
        metrics = run["metrics"]
        rows.append(
            {
                "corpus": title_of(spec.dataset),
                "method": spec.model,
                "seed": spec.seed,
                "options": " ".join(f"{name}={value}" for name, value in spec.options.items()),
                "topics": metrics["n_features"],
                **{name: metrics[name] for name in ("precision", "recall", "f1", "converged")},
                "fit_seconds": run["training"]["fit_seconds"],
            }
        )
    return pd.DataFrame(rows)


def _draw_document(fitted: FittedTopics, common: Common, place: int | None, workspace: Workspace) -> None:
    corpus = fitted.spec.dataset
    if place is None:
        place = readable_document(fitted, common.test)
    if place >= len(common.test) or not common.test.lengths[place]:
        raise UserError(
            f"config.classification.analysis.documents.{corpus}: {place} is not the place of a test document that has "
            f"words; there are {len(common.test)}, counted from 0"
        )
    points = project_document(fitted, common, place)
    title = f"{title_of(corpus)}, test document {place}"
    if common.test.labels is not None:
        title += f" ({common.test.classes[common.test.labels[place]]})"
    draw_projection(points, f"{fitted.spec.model}: {title}", workspace.figures / f"projection-{file_name(corpus)}")
