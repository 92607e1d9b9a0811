"""The figure of held-out likelihood against the processor seconds of a fit."""

from __future__ import annotations

from dgmbench.report.cells import Cells
from dgmbench.report.curves import read_curves
from dgmbench.report.seconds_curve import draw_against_seconds
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

_SECONDS = "cpu_seconds"
_SHOWN = 1.0  # nats


def convergence(cells: Cells, workspace: Workspace) -> list[Figure]:
    """A panel for each corpus, a line for each row: a point for each pass that was measured, the mean over seeds."""
    curves = read_curves(cells, "log_likelihood", workspace)
    if curves is None or _SECONDS not in curves:
        return []
    return draw_against_seconds(
        cells,
        curves,
        "log_likelihood",
        workspace,
        name="convergence",
        label="held-out log-likelihood (nats per token)",
        title="Held-out likelihood against processor seconds",
        text="Held-out log-likelihood by completion of a sample of the documents, against the processor seconds of the "
        "fit, with several seeds their means; higher and further left is better. A point is one of the passes over the "
        "training documents; what is fitted at once has one point. Measuring and compiling are not counted.",
        shown=_SHOWN,
        seconds=_SECONDS,
        x="processor seconds of fitting",
    )
