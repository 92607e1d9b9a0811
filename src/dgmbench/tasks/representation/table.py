"""The representation table: test errors of a linear classifier on features, and reconstruction errors."""

from __future__ import annotations

from typing import Any

from dgmbench.report.cells import Cell, Cells
from dgmbench.report.estimates import Metric, estimate
from dgmbench.report.notes import variants
from dgmbench.report.sheet import Figure, printed
from dgmbench.report.table import MetricTable
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.representation.label_curve import label_curve

ERROR = Metric("error", unit="%", higher_is_better=False, per_example="error")
FEW = tuple(
    Metric(f"error_{n}", f"error, {n:,} labels", unit="%", higher_is_better=False, per_example=f"error_{n}")
    for n in (100, 1000)
)


class RepresentationTable(MetricTable):
    """Features and reconstructions; a row without a decoder has no reconstruction error, and says so."""

    def row(self, cell: Cell) -> dict[str, Any]:
        found = super().row(cell)
        few = {metric.name: estimate(cell, metric) for metric in FEW}
        seconds, status = found.pop("seconds"), found.pop("status")
        found |= {name: value.mean if value else None for name, value in few.items()}
        return found | {"seconds": seconds, "status": status}

    def notes(self, cells: Cells) -> list[str]:
        return [
            *super().notes(cells),
            "Nothing is published for these rows under this protocol: there are no numbers of papers to compare with.",
            "error is that of the code (pixels, principal components, h, the mean of q), hidden error that of the "
            "encoder's second hidden layer; 'no number' where a row has no such layer, decoder, or probabilities.",
        ]

    def notes_on(self, dataset: str, cells: list[Cell]) -> list[str]:
        runs = [(cell.model, run) for cell in cells for run in cell.measured("error")]
        if not runs:
            return []

        def each(*keys: str) -> str:
            return variants((model, run.get(*keys)) for model, run in runs)

        first = runs[0][1]
        stopped = [model for model, run in runs if not all(p["converged"] for p in run.get("probes").values())]
        unfinished = f"; stopped before its tolerance: {', '.join(dict.fromkeys(stopped))}" if stopped else ""
        return [
            f"{dataset}: {each('metrics', 'labels')} labels, penalty chosen on {each('protocol', 'validation_images')} "
            f"validation images ({first.get('protocol', 'validation')}), {each('metrics', 'images')} "
            f"{each('protocol', 'split')} images; binarisation: {each('protocol', 'binarisation')}; epochs "
            f"{each('training', 'epochs')}; penalties {variants((m, _penalties(run)) for m, run in runs)}{unfinished}."
        ]

    def detail(self, cell: Cell) -> dict[str, str]:
        few = {metric: estimate(cell, metric) for metric in FEW}
        shown = {
            f"{metric.title}, %": f"{printed(value.mean, metric.digits)} ± {printed(value.error, metric.digits)}"
            for metric, value in few.items()
            if value
        }
        return super().detail(cell) | shown

    def figures(self, cells: Cells, workspace: Workspace) -> list[Figure]:
        return [*super().figures(cells, workspace), *label_curve(cells, workspace)]


def _penalties(run: Any) -> str:
    return " and ".join(f"{probe['penalty']:g}" for probe in run.get("probes").values())


TABLE = RepresentationTable(
    (
        ERROR,
        Metric("hidden_error", "hidden error", unit="%", higher_is_better=False, per_example="hidden_error"),
        Metric("squared_error", "squared error", digits=3, higher_is_better=False, per_example="squared_error"),
        Metric(
            "cross_entropy", "cross-entropy", unit="nats", digits=2, higher_is_better=False, per_example="cross_entropy"
        ),
    ),
    about=(
        "Test error, in percent, of multinomial logistic regression on standardised features; reconstruction of a test "
        "image from its code: squared error, and cross-entropy in nats, per image. Lower is better."
    ),
    needs=("metrics.labels", "metrics.images", "training.epochs", "protocol.split", "protocol.validation"),
)
