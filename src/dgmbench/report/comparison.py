"""The figure of a table: our numbers beside the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dgmbench.report.cells import Cell, Cells
from dgmbench.report.estimates import Metric, estimate
from dgmbench.report.figures import figure_style, panels, save_figure
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Point:
    """One cell: our number with its error, where there is one, and the paper's."""

    dataset: str
    model: str
    status: str
    ours: float | None
    error: float | None
    paper: float | None
    comparable: bool


def comparison_figure(cells: Cells, metric: Metric, workspace: Workspace) -> list[Figure]:
    """Draw a metric beside the paper's, a panel per dataset, a line per model; nothing when nothing was measured."""
    import pandas as pd

    points = [_point(cell, metric) for cell in cells.shown]
    if all(point.ours is None for point in points):
        return []
    kind = "standard error" if metric.per_example else "standard deviation over seeds"
    error = f" ± {kind}" if any(point.error is not None for point in points) else ""
    published = any(point.paper is not None for point in points)
    with figure_style() as colours:
        figure, axes = panels(len(cells.datasets), 1.7 + 0.3 * len({point.model for point in points}))
        for ax, dataset in zip(axes, cells.datasets, strict=True):
            chosen = [point for point in points if point.dataset == dataset]
            for row, point in enumerate(chosen):
                _draw_point(ax, row, point, colours)
            part = "" if all(point.comparable for point in chosen) else " (a part of the data)"
            ax.set(title=dataset + part, xlabel=metric.axis, yticks=range(len(chosen)))
            ax.set_yticklabels([point.model for point in chosen])
            ax.set_ylim(len(chosen) - 0.4, -0.6)
            ax.margins(x=0.22)  # room for the words
        handles: list[Any] = [axes[0].errorbar([], [], xerr=[], fmt="o", color=colours[0], label=f"ours{error}")]
        if published:
            handles += axes[0].plot([], [], "D", mfc="none", mec=colours[1], mew=1.4, ms=6.5, label="paper")
        figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
        frame = pd.DataFrame([vars(point) for point in points])
        png = save_figure(figure, frame, workspace.figures / cells.task.name)
    title = metric.title[:1].upper() + metric.title[1:]
    with_errors = f", with {kind.replace('standard error', 'standard errors')}" if error else ""
    text = f"{title} of each {cells.task.row_word} on the test {cells.task.examples}, ours (dots{with_errors})"
    return [
        Figure(
            png,
            "Ours beside the paper's" if published else title,
            text + (" and the paper's (diamonds)." if published else "."),
        )
    ]


def _point(cell: Cell, metric: Metric) -> Point:
    found = estimate(cell, metric)
    ours, error = (found.mean, found.error) if found else (None, None)
    return Point(cell.dataset, cell.model, cell.status, ours, error, cell.published(metric.name), not cell.part)


def _draw_point(ax: Axes, row: int, point: Point, colours: list[Any]) -> None:
    known = [x for x in (point.ours, point.paper) if x is not None]
    ax.plot(known, [row] * len(known), "-", color="0.75", lw=1.2, zorder=1)
    if point.paper is not None:
        ax.plot(point.paper, row, "D", mfc="none", mec=colours[1], mew=1.4, ms=6.5, zorder=4)
    if point.ours is not None:
        ax.errorbar(point.ours, row, xerr=point.error, fmt="o", color=colours[0], ms=5.5, capsize=2, zorder=3)
    if point.status != "ok":
        ax.annotate(
            point.status,
            (max(known), row) if known else (0.5, row),
            xycoords="data" if known else ax.get_yaxis_transform(),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            style="italic",
        )
