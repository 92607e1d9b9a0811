"""The figure of how training went."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dgmbench.report.cells import Cells
from dgmbench.report.charts import Chart, Lines, lines_of
from dgmbench.report.figures import draw_lines, figure_style, line_styles, panels, save_figure, shared_legend
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
    with figure_style() as colours:
        styles = line_styles(variants, colours)
        figure, axes = panels(len(datasets), 4.2)
        for ax, dataset in zip(axes, datasets, strict=True):
            part = curves[curves["dataset"] == dataset]
            draw_lines(ax, part, "epoch", column, styles)
            ax.set(title=dataset, xlabel="epoch", ylabel=label)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            ax.set_ylim(*_range_of_interest(part, column))
        shared_legend(figure)
        path = save_figure(figure, curves, workspace.figures / f"{cells.task.name}_curves")
    return [Figure(path, "Training", text, _chart(curves, column, label, variants))]


def _chart(curves: pd.DataFrame, column: str, label: str, variants: Mapping[str, str]) -> Chart:
    """Two panels for each dataset: against epochs, and against seconds where trainings noted them."""
    panels = []
    for dataset, part in curves.groupby("dataset", sort=False):
        limits = _range_of_interest(part, column)
        for x, unit in (("epoch", "epoch"), ("seconds", "seconds of training")):
            if x in part and part[x].notna().all():
                lines = lines_of(part, x, column, variants, step="epoch")
                panels.append(Lines(f"{dataset}, by {x}", unit, label, lines, limits=limits))
    return Chart(panels)


def read_curves(cells: Cells, column: str, workspace: Workspace) -> pd.DataFrame | None:
    """Dataset, model, seed, epoch, the column's finite values, and seconds, of every finished training, or None.

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
                times = ["seconds"] if "seconds" in curve else []
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


def _range_of_interest(frame: pd.DataFrame, column: str) -> tuple[float, float]:
    """Limits that show the later epochs: the steep start of training would flatten everything else."""
    later = frame[frame["epoch"] > 0.1 * frame["epoch"].max()][column]
    low, high = float(later.min()), float(frame[column].max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin
