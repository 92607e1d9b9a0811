"""The figure of an error against the number of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgmbench.report.cells import Cells
from dgmbench.report.charts import Chart, Lines, lines_of
from dgmbench.report.figures import draw_lines, figure_style, line_styles, panels, save_figure, shared_legend
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def draw_label_curve(cells: Cells, frame: pd.DataFrame, text: str, workspace: Workspace) -> list[Figure]:
    """A panel for each dataset, a line for each row; nothing where there is one number of labels alone.

    Args:
        frame: ``dataset``, ``model``, ``seed``, ``labels`` and ``error`` in percent.
        text: what the figure shows.
    """
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    if not len(frame) or frame["labels"].nunique() < 2:
        return []
    datasets = list(dict.fromkeys(frame["dataset"]))
    there = set(frame["model"])
    variant_of = {cell.model: cell.row.variant_of if cell.row else "" for cell in cells if cell.model in there}
    x, y = "labels", "test error (%)"
    with figure_style() as colours:
        figure, axes = panels(len(datasets), 3.4)
        for dataset, ax in zip(datasets, axes, strict=True):
            part = frame[frame["dataset"] == dataset]
            # with points: a row may have one number of labels alone
            styles = line_styles(variant_of, colours) | {"markers": ["o"] * len(variant_of), "markeredgewidth": 0}
            draw_lines(ax, part, "labels", "error", styles)
            ax.set(title=dataset, xlabel=x, ylabel=y, xscale="log", yscale="log")
            numbers = sorted(part["labels"].unique())
            ax.set_xticks(numbers, [f"{number:,}" for number in numbers])
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
            for which in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
                which(StrMethodFormatter("{x:g}"))  # the style turns mathematical text off, as powers of ten are
        shared_legend(figure)
        path = save_figure(figure, frame, workspace.figures / f"{cells.task.name}_labels")
    parts = frame.groupby("dataset", sort=False)
    chart = Chart(
        [Lines(str(name), x, y, lines_of(part, "labels", "error", variant_of), log=True) for name, part in parts]
    )
    return [Figure(path, "Error against the number of labels", text, chart)]
