"""The graph of topics that go together: a point for each topic, a line between two whose proportions correlate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmbench.names import file_name
from dgmbench.report.cells import Cells
from dgmbench.report.figures import figure_style, save_figure
from dgmbench.report.frames import read_frame
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_TOPICS, _LINES_PER_TOPIC, _WEAK, _WORDS = 60, 1.5, 0.1, 3


def correlation_graphs(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A figure for each row and dataset whose training left ``correlations.csv``; of several seeds the first.

    Where the training is not on disk it is the one that was drawn of it, if there is one.
    """
    found = []
    for cell in cells:
        for run in (run for run in cell.runs[:1] if run.record):
            # by name and not by `correlations.FILE`: what draws imports nothing of what trains
            topics = read_frame(
                workspace.trained(run.spec) / "correlations.csv", ("topic", "size", "words"), ("words",)
            )
            name = f"{cells.task.name}_correlations-{file_name(run.spec.dataset)}-{file_name(run.spec.model)}"
            if len(topics) >= 3 and topics.shape[1] == len(topics) + 3:
                draw_graph(topics, workspace.figures / name)
            if not (drawn := workspace.figures / f"{name}.png").is_file():
                continue
            text = (
                f"Topics of {cell.model} (seed {run.spec.seed}) on {cell.dataset}, each with its most probable words. "
                f"The size is its expected share; at most the {_TOPICS} largest are shown. A line joins two topics "
                "whose shares of a document correlate (log-shares less their mean over the topics): blue together, "
                "orange and dashed apart, the stronger the wider. Shown are the strongest, at most three lines for two "
                f"topics, above {_WEAK}. Topics stand in the order of a clustering by these correlations."
            )
            found.append(Figure(drawn, f"Topics that go together: {cell.dataset}", text))
    return found


def draw_graph(topics: pd.DataFrame, path: Path) -> Path:
    """Draw topics around a circle, and their strong correlations as lines; the path of the PNG.

    Args:
        topics: as ``correlations.csv`` has them.
        path: without a suffix; beside the figure its lines are kept as CSV.
    """
    import pandas as pd
    from matplotlib.figure import Figure as Canvas

    largest = np.sort(np.argsort(-topics["size"].to_numpy(), kind="stable")[:_TOPICS])
    correlations = topics.iloc[:, 3:].to_numpy(float)[np.ix_(largest, largest)]
    words = [" ".join(text.split()[:_WORDS]) for text in topics["words"].iloc[largest]]
    size = topics["size"].to_numpy()[largest]
    lines = strong(correlations)
    angles = np.empty(len(largest))
    angles[clustered(correlations)] = np.linspace(0, 2 * np.pi, len(largest), endpoint=False)
    x, y = np.cos(angles), np.sin(angles)
    with figure_style() as colours:
        figure = Canvas(figsize=(8, 8))
        ax = figure.add_axes((0.2, 0.2, 0.6, 0.6))
        ax.set_axis_off()
        ax.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
        for i, j in lines:
            r = correlations[i, j]
            style = {"color": colours[0 if r > 0 else 3], "linestyle": "-" if r > 0 else "--"}
            ax.plot(x[[i, j]], y[[i, j]], lw=4 * abs(r), alpha=0.6, zorder=1, **style)
        ax.scatter(x, y, s=20 + 2000 * size, color="0.35", zorder=2)
        for each, angle in zip(words, angles, strict=True):
            left = np.cos(angle) < 0
            turned = np.degrees(angle) + (180 if left else 0)
            where: dict[str, Any] = {"ha": "right" if left else "left", "va": "center", "rotation_mode": "anchor"}
            ax.text(1.08 * np.cos(angle), 1.08 * np.sin(angle), each, size=7, rotation=turned, **where)
        numbers, texts = topics["topic"].to_numpy()[largest], topics["words"].to_numpy()[largest]
        frame = pd.DataFrame(
            {
                "topic": [numbers[i] for i, _ in lines],
                "other": [numbers[j] for _, j in lines],
                "correlation": [correlations[i, j] for i, j in lines],
                "words": [texts[i] for i, _ in lines],
                "other_words": [texts[j] for _, j in lines],
            }
        )
        return save_figure(figure, frame, path)


def strong(correlations: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of topics by falling strength: those above `_WEAK`, and no more than `_LINES_PER_TOPIC` for each topic."""
    first, second = np.triu_indices(len(correlations), 1)
    strength = np.abs(correlations[first, second])
    order = np.argsort(-strength, kind="stable")[: int(_LINES_PER_TOPIC * len(correlations))]
    return [(int(first[i]), int(second[i])) for i in order if strength[i] > _WEAK]


def clustered(correlations: np.ndarray) -> np.ndarray:
    """The topics in an order in which those that go together are near each other."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    apart = np.sqrt(np.maximum(2 - correlations - correlations.T, 0))
    np.fill_diagonal(apart, 0)
    return leaves_list(linkage(squareform(apart, checks=False), "average", optimal_ordering=True))
