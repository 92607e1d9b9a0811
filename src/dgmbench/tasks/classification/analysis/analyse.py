"""The deeper analysis of the topic models: how good topics are, F1 against their number, one document drawn."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmbench.run import records
from dgmbench.run.config import Plan
from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.tasks.classification.analysis import figures as gallery
from dgmbench.run.spec import RunSpec, TopicAnalysisSettings, slug
from dgmbench.tasks.classification import stages as classification
from dgmbench.tasks.classification.documents import evenly_spaced, prepared_corpus
from dgmbench.tasks.classification.analysis.topic_models import (
    Common,
    FittedTopics,
    common_words,
    fitted_topics,
    planned_topic_models,
    unigram,
)
from dgmbench.tasks.classification.analysis.projection import project_document, readable_document
from dgmbench.run.workspace import Workspace
from dgmbench.report.formats import markdown_table

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("dgmbench")

# The same halves of documents and the same random numbers for every model.
SEED = 0
TOP_WORDS = 10
# What the names of its figures begin with.
FIGURES = ("f1_vs_topics", "projection")


def analyse(plan: Plan, workspace: Workspace, devices: int = 0, threads: int = 1) -> None:
    """Write ``tables/{topics,top_words,f1_vs_topics}.csv`` and the figures.

    Topic models are fitted, and classified by, as for the table; what is finished is not done again. What is judged
    stands in ``classification.analysis``.

    Args:
        devices: not used.
        threads: CPU threads.

    Raises:
        UserError: the configuration has no topic model, or no document with the place that it names.
    """
    models, curve = planned_topic_models(plan), plan.topic_curve()
    if not models and not curve:
        raise UserError(
            f"preset {plan.preset!r} has none of the methods that classification.analysis names "
            f"({', '.join({**dict.fromkeys(plan.topic_analysis.models), **plan.topic_analysis.topics})}): "
            "add one to classification.methods"
        )
    for old in (path for name in FIGURES for path in workspace.figures.glob(f"{name}*")):
        old.unlink()
    rows: list[dict[str, Any]] = []
    listed: list[dict[str, Any]] = []
    for runs in _by_documents(models):
        common = common_words(prepared_corpus(runs[0]))
        fitted = [fitted_topics(spec, workspace, threads) for spec in runs]
        for each in (unigram(runs[0], common.train), *fitted):
            row, words = judge(each, common.test, plan.topic_analysis.sizes, threads)
            rows.append(row)
            listed += words
            log.info("%s on %s, seed %d: topics judged", each.spec.model, each.spec.dataset, each.spec.seed)
        placed = next((each for each in fitted if each.topic_vectors is not None), None)
        if placed is not None:
            _draw_document(placed, common, plan.topic_analysis.documents.get(runs[0].dataset), workspace)
    if rows:
        _write_quality(rows, listed, plan.topic_analysis.sizes, workspace)
    if curve:
        frame = curve_table(curve, workspace, threads)
        _write_csv(frame, workspace, "f1_vs_topics")
        gallery.draw_f1_curve(frame, workspace.figures / "f1_vs_topics")
    log.info("analysed the topics: tables in %s, figures in %s", workspace.tables, workspace.figures)


def _by_documents(runs: Iterable[RunSpec]) -> list[list[RunSpec]]:
    """The runs, those on the same corpus with the same settings together: they saw the same documents."""
    groups: dict[tuple[str, Any], list[RunSpec]] = {}
    for run in runs:
        groups.setdefault((run.dataset, run.settings), []).append(run)
    return list(groups.values())


def judge(
    fitted: FittedTopics, test: Corpus, sizes: TopicAnalysisSettings, threads: int = 1
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A row of ``topics.csv`` and, for each topic, one of ``top_words.csv``.

    Args:
        test: the held-out documents over the scored words.
    """
    from dgmbench.metrics.topics import (
        document_completion,
        left_to_right,
        npmi_coherence,
        top_words,
        topic_diversity,
    )

    documents = [test.document(i) for i in range(len(test))]
    completed = document_completion(fitted.topics, fitted.alpha, documents, seed=SEED, threads=threads)
    sample = evenly_spaced(test.select_documents(test.lengths > 0), sizes.left_to_right_documents)
    beginnings = [sample.document(i)[: sizes.left_to_right_tokens] for i in range(len(sample))]
    particles = sizes.left_to_right_particles
    in_order = left_to_right(fitted.topics, fitted.alpha, beginnings, particles=particles, seed=SEED)
    lengths = np.array([len(words) for words in beginnings])
    coherence = npmi_coherence(fitted.topics, test, TOP_WORDS)
    row = {
        **fitted.columns,
        "topics": len(fitted.topics),
        "words": test.n_words,
        **_per_token("completion", completed.log_likelihood, completed.tokens),
        **_per_token("left_to_right", in_order, lengths),
        "npmi": coherence.mean(),
        "diversity": topic_diversity(fitted.topics),
    }
    words = top_words(fitted.topics, test.vocabulary, TOP_WORDS)
    listed = [
        {**fitted.columns, "topic": number, "npmi": value, "words": " ".join(names)}
        for number, (value, names) in enumerate(zip(coherence, words, strict=True))
    ]
    return row, listed


def _per_token(name: str, log_likelihood: np.ndarray, tokens: np.ndarray) -> dict[str, Any]:
    """Nats per token over all documents, its standard error over documents, and how many tokens and documents."""
    total, documents = int(tokens.sum()), int(np.count_nonzero(tokens))
    mean = float(log_likelihood.sum() / total) if total else float("nan")
    error = None
    if documents > 1 and np.isfinite(mean):
        residuals = log_likelihood - mean * tokens
        error = float(np.sqrt(documents / (documents - 1) * np.sum(residuals**2)) / total)
    return {name: mean, f"{name}_error": error, f"{name}_tokens": total, f"{name}_documents": documents}


def curve_table(runs: list[RunSpec], workspace: Workspace, threads: int = 1) -> pd.DataFrame:
    """Macro F1 of each method and number of topics: every run is fitted and classified as for the table."""
    import pandas as pd

    rows = []
    for spec in {spec.run_id: spec for spec in runs}.values():
        classification.train(spec, workspace, threads=threads)
        run = classification.evaluate(spec, workspace, threads=threads)
        metrics = run["metrics"]
        rows.append(
            {
                "corpus": spec.dataset,
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
    title = f"{corpus}, test document {place}"
    if common.test.labels is not None:
        title += f" ({common.test.classes[common.test.labels[place]]})"
    gallery.draw_projection(points, f"{fitted.spec.model}: {title}", workspace.figures / f"projection-{slug(corpus)}")


def _write_quality(
    rows: list[dict[str, Any]], listed: list[dict[str, Any]], sizes: TopicAnalysisSettings, workspace: Workspace
) -> None:
    import pandas as pd

    frame = pd.DataFrame(rows)
    _write_csv(frame, workspace, "topics")
    _write_csv(pd.DataFrame(listed), workspace, "top_words")
    header = ("corpus", "method", "seed", "K", "completion", "left to right", "NPMI", "diversity")
    table = [
        (
            row["corpus"],
            row["method"],
            str(row["seed"]),
            str(row["topics"]),
            _with_error(row, "completion"),
            _with_error(row, "left_to_right"),
            f"{row['npmi']:.3f}",
            f"{row['diversity']:.3f}",
        )
        for row in rows
    ]
    notes = [
        "Log-likelihoods of held-out documents in nats per token, with standard errors over documents. Columns of "
        "different documents cannot be compared, models within a column can.",
        f"Left to right: {sizes.left_to_right_documents or 'all'} documents, evenly spaced, of each the first "
        f"{sizes.left_to_right_tokens} tokens at most, {sizes.left_to_right_particles} particles.",
        *(
            f"{corpus}: {part['words'].iloc[0]} words; {part['completion_tokens'].iloc[0]} tokens scored by "
            f"completion, {part['left_to_right_tokens'].iloc[0]} from left to right."
            for corpus, part in frame.groupby("corpus", sort=False)
        ),
        f"NPMI of the {TOP_WORDS} most probable words of each topic over the test documents; diversity of 25.",
    ]
    text = "\n\n".join(
        ["# Topic models", markdown_table(header, table, align_right=True), "\n".join(f"- {note}" for note in notes)]
    )
    with records.atomic_write(workspace.tables / "topics.md") as file:
        file.write(text + "\n")


def _with_error(row: dict[str, Any], name: str) -> str:
    error = row[f"{name}_error"]
    return f"{row[name]:.3f}" + (f" ± {error:.3f}" if error is not None else "")


def _write_csv(frame: pd.DataFrame, workspace: Workspace, name: str) -> None:
    with records.atomic_write(workspace.tables / f"{name}.csv") as file:
        frame.to_csv(file, index=False, lineterminator="\n", float_format="%.6g")
