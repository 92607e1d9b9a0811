"""Which figures a preset gets: the data of each from the cells of the tables and the curves of training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dgmbench.report.figures import SUFFIXES, Point, draw_comparison, draw_curves
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification import table as classification
from dgmbench.tasks.density import table as density
from dgmbench.report.cells import Cell, of_planned_datasets
from dgmbench.report.page import Figure

if TYPE_CHECKING:
    import pandas as pd


def density_figures(cells: list[Cell], workspace: Workspace) -> list[Figure]:
    """Draw the likelihoods beside the paper's, and the training curves; none of what was not run."""
    figures = []
    points = [_likelihood_point(cell) for cell in of_planned_datasets(cells)]
    path = workspace.figures / "density"
    if any(point.ours is not None for point in points):
        png = draw_comparison(points, path, "test log-likelihood (nats per image)", " ± standard error")
        text = "Test log-likelihood of each model, ours (dots, with standard errors) and the paper's (diamonds)."
        figures.append(Figure(png, "Ours beside the paper's", text))
    else:
        _remove(path)
    path = workspace.figures / "curves"
    curves = read_curves(cells, workspace)
    if curves is not None:
        text = "The bound on the training images after each epoch. Bounds of different k are different quantities."
        order = list(dict.fromkeys(cell.model for cell in cells))
        figures.append(Figure(draw_curves(curves, order, path), "Training", text))
    else:
        _remove(path)
    return figures


def _likelihood_point(cell: Cell) -> Point:
    found = density.likelihood(cell)
    paper = cell.paper.numbers["log_likelihood"] if cell.paper else None
    ours, error = (found.mean, found.error) if found else (None, None)
    return Point(cell.dataset, cell.model, cell.status, ours, error, paper, not cell.subset())


def classification_figures(cells: list[Cell], workspace: Workspace) -> list[Figure]:
    """Draw macro F1 beside the paper's; nothing when nothing was run."""
    path = workspace.figures / "classification"
    if not any(cell.measured("f1") for cell in cells):
        _remove(path)
        return []
    points = []
    for cell in of_planned_datasets(cells):
        ours, spread = classification.macro_f1(cell)
        paper = cell.paper.numbers["f1"] if cell.paper else None
        points.append(Point(cell.dataset, cell.model, cell.status, ours, spread, paper, not cell.subset()))
    several = any(point.error is not None for point in points)
    png = draw_comparison(points, path, "macro F1 (%)", " ± standard deviation over seeds" if several else "")
    text = "Macro F1 of each method on the test documents, ours (dots) and the paper's (diamonds)."
    return [Figure(png, "Ours beside the paper's", text)]


def read_curves(cells: list[Cell], workspace: Workspace) -> pd.DataFrame | None:
    """Dataset, model, seed, epoch and bound of every finished training, None where there is none."""
    import pandas as pd

    frames = []
    for cell in cells:
        for run in cell.runs:
            path = workspace.trained(run.spec) / "curve.csv"
            if run.record and path.is_file():
                curve = pd.read_csv(path, usecols=["epoch", "bound"])
                columns: dict[str, str | int] = {"dataset": cell.dataset, "model": cell.model, "seed": run.spec.seed}
                frames.append(curve.assign(**columns)[[*columns, "epoch", "bound"]])
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else None


def _remove(path: Path) -> None:
    """A figure of an earlier configuration must not stay beside tables that it does not belong to."""
    for suffix in SUFFIXES:
        path.with_suffix(f".{suffix}").unlink(missing_ok=True)
