"""The figure of held-out likelihood against the seconds of a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgmbench.report.cells import Cells
from dgmbench.report.charts import Chart, Lines, lines_of
from dgmbench.report.curves import read_curves
from dgmbench.report.figures import draw_lines, figure_style, line_styles, panels, save_figure, shared_legend
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 1.0  # nats below the best that the figure shows; its CSV file has all


def convergence(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A panel for each corpus, a line for each row: a point for each pass that was measured, the mean over seeds."""
    curves = read_curves(cells, "log_likelihood", workspace)
    if curves is None or "seconds" not in curves:
        return []
    from matplotlib.ticker import StrMethodFormatter

    keys = ["dataset", "model", "epoch"]
    frame = curves.groupby(keys, sort=False, as_index=False)[["seconds", "log_likelihood"]].mean()
    there = set(frame["model"])
    variant_of = {cell.model: cell.row.variant_of if cell.row else "" for cell in cells if cell.model in there}
    x, y = "seconds of fitting", "held-out log-likelihood (nats per token)"
    datasets = list(dict.fromkeys(frame["dataset"]))
    limits = {name: _limits(frame[frame["dataset"] == name]["log_likelihood"]) for name in datasets}
    with figure_style() as colours:
        figure, axes = panels(len(datasets), 3.8)
        for dataset, ax in zip(datasets, axes, strict=True):
            styles = line_styles(variant_of, colours) | {"markers": ["o"] * len(variant_of), "ms": 4}
            draw_lines(ax, frame[frame["dataset"] == dataset], "seconds", "log_likelihood", styles)
            ax.set(title=dataset, xlabel=x, ylabel=y, xscale="log", ylim=limits[dataset])
            ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        shared_legend(figure)
        path = save_figure(figure, curves, workspace.figures / f"{cells.task.name}_convergence")
    chart = Chart(
        [
            Lines(
                str(name),
                x,
                y,
                lines_of(part, "seconds", "log_likelihood", variant_of, step="epoch"),
                limits=limits[str(name)],
                log=True,
            )
            for name, part in curves.groupby("dataset", sort=False)
        ]
    )
    text = (
        "Held-out log-likelihood by completion of a sample of the documents, against the seconds of the fit, with "
        "several seeds their means; higher and further left is better. A point is one of the passes over the training "
        "documents; what is fitted at once has one point. The seconds are those of a clock on a machine that may have "
        "had other work, without measuring and compiling."
    )
    return [Figure(path, "Held-out likelihood against seconds", text, chart)]


def _limits(values: pd.Series) -> tuple[float, float]:
    high, low = float(values.max()), max(float(values.min()), float(values.max()) - _SHOWN)
    margin = 0.05 * (high - low) or 0.1
    return low - margin, high + margin
