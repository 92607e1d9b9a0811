"""The figure of a number against the seconds that a fit had taken when it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dgmbench.report.cells import Cells
from dgmbench.report.charts import Chart, Lines, families, lines_of
from dgmbench.report.figures import draw_lines, figure_style, line_styles, panels, save_figure, shared_legend
from dgmbench.report.limits import shown_as
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_SHAPES = ("o", "s", "D", "v")


def draw_against_seconds(
    cells: Cells,
    curves: pd.DataFrame,
    column: str,
    workspace: Workspace,
    *,
    name: str,
    label: str,
    title: str,
    text: str,
    shown: float,
    seconds: str = "seconds",
    x: str = "seconds of fitting",
) -> list[Figure]:
    """A panel for each dataset, a line for each row: a point for each time that was measured, the mean over seeds.

    Args:
        curves: ``dataset``, ``model``, ``seed``, ``epoch``, which says which points of the seeds belong together, the
            seconds and the column.
        name: of the file, behind the task's.
        label: of the y axis.
        text: what the figure shows.
        shown: so far below the best the figure reaches; its CSV file has all.
        seconds, x: the column of the seconds, and the label of their axis.
    """
    from matplotlib.ticker import StrMethodFormatter

    frame = curves.groupby(["dataset", "model", "epoch"], sort=False, as_index=False)[[seconds, column]].mean()
    there = set(frame["model"])
    variant_of = {cell.model: cell.row.variant_of if cell.row else "" for cell in cells if cell.model in there}
    datasets = list(dict.fromkeys(frame["dataset"]))
    limits = {dataset: _limits(frame[frame["dataset"] == dataset][column], shown) for dataset in datasets}
    with figure_style() as colours:
        figure, axes = panels(len(datasets), 3.8)
        for dataset, ax in zip(datasets, axes, strict=True):
            styles = line_styles(variant_of, colours) | {"markers": _markers(variant_of, len(colours)), "ms": 4}
            draw_lines(ax, frame[frame["dataset"] == dataset], seconds, column, styles)
            ax.set(title=dataset, xlabel=x, ylabel=label, xscale="log", ylim=limits[dataset])
            ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        shared_legend(figure)
        path = save_figure(figure, curves, workspace.figures / f"{cells.task.name}_{name}")
    parts = [(str(dataset), part) for dataset, part in curves.groupby("dataset", sort=False)]
    chart = Chart(
        [
            Lines(
                dataset,
                x,
                label,
                lines_of(part, seconds, column, variant_of, step="epoch"),
                limits=limits[dataset],
                log=True,
            )
            for dataset, part in parts
        ]
    )
    best = frame.groupby(["dataset", "model"], sort=False, as_index=False)[column].max()
    below = [
        f"{model} on {dataset} ({shown_as(value)})"
        for dataset, model, value in zip(best["dataset"], best["model"], best[column], strict=True)
        if value < limits[dataset][0]
    ]
    if below:
        text += f" Below the axis: {', '.join(below)}."
    return [Figure(path, title, text, chart)]


def _markers(variant_of: Mapping[str, str], colours: int) -> dict[str, str]:
    """Of each row: a disc, and another shape for those that have a colour a second time."""
    return {row: _SHAPES[family // colours % len(_SHAPES)] for row, (family, _) in families(variant_of).items()}


def _limits(values: pd.Series, shown: float) -> tuple[float, float]:
    high, low = float(values.max()), max(float(values.min()), float(values.max()) - shown)
    margin = 0.05 * (high - low) or 0.1
    return low - margin, high + margin
