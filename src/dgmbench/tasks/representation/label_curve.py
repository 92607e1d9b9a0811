"""The figure of the error against the number of labels."""

from __future__ import annotations

from typing import Any

from dgmbench.report.cells import Cells
from dgmbench.report.charts import Chart, Lines, lines_of
from dgmbench.report.figures import draw_lines, figure_style, line_styles, panels, save_figure, shared_legend
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace


def label_curve(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A panel for each dataset, a line for each row: the code's error with few labels and with all."""
    import pandas as pd
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    lines: list[dict[str, Any]] = []
    for cell in cells:
        for run in cell.measured("error"):
            few = {int(name.removeprefix("error_")): name for name in run.arrays if name.startswith("error_")}
            for labels, name in {**few, run.get("metrics", "labels"): "error"}.items():
                what = {"dataset": cell.dataset, "model": cell.model, "seed": run.spec.seed}
                lines.append({**what, "labels": labels, "error": run.get("metrics", name)})
    frame = pd.DataFrame(lines)
    if not lines or frame["labels"].nunique() < 2:
        return []
    datasets = list(dict.fromkeys(frame["dataset"]))
    variant_of = {cell.model: cell.row.variant_of if cell.row else "" for cell in cells if cell.measured("error")}
    x, y = "labels", "test error (%)"
    with figure_style() as colours:
        figure, axes = panels(len(datasets), 3.4)
        for dataset, ax in zip(datasets, axes, strict=True):
            part = frame[frame["dataset"] == dataset]
            draw_lines(ax, part, "labels", "error", line_styles(variant_of, colours))
            ax.set(title=dataset, xlabel=x, ylabel=y, xscale="log", yscale="log")
            numbers = sorted(part["labels"].unique())
            ax.set_xticks(numbers, [f"{number:,}" for number in numbers])
            ax.xaxis.set_minor_formatter(NullFormatter())
            for which in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
                which(StrMethodFormatter("{x:g}"))  # the style turns mathematical text off, as powers of ten are
        shared_legend(figure)
        path = save_figure(figure, frame, workspace.figures / f"{cells.task.name}_labels")
    parts = frame.groupby("dataset", sort=False)
    chart = Chart(
        [Lines(str(name), x, y, lines_of(part, "labels", "error", variant_of), log=True) for name, part in parts]
    )
    text = (
        "Test error of the linear classifier on the code, by the number of labels that it is fitted to; lower is "
        "better. With few labels a point is the mean over five drawings of them, the same for every model."
    )
    return [Figure(path, "Error against the number of labels", text, chart)]
