"""The figure of topics over time: the share of each, and its most probable words in each slice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dgmbench.names import file_name
from dgmbench.report.cells import Cells
from dgmbench.report.figures import figure_style, save_figure
from dgmbench.report.frames import read_frame
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_TOPICS, _WORDS = 6, 6


def drift_figures(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A figure for each row and dataset whose training left ``drift.csv``; of several seeds the first.

    Where the training is not on disk it is the one that was drawn of it, if there is one.
    """
    found = []
    for cell in cells:
        for run in (run for run in cell.runs[:1] if run.record):
            # by name and not by `drift.FILE`: what draws imports nothing of what trains
            columns = ("topic", "slice", "from", "share", "change", "words")
            topics = read_frame(workspace.trained(run.spec) / "drift.csv", columns, ("words", "from"))
            name = f"{cells.task.name}_drift-{file_name(run.spec.dataset)}-{file_name(run.spec.model)}"
            if len(topics):
                draw_drift(topics, workspace.figures / name)
            if not (drawn := workspace.figures / f"{name}.png").is_file():
                continue
            text = (
                f"Topics of {cell.model} (seed {run.spec.seed}) on {cell.dataset} over the slices of time that it was "
                f"fitted to. Above the mean share of a topic in the documents of each slice; below its {_WORDS} most "
                "probable words there, bold where a word was not among them in the slice before. Shown are the "
                f"{_TOPICS} topics with the largest product of mean share and change of words (total variation between "
                "the first and the last slice)."
            )
            found.append(Figure(drawn, f"Topics over time: {cell.dataset}", text))
    return found


def shown_topics(topics: pd.DataFrame) -> list[int]:
    """The topics to show: those with the largest product of mean share and change, in that order."""
    by_topic = topics.groupby("topic", sort=True)[["share", "change"]].mean()
    order = (by_topic["share"] * by_topic["change"]).sort_values(ascending=False, kind="stable")
    return [int(topic) for topic in order.index[:_TOPICS]]


def draw_drift(topics: pd.DataFrame, path: Path) -> Path:
    """Draw a panel for each shown topic; the path of the PNG.

    Args:
        topics: as ``drift.csv`` has them.
        path: without a suffix; beside the figure what is shown is kept as CSV.
    """
    import pandas as pd
    from matplotlib.figure import Figure as Canvas

    numbers = shown_topics(topics)
    parts = [topics[topics["topic"] == number].sort_values("slice") for number in numbers]
    slices = len(parts[0])
    with figure_style() as colours:
        height = 2.4 * len(parts)
        figure = Canvas(figsize=(max(1.25 * slices, 4.0), height))
        figure.subplots_adjust(left=0.1, right=0.98, top=1 - 0.4 / height, bottom=0.1 / height)
        # each topic has an axis for its shares and one for its words
        axes = figure.subplots(2 * len(parts), 1, gridspec_kw={"height_ratios": [1.3, 1] * len(parts), "hspace": 0.4})
        highest = 1.1 * max(part["share"].max() for part in parts)
        for above, below, number, part in zip(axes[::2], axes[1::2], numbers, parts, strict=True):
            above.plot(range(slices), part["share"], color=colours[0], marker="o", ms=4)
            above.set(title=f"topic {number}", ylabel="share", ylim=(0, highest), xlim=(-0.5, slices - 0.5))
            above.set_xticks(range(slices), [f"from {day}" for day in part["from"]], size=7)
            below.set(xlim=(-0.5, slices - 0.5), ylim=(_WORDS, 0))
            below.set_axis_off()
            before: set[str] = set()
            for place, text in enumerate(part["words"]):
                words = text.split()[:_WORDS]
                for line, word in enumerate(words):
                    weight = "bold" if place and word not in before else "normal"
                    below.text(place, line, word, size=7, ha="center", va="center", weight=weight)
                before = set(words)
        return save_figure(figure, pd.concat(parts), path)
