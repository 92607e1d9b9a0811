"""The text-likelihood table: log-likelihood per token of held-out documents, and what the fits cost."""

from __future__ import annotations

from typing import Any

from dgmbench.report.cells import Cell, Cells
from dgmbench.report.estimates import Metric, mean_of
from dgmbench.report.notes import variants
from dgmbench.report.sheet import Figure
from dgmbench.report.table import MetricTable
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.text_likelihood.convergence import convergence
from dgmbench.tasks.text_likelihood.correlation_graph import correlation_graphs
from dgmbench.tasks.text_likelihood.drift_figure import drift_figures

_UNIT = "nats per token"


class TextLikelihoodTable(MetricTable):
    """Two measures of held-out documents, and seconds; speed and memory stand beside each run."""

    def row(self, cell: Cell) -> dict[str, Any]:
        found = super().row(cell)
        seconds, status = found.pop("seconds"), found.pop("status")
        runs = cell.measured("tokens_per_second")
        found["tokens_per_second"] = mean_of(runs, "metrics.tokens_per_second") if runs else None
        found["peak_memory_mb"] = _memory(cell)
        return found | {"seconds": seconds, "status": status}

    def notes(self, cells: Cells) -> list[str]:
        return [
            *super().notes(cells),
            "Nothing is published for these rows under this protocol: there are no numbers of papers to compare with.",
        ]

    def notes_on(self, dataset: str, cells: list[Cell]) -> list[str]:
        runs = [(cell.model, run) for cell in cells for run in cell.measured("log_likelihood")]
        if not runs:
            return []

        def each(*keys: str) -> str:
            values = ((model, run.get(*keys)) for model, run in runs)
            return variants((model, f"{value:,}" if isinstance(value, int) else value) for model, value in values)

        vectors = any(run.get("spec", "settings", "embeddings") for _, run in runs)
        with_vectors = f" and with a vector in {each('spec', 'settings', 'embeddings')}" if vectors else ""
        sliced = any(run.get("corpus", "slices") for _, run in runs)
        in_slices = f" in {each('corpus', 'slices')} slices of time" if sliced else ""
        return [
            f"{dataset}: {each('corpus', 'train_documents')} training documents with {each('corpus', 'train_tokens')} "
            f"tokens{in_slices}, {each('corpus', 'test_documents')} {each('protocol', 'split')} documents with "
            f"{each('metrics', 'scored_tokens')} scored tokens; vocabulary of {each('corpus', 'vocabulary')} words, in "
            f"at least {each('spec', 'settings', 'least_documents')} training documents each{with_vectors}; dropped: "
            f"{each('corpus', 'unknown_test_tokens')} tokens outside it and {each('corpus', 'dropped_test')} documents "
            f"left empty of those that are measured. Left to right: {each('metrics', 'left_to_right_documents')} "
            f"documents, their first {each('spec', 'settings', 'left_to_right_tokens')} tokens, "
            f"{each('spec', 'settings', 'left_to_right_particles')} particles (exact for documents of one component)."
        ]

    def detail(self, cell: Cell) -> dict[str, str]:
        runs = cell.measured("log_likelihood")
        if not runs:
            return {}
        first, speed = runs[0], cell.measured("tokens_per_second")
        smoothing, memory = first.get("metrics", "smoothing"), _memory(cell)
        shown = {
            "components": f"{first.get('metrics', 'components')}",
            "beta": f"{smoothing:g}" if isinstance(smoothing, float | int) else "",
            "passes": f"{first.get('training', 'passes') or ''}",
            "million tokens a second": f"{mean_of(speed, 'metrics.tokens_per_second') / 1e6:.2f}" if speed else "",
            "fit, s by the clock": f"{mean_of(runs, 'training.fit_seconds'):,.1f}",
            "peak memory, MiB": f"{memory:,.0f}" if memory else "",
        }
        return super().detail(cell) | {name: value for name, value in shown.items() if value}

    def figures(self, cells: Cells, workspace: Workspace) -> list[Figure]:
        return [
            *super().figures(cells, workspace),
            *convergence(cells, workspace),
            *correlation_graphs(cells, workspace),
            *drift_figures(cells, workspace),
        ]


def _memory(cell: Cell) -> float | None:
    runs = [run for run in cell.measured("log_likelihood") if run.get("training", "peak_memory_mb")]
    return mean_of(runs, "training.peak_memory_mb") if runs else None


TABLE = TextLikelihoodTable(
    (
        Metric("log_likelihood", "log-likelihood", unit=_UNIT, digits=3, per_example="log_likelihood"),
        Metric("perplexity", digits=0, higher_is_better=False),
        Metric("left_to_right", "left to right", unit=_UNIT, digits=3, per_example="left_to_right"),
        Metric("fit_cpu_seconds", "processor seconds of the fit", unit="s", digits=1, higher_is_better=False),
    ),
    about=(
        "Log-likelihood of held-out documents in nats per token, higher is better: by completion, one half of a "
        "document given the other, and from left to right, whole documents of a sample. Perplexity is exp of minus the "
        "first, lower is better."
    ),
    needs=("corpus.train_documents", "corpus.vocabulary", "protocol.split", "training.fit_seconds"),
    details_note="Times are the mean over the seeds. A pass visits every training token once; its tokens a second are "
    "those of the passes over all seconds of the fit. The peak of memory is that of the process, libraries included.",
)
