"""The figure of how training went."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmbench.report.cells import Cells
from dgmbench.report.charts import Chart, Lines, lines_of
from dgmbench.report.figures import draw_lines, figure_style, line_styles, panels, save_figure, shared_legend
from dgmbench.report.limits import beyond, is_beyond, near
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("dgmbench")

# A curve is drawn with at most this many points.
_POINTS = 500


def curve_figure(cells: Cells, column: str, label: str, text: str, workspace: Workspace) -> list[Figure]:
    """Draw what trainings logged in a column of their ``curve.csv``; nothing where none has it.

    A panel per dataset, a line per model, variants dashed. With several seeds the line is their mean and the band
    their standard deviation. The label is of the axis; the text says what the figure shows.
    """
    from matplotlib.ticker import MaxNLocator

    curves = read_curves(cells, column, workspace)
    if curves is None:
        return []
    datasets = list(dict.fromkeys(curves["dataset"]))
    there = set(curves["model"])
    variants = {cell.model: cell.row.variant_of if cell.row else "" for cell in cells if cell.model in there}
    shown = {dataset: _range_of_interest(part, column, cells) for dataset, part in curves.groupby("dataset")}
    with figure_style() as colours:
        styles = line_styles(variants, colours)
        figure, axes = panels(len(datasets), 4.2)
        for ax, dataset in zip(axes, datasets, strict=True):
            part = curves[curves["dataset"] == dataset]
            draw_lines(ax, part, "epoch", column, styles)
            ax.set(title=dataset, xlabel="epoch", ylabel=label)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            ax.set_ylim(*shown[dataset])
        shared_legend(figure)
        path = save_figure(figure, curves, workspace.figures / f"{cells.task.name}_curves")
    text += beyond(_beyond(curves, column, shown))
    return [Figure(path, "Training", text, _chart(curves, column, label, variants, shown))]


def _chart(
    curves: pd.DataFrame, column: str, label: str, variants: Mapping[str, str], shown: Mapping[Any, tuple[float, float]]
) -> Chart:
    """Two panels for each dataset: against epochs, and against seconds where trainings noted them."""
    panels = []
    for dataset, part in curves.groupby("dataset", sort=False):
        for x, unit in (("epoch", "epoch"), ("seconds", "seconds of training")):
            if x in part and part[x].notna().all():
                lines = lines_of(part, x, column, variants, step="epoch")
                panels.append(Lines(f"{dataset}, by {x}", unit, label, lines, limits=shown[dataset]))
    return Chart(panels)


def read_curves(cells: Cells, column: str, workspace: Workspace) -> pd.DataFrame | None:
    """Dataset, model, seed, epoch, the column's finite values, and times, of every finished training, or None.

    Of a long curve about every so many-th epoch, the first and the last.
    """
    import pandas as pd

    frames = []
    for cell in cells:
        for run in cell.runs:
            path = workspace.trained(run.spec) / "curve.csv"
            curve = read_curve(path) if run.record else pd.DataFrame()
            if column in curve and len(curve):
                columns: dict[str, str | int] = {"dataset": cell.dataset, "model": cell.model, "seed": run.spec.seed}
                times = [name for name in ("seconds", "cpu_seconds") if name in curve]
                frames.append(curve.assign(**columns)[[*columns, "epoch", column, *times]])
    if not frames:
        return None
    found = pd.concat(frames, ignore_index=True)
    found = found[found[column].map(math.isfinite)]
    step = found["epoch"].max() // _POINTS + 1
    last = found.groupby(["dataset", "model", "seed"])["epoch"].transform("max")
    found = found[(found["epoch"] % step == 0) | (found["epoch"] == 1) | (found["epoch"] == last)]
    return found if len(found) else None


def read_curve(path: Path) -> pd.DataFrame:
    """A training's ``curve.csv``, a line for each epoch; without lines where there is none, or a broken one, logged."""
    import pandas as pd

    if not path.is_file():
        return pd.DataFrame()
    try:
        curve = pd.read_csv(path)
        if not np.isfinite(curve["epoch"].to_numpy(float)).all():
            raise ValueError("an epoch is no number")
    except (OSError, ValueError, KeyError) as error:
        log.warning("%s is broken (%s) and left out; remove its folder and run again", path, error)
        return pd.DataFrame()
    return curve


def _later(frame: pd.DataFrame) -> pd.Series[bool]:
    """Which lines are not of the steep start of their training, which would flatten everything else."""
    last = frame.groupby(["dataset", "model", "seed"])["epoch"].transform("max")
    return frame["epoch"] > 0.2 * last


def _range_of_interest(frame: pd.DataFrame, column: str, cells: Cells) -> tuple[float, float]:
    """Limits that show the later epochs, and what is not far beyond the others."""
    diverged = {
        (cell.dataset, cell.model, run.spec.seed) for cell in cells for run in cell.runs if run.status == "diverged"
    }
    trusted = [key not in diverged for key in zip(frame["dataset"], frame["model"], frame["seed"], strict=True)]
    values, is_near = frame[column], near(frame[column].tolist(), trusted)
    later = values[_later(frame) & is_near]
    if later.empty:
        later = values
    low, high = float(later.min()), float(values[is_near].max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _beyond(curves: pd.DataFrame, column: str, shown: Mapping[Any, tuple[float, float]]) -> Iterator[tuple[str, float]]:
    """The trainings that end beyond the axis, with their last value."""
    for (dataset, model, seed), part in curves.groupby(["dataset", "model", "seed"], sort=False):
        last = float(part[column].iloc[-1])
        if is_beyond(last, shown[dataset]):
            yield f"{model} on {dataset}, seed {seed}", last
