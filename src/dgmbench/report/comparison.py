"""The figure of a table: our numbers beside the paper's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dgmbench.report.cells import Cells
from dgmbench.report.charts import Chart, Dot, Dots
from dgmbench.report.estimates import Metric, estimate, in_unit
from dgmbench.report.figures import figure_style, panels, save_figure
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def comparison_figure(cells: Cells, metric: Metric, workspace: Workspace) -> list[Figure]:
    """Draw a metric beside the paper's, a panel per dataset, a line per model; nothing when nothing was measured."""
    frame = _numbers(cells, metric)
    if frame["ours"].isna().all():
        return []
    errors, published = frame["error"].notna().any(), frame["paper"].notna().any()
    kind = "standard error" if metric.has_standard_error else "standard deviation over seeds"
    with figure_style() as colours:
        figure, axes = panels(len(cells.datasets), 1.7 + 0.3 * frame["model"].nunique())
        for ax, dataset in zip(axes, cells.datasets, strict=True):
            chosen = frame[frame["dataset"] == dataset]
            for row, point in enumerate(chosen.to_dict("records")):
                _draw_point(ax, row, point["ours"], point["error"], point["paper"], point["status"], colours)
            part = "" if chosen["comparable"].all() else " (a part of the data)"
            ax.set(title=dataset + part, xlabel=in_unit(metric, cells.of(dataset)).axis, yticks=range(len(chosen)))
            ax.set_yticklabels(list(chosen["model"]))
            ax.set_ylim(len(chosen) - 0.4, -0.6)
            ax.margins(x=0.22)  # room for the words
        label = f"ours ± {kind}" if errors else "ours"
        handles: list[Any] = [axes[0].errorbar([], [], xerr=[], fmt="o", color=colours[0], label=label)]
        if published:
            handles += axes[0].plot([], [], "D", mfc="none", mec=colours[1], mew=1.4, ms=6.5, label="paper")
        figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
        png = save_figure(figure, frame, workspace.figures / cells.task.name)
    title = metric.title[:1].upper() + metric.title[1:]
    dots = f"dots, with {kind.replace('error', 'errors')}" if errors else "dots"
    text = f"{title} of each {cells.task.row_word} on the test {cells.examples}, ours ({dots})"
    text += " and the paper's (diamonds)." if published else "."
    return [Figure(png, "Ours beside the paper's" if published else title, text, _chart(cells, frame, metric))]


def _chart(cells: Cells, frame: pd.DataFrame, metric: Metric) -> Chart:
    panels = []
    for dataset in cells.datasets:
        lines = frame[frame["dataset"] == dataset].to_dict("records")
        dots = [Dot(p["model"], p["ours"], p["error"], p["paper"], p["status"]) for p in lines]
        part = "" if all(p["comparable"] for p in lines) else " (a part of the data)"
        panels.append(Dots(f"{dataset}{part}", in_unit(metric, cells.of(dataset)).axis, dots))
    return Chart(panels)


def _numbers(cells: Cells, metric: Metric) -> pd.DataFrame:
    import pandas as pd

    lines = []
    for cell in cells.shown:
        found = estimate(cell, metric)
        ours, error = (found.mean, found.error) if found else (None, None)
        paper = cell.published(metric.name)
        lines.append((cell.dataset, cell.model, cell.status, ours, error, paper, not cell.part))
    frame = pd.DataFrame(lines, columns=["dataset", "model", "status", "ours", "error", "paper", "comparable"])
    return frame.astype({"ours": float, "error": float, "paper": float})


def _draw_point(ax: Axes, row: int, ours: float, error: float, paper: float, status: str, colours: list[Any]) -> None:
    known = [number for number in (ours, paper) if math.isfinite(number)]
    ax.plot(known, [row] * len(known), "-", color="0.75", lw=1.2, zorder=1)
    ax.plot([paper], [row], "D", mfc="none", mec=colours[1], mew=1.4, ms=6.5, zorder=4)
    ax.errorbar([ours], [row], xerr=[error], fmt="o", color=colours[0], ms=5.5, capsize=2, zorder=3)
    if status != "ok":
        place: dict[str, Any] = {"xytext": (7, 0), "textcoords": "offset points"}
        place |= {"xy": (max(known), row)} if known else {"xy": (0.5, row), "xycoords": ax.get_yaxis_transform()}
        ax.annotate(status, **place, va="center", fontsize=8, style="italic")
