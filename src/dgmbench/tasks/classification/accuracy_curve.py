"""The figure of accuracy against the seconds of a fit, where a method is measured on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgmbench.report.cells import Cells
from dgmbench.report.curves import read_curves
from dgmbench.report.seconds_curve import draw_against_seconds
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 40.0  # percent


def accuracy_curve(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A panel for each corpus, a line for what has a ``curve.csv``, a point for every other method; or nothing."""
    import pandas as pd

    curves = read_curves(cells, "accuracy", workspace)
    if curves is None or "seconds" not in curves:
        return []
    return draw_against_seconds(
        cells,
        pd.concat([curves, _points(cells, set(curves["model"]), set(curves["dataset"]))], ignore_index=True),
        "accuracy",
        workspace,
        name="accuracy",
        label="accuracy (%)",
        title="Accuracy against seconds",
        text="Share of held-out documents that are classified right, against seconds, with several seeds the means of "
        "both; higher and further left is better. A line is one pass over the training documents, measured on at most "
        "2,000 held-out ones on the way; its seconds are those of the fit. Every other method has one point, at the "
        "seconds of its fit and its classifier. The seconds are those of a clock on a machine that may have had other "
        "work.",
        shown=_SHOWN,
    )


def _points(cells: Cells, without: set[str], datasets: set[str]) -> pd.DataFrame:
    """A line for each finished run of the other methods."""
    import pandas as pd

    found = []
    for cell in cells:
        for run in cell.measured("accuracy"):
            if cell.model not in without and cell.dataset in datasets:
                seconds = run.get("training", "fit_seconds") + run.get("evaluation", "measure_seconds")
                value = {"accuracy": run.get("metrics", "accuracy"), "seconds": seconds}
                found.append({"dataset": cell.dataset, "model": cell.model, "seed": run.spec.seed, "epoch": 1, **value})
    return pd.DataFrame(found)
