"""The density table: test log-likelihoods in nats beside the published ones."""

from __future__ import annotations

import math
from typing import Any

from dgmbench.metrics.differences import Interval
from dgmbench.report.cells import Cell, Cells, Run
from dgmbench.report.comparison import Beside
from dgmbench.report.curves import curve_figure
from dgmbench.report.estimates import Metric, estimate, in_unit, mean_of
from dgmbench.report.notes import variants
from dgmbench.report.sheet import DASH, Figure, printed
from dgmbench.report.table import MetricTable
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.longer import beside
from dgmbench.tasks.density.settings import COORDINATES, EXACT, PER_IMAGE, DensitySettings

LOG_LIKELIHOOD = Metric("log_likelihood", "log-likelihood", unit=PER_IMAGE, per_example="log_likelihood")
# The settings' defaults are the published protocol.
_PAPER = DensitySettings.model_validate({})


class DensityTable(MetricTable):
    """One metric, with the facts that a log-likelihood depends on: k, epochs, parameters."""

    def row(self, cell: Cell) -> dict[str, Any]:
        paper, measured, nan = cell.published("log_likelihood"), estimate(cell, LOG_LIKELIHOOD), math.nan
        runs, mean = (measured.runs, measured.mean) if measured else ([], nan)
        return {
            "n_seeds": len(runs),
            "k": runs[0].get("metrics", "k") if runs else nan,
            "ll_mean": mean,
            "ll_se": nan if measured is None or measured.error is None else measured.error,
            "ll_sd_seeds": measured.spread if measured else None,
            "paper": paper,
            "delta": None if paper is None else mean - paper,
            "epochs": min((run.get("training", "epochs") for run in runs), default=nan),
            "parameters": runs[0].get("training", "parameters") if runs else nan,
            "train_seconds": mean_of(runs, "training.train_seconds") if runs else nan,
            "status": cell.status,
        }

    def notes(self, cells: Cells) -> list[str]:
        unit = in_unit(LOG_LIKELIHOOD, cells).unit
        return [note.replace(PER_IMAGE, unit) for note in super().notes(cells)]

    def notes_on(self, dataset: str, cells: list[Cell]) -> list[str]:
        measured = [(cell.model, run) for cell in cells for run in cell.measured("log_likelihood")]
        exact = [(model, run) for model, run in measured if run.get("metrics", "k") == EXACT]
        runs = [found for found in measured if found not in exact]
        seeds = variants((cell.model, cell.seeds) for cell in cells if cell.runs)
        return [
            *([self._note_on_estimates(dataset, runs, seeds)] if runs else []),
            *([self._note_on_exact(dataset, exact, seeds)] if exact else []),
        ]

    def _note_on_exact(self, dataset: str, runs: list[tuple[str, Run]], seeds: str) -> str:
        """What fitted itself, and whose log-likelihood needs no importance samples."""

        def each(*keys: str) -> str:
            return variants((model, run.get(*keys)) for model, run in runs)

        names = ", ".join(dict.fromkeys(model for model, _ in runs))
        return (
            f"{dataset}: {names}: exact log-likelihood, without importance samples; {each('protocol', 'split')} part; "
            f"binarisation: {each('protocol', 'binarisation')}; components {each('training', 'components')}; "
            f"passes over the training data (column epochs) {each('training', 'epochs')}; seeds {seeds}."
        )

    def _note_on_estimates(self, dataset: str, runs: list[tuple[str, Run]], seeds: str) -> str:
        """What was trained by gradients and measured with k importance samples."""

        def each(*keys: str) -> str:
            return variants((model, run.get(*keys)) for model, run in runs)

        k, epochs = each("metrics", "k"), each("training", "epochs")
        images = variants((model, f"{run.get('metrics', 'images'):,}") for model, run in runs)
        if (binarisation := each("protocol", "binarisation")) == COORDINATES:
            return (
                f"{dataset}: real coordinates, in nats per point: no number of binary images compares. k = {k}; "
                f"{images} {each('protocol', 'split')} points; epochs {epochs}, batch size "
                f"{each('spec', 'settings', 'batch_size')}, schedule {each('spec', 'settings', 'schedule')}; "
                f"seeds {seeds}."
            )
        same = k == str(_PAPER.k)
        smaller = ", as in the paper" if same else f" (a smaller k than the paper's {_PAPER.k} reads lower)"
        published = "" if epochs == str(_PAPER.epochs) else f" (paper: {_PAPER.epochs})"
        return (
            f"{dataset}: k = {k}{smaller}; {images} {each('protocol', 'split')} images; binarisation: "
            f"{binarisation}; batch norm: {each('protocol', 'batch_norm')}; epochs "
            f"{epochs}{published}, batch size {each('spec', 'settings', 'batch_size')}, schedule "
            f"{each('spec', 'settings', 'schedule')}; "
            f"seeds {seeds}."
        )

    def detail(self, cell: Cell) -> dict[str, str]:
        measured, row = estimate(cell, LOG_LIKELIHOOD), self.row(cell)
        if measured is None:
            return {}
        examples = measured.runs[0].get("metrics", "examples") or "images"
        return {
            "sd over seeds": printed(measured.spread, 3),
            "k": str(row["k"]),
            examples: f"{measured.runs[0].get('metrics', 'images'):,}",
            "epochs": str(row["epochs"]),
            "parameters": f"{row['parameters']:,}",
            **self._exact_beside(measured.runs),
            "training, s": f"{row['train_seconds']:,.1f}",
        }

    def _exact_beside(self, runs: list[Run]) -> dict[str, str]:
        """The exact value beside the estimate, where a model has both."""
        found = [value for run in runs if (value := run.get("metrics", "exact_log_likelihood")) is not None]
        return {"exact log-likelihood": f"{sum(found) / len(found):.3f}"} if found else {}

    def difference(self, ours: Any, theirs: Any) -> Interval | str:
        if ours.runs[0].get("metrics", "k") != theirs.runs[0].get("metrics", "k"):
            one_exact = EXACT in (ours.runs[0].get("metrics", "k"), theirs.runs[0].get("metrics", "k"))
            return "one is exact, the other estimated" if one_exact else "measured with another k"
        found = super().difference(ours, theirs)
        # of a single image nothing is known about the spread
        return found if isinstance(found, str) or math.isfinite(found.low) else f"{DASH} (one image has no interval)"

    def beside(self, cells: Cells) -> Beside:
        return beside(cells)

    def figures(self, cells: Cells, workspace: Workspace) -> list[Figure]:
        unit = in_unit(LOG_LIKELIHOOD, cells).unit
        text = f"The bound on the training {cells.examples} after each epoch, or step of a model that fits itself. "
        text += "Bounds of different k are different quantities."
        curves = curve_figure(cells, "bound", f"training bound ({unit})", text, workspace)
        return [*super().figures(cells, workspace), *curves]


TABLE = DensityTable(
    (LOG_LIKELIHOOD,),
    about=f"Test log-likelihood in {PER_IMAGE}, estimated by importance sampling with k samples: higher is better.",
    needs=(
        *("metrics.images", "metrics.k"),
        *("training.epochs", "training.parameters", "training.train_seconds"),
        *("protocol.binarisation", "protocol.batch_norm", "protocol.split"),
    ),
)
