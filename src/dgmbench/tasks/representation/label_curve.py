"""The figure of the error against the number of labels."""

from __future__ import annotations

from typing import Any

from dgmbench.report.cells import Cells
from dgmbench.report.label_curve import draw_label_curve
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace


def label_curve(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A panel for each dataset, a line for each row: the code's error with few labels and with all."""
    import pandas as pd

    lines: list[dict[str, Any]] = []
    for cell in cells:
        for run in cell.measured("error"):
            few = {int(name.removeprefix("error_")): name for name in run.arrays if name.startswith("error_")}
            for labels, name in {**few, run.get("metrics", "labels"): "error"}.items():
                what = {"dataset": cell.dataset, "model": cell.model, "seed": run.spec.seed}
                lines.append({**what, "labels": labels, "error": run.get("metrics", name)})
    text = (
        "Test error of the linear classifier on the code, by the number of labels that it is fitted to; lower is "
        "better. With few labels a point is the mean over five drawings of them, the same for every model."
    )
    return draw_label_curve(cells, pd.DataFrame(lines), text, workspace)
