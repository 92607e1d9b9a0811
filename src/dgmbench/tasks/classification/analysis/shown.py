"""What the report shows of the topic models' analysis: figures with captions, and tables, of what is on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from dgmbench.data.catalogue import title_of
from dgmbench.names import file_name
from dgmbench.report.charts import Chart, Lines, Point, Points, lines_of
from dgmbench.report.frames import grid_of, read_frame, with_error
from dgmbench.report.sheet import Figure, Grid
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace


def shown(plan: Plan, workspace: Workspace) -> list[Figure | Grid]:
    """How good the topics are, their words, F1 against their number, one document; empty where nothing was analysed."""
    corpora = dict.fromkeys(run.dataset for run in plan.of("classification"))
    return [
        *_quality(workspace.tables),
        *_likelihood(workspace),
        *_curve(workspace),
        *(figure for corpus in corpora for figure in _document(corpus, workspace.figures)),
        *_top_words(workspace.tables),
    ]


def _quality(tables: Path) -> Iterator[Grid]:
    columns = ("corpus", "method", "seed", "topics", "completion", "left_to_right", "npmi", "diversity")
    frame = read_frame(tables / "topics.csv", columns)
    if frame.empty:
        return
    shown = {
        "corpus": ("corpus", None),
        "method": ("method", None),
        "seed": ("seed", None),
        "topics": ("topics", None),
        "completion": ("completion, nats per token", with_error("completion", "completion_error", 3)),
        "left_to_right": ("left to right, nats per token", with_error("left_to_right", "left_to_right_error", 3)),
        "npmi": ("coherence, NPMI", 3),
        "diversity": ("diversity", 3),
    }
    note = (
        "Log-likelihood of held-out documents ± its standard error over documents: of one half of each given the "
        "other, and by the left-to-right sampler on a sample of beginnings. Higher is better; compare models within a "
        "corpus and a column. The row unigram is one topic, the word frequencies of the training documents."
    )
    yield grid_of("How good the topics are", frame, shown, note)


def _likelihood(workspace: Workspace) -> Iterator[Figure]:
    path = workspace.figures / "likelihood_vs_time.png"
    if not path.is_file():
        return
    frame = read_frame(path.with_suffix(".csv"), ("corpus", "method", "completion", "fit_seconds"))
    if frame.empty:
        return
    fitted, panels = frame[frame["fit_seconds"].notna()], []
    methods = dict.fromkeys(fitted["method"], "")
    for corpus, part in frame.groupby("corpus", sort=False):
        # a point for each method: the mean over its seeds
        lines = lines_of(
            fitted[fitted["corpus"] == corpus].assign(all=0), "fit_seconds", "completion", methods, "method", "all"
        )
        baselines = part[part["fit_seconds"].isna()]
        levels = dict(zip(baselines["method"], baselines["completion"], strict=True))
        panels.append(Lines(str(corpus), "seconds of fitting", "completion (nats per token)", lines, levels, log=True))
    text = (
        "Held-out log-likelihood of the topic models, in nats per token by completion, against the seconds that "
        "fitting took, loading included, on the machine of the analysis; with several seeds their means. Higher and "
        "further left is better. The dotted line is one topic, the word frequencies of the training documents."
    )
    yield Figure(path, "Held-out likelihood against time", text, Chart(panels))


def _curve(workspace: Workspace) -> Iterator[Figure]:
    path = workspace.figures / "f1_vs_topics.png"
    frame = read_frame(workspace.tables / "f1_vs_topics.csv", ("corpus", "method", "seed", "topics", "f1"))
    if frame.empty or not path.is_file():
        return
    panels = []
    for corpus, part in frame.groupby("corpus", sort=False):
        lines = lines_of(part, "topics", "f1", {}, model="method")
        panels.append(Lines(str(corpus), "topics", "macro F1 (%)", lines, log=True))
    text = (
        "Macro F1 of the same classifier on each method's features against their number, the topics; every point was "
        "fitted and classified as for the table. With several seeds their mean, and their standard deviation as a band."
    )
    yield Figure(path, "F1 against the number of topics", text, Chart(panels))


def _document(corpus: str, figures: Path) -> Iterator[Figure]:
    path = figures / f"projection-{file_name(corpus)}.png"
    if not path.is_file():
        return
    text = (
        "The words of one test document and its most probable topics, by the first two principal components of their "
        "directions. A word has the colour and the shape of the topic that most probably made it, and is as large as "
        "it is frequent; a topic is named by the words nearest to it."
    )
    frame = read_frame(path.with_suffix(".csv"), ("kind", "label", "x", "y", "topic", "count"), ("label",))
    chart = Chart([_points(title_of(corpus), frame)]) if len(frame) else None
    yield Figure(path, f"A document among its topics: {title_of(corpus)}", text, chart)


def _points(title: str, frame: pd.DataFrame) -> Points:
    topics = list(dict.fromkeys(frame.loc[frame["kind"] == "topic", "topic"]))
    points = []
    for row in frame.to_dict("records"):
        is_topic = row["kind"] == "topic"
        share = f"topic, {100 * row['share']:.0f} % of the document" if is_topic and "share" in row else ""
        times = "" if is_topic else f"{row['count']:g} × in the document"
        group = topics.index(row["topic"]) if row["topic"] in topics else len(topics)
        size = 8.0 if is_topic else float(row["count"])
        points.append(Point(str(row["label"]), row["x"], row["y"], share or times, size, group, is_topic))
    explained = f": {100 * frame['explained'].iloc[0]:.0f} % of the variance" if "explained" in frame else ""
    return Points(title, f"first two principal components{explained}", points)


def _top_words(tables: Path) -> Iterator[Grid]:
    frame = read_frame(tables / "top_words.csv", ("corpus", "method", "seed", "topic", "npmi", "words"), ("words",))
    if len(frame):
        shown = {
            "corpus": ("corpus", None),
            "method": ("method", None),
            "seed": ("seed", None),
            "topic": ("topic", None),
            "npmi": ("coherence, NPMI", 3),
            "words": ("most probable words", None),
        }
        yield grid_of("Topics and their words", frame, shown, "The ten most probable words of each topic.")
