"""What a task's table is, and one that needs no more than a list of metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol

import numpy as np

from dgmbench.metrics.differences import Interval
from dgmbench.report.cells import Cell, Cells
from dgmbench.report.comparison import Beside, comparison_figure
from dgmbench.report.estimates import Metric, estimate, in_unit, mean_of
from dgmbench.report.notes import notes_on_code, notes_on_gaps, notes_on_sources
from dgmbench.report.paired import THESE, Paired, named_pairs, paired_difference
from dgmbench.report.sheet import BRACKETS, DASH, Figure, Grid, Sheet, Value, printed
from dgmbench.run.workspace import Workspace

__all__ = ["Metric", "MetricTable", "Table"]


class Table(Protocol):
    """What the object that ``Task.table`` names can do. A `MetricTable` can."""

    def problem(self, record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
        """What is wrong with a run's record and its values by example, in words; empty when all is well."""

    def rows(self, cells: Cells) -> list[dict[str, Any]]:
        """The CSV file, a row per cell: ``nan`` for what was not measured, None for what does not apply."""

    def sheet(self, cells: Cells) -> Sheet:
        """The table as people read it."""

    def figures(self, cells: Cells, workspace: Workspace) -> list[Figure]:
        """Draw the figures into ``workspace.figures``."""


@dataclass(frozen=True)
class MetricTable:
    """A table of metrics: a row per model, for each dataset a column per metric.

    All that a new task must say::

        TABLE = MetricTable((Metric("error", unit="%", digits=1, higher_is_better=False, per_example="wrong"),))

    with ``table="my_package.table:TABLE"`` in its `Task`. The CSV file has dataset, model, n_seeds, for each metric
    ``<metric>``, ``<metric>_sd_seeds`` and, where something was published, ``paper_<metric>``, then seconds and status.
    By a metric with values per example the best row is bold, and rows are compared with those that
    ``Row.compared_with`` names. A task with more to say derives a class and overrides a method.

    Attributes:
        metrics: the columns of a dataset.
        about: begins the notes: what was measured and how, and which direction is better.
        headline: the metric that is drawn; the first by default.
        needs: what a record must say besides the metrics and the times: ``training.epochs``.
        bold, details_note: the notes on what is bold, and on the table of runs.
    """

    metrics: tuple[Metric, ...]
    _: KW_ONLY
    about: str = ""
    headline: str = ""
    needs: tuple[str, ...] = ()
    bold: str = (
        "Bold: best of its column, and the 95 % interval of the paired difference to the second best excludes 0."
    )
    details_note: str = "Times are the mean over the seeds."

    @property
    def main(self) -> Metric:
        """The metric that is drawn."""
        return next((metric for metric in self.metrics if metric.name == self.headline), self.metrics[0])

    @property
    def compared(self) -> tuple[Metric, ...]:
        """The metrics by which rows are compared with each other."""
        return tuple(metric for metric in self.metrics if metric.per_example or metric.drawn)

    def asked(self, cells: Cells) -> MetricTable:
        """The table with the columns of these cells, where they differ from configuration to configuration."""
        return self

    def problem(self, record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
        if record.get("status") not in ("ok", "diverged", "failed"):
            return f"its status is {record.get('status')!r}"
        metrics = [f"metrics.{metric.name}" for metric in self.metrics]
        for name in (*metrics, *self.needs, "training.seconds", "evaluation.measure_seconds"):
            part, _, key = name.partition(".")
            if not isinstance(record.get(part), dict) or key not in record[part]:
                return f"it says nothing about {name}"
        for metric in self.metrics:
            values, mean = arrays.get(metric.per_example), record["metrics"][metric.name]
            one = values is not None and np.isclose(values.mean(), mean or 0, rtol=1e-6, atol=1e-6)
            if metric.per_example and mean is not None and not one:
                return f"its {metric.name} and per_example.npz are not of one evaluation"
            if metric.drawn and mean is not None and metric.drawn not in arrays:
                return f"per_example.npz has no {metric.drawn}"
        return ""

    def from_examples(self, arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The metrics of a run that follow from its values by example, by name; NaN where these are not finite."""
        means = {name: name for name in arrays} | {m.name: m.per_example for m in self.metrics if m.per_example}
        return {name: float(arrays[of].mean()) for name, of in means.items() if of in arrays and arrays[of].size}

    def rows(self, cells: Cells) -> list[dict[str, Any]]:
        dataset, row = cells.task.dataset_word, cells.task.row_word
        found = [{dataset: cell.dataset, row: cell.model} | self.row(cell) for cell in cells]
        empty = {f"paper_{m.name}" for m in self.metrics if all(cell.published(m.name) is None for cell in cells)}
        return [{name: value for name, value in line.items() if name not in empty} for line in found]

    def row(self, cell: Cell) -> dict[str, Any]:
        """A row of the CSV file, without its dataset and model."""
        main = estimate(cell, self.main)
        row: dict[str, Any] = {"n_seeds": len(main.runs) if main else 0}
        for metric in self.metrics:
            found = estimate(cell, metric)
            row[metric.name] = found.mean if found else math.nan if self.applies(cell, metric) else None
            row[f"{metric.name}_sd_seeds"] = found.spread if found else None
            row[f"paper_{metric.name}"] = cell.published(metric.name)
        row["seconds"] = mean_of(main.runs, "training.seconds", "evaluation.measure_seconds") if main else math.nan
        return row | {"status": cell.status}

    # The table as people read it.

    def sheet(self, cells: Cells) -> Sheet:
        task, paired = cells.task, [self.paired(cells, metric) for metric in self.compared]
        best = {(name, p.metric.name): p.best(cells.of(name)) for name in cells.datasets for p in paired}
        lines, by_name = [], {(cell.dataset, cell.model): cell for cell in cells}
        published = {(cell.dataset, name) for cell in cells.shown if cell.paper for name in cell.paper.numbers}
        for model in cells.models:
            line: list[Value | None] = []
            for dataset in cells.datasets:
                cell = by_name.get((dataset, model))
                for metric in self.metrics:
                    is_best, beside = best.get((dataset, metric.name)) == model, (dataset, metric.name) in published
                    line.append(_value(cell, metric, is_best, beside, self.applies(cell, metric)) if cell else None)
            lines.append((model, line))
        notes = [
            *self.notes(cells),
            *([self.bold_note(cells, paired)] if paired else []),
            *[note for dataset in cells.datasets for note in self.notes_on(dataset, cells.of(dataset))],
            *notes_on_gaps(cells, self.main.name),
            *notes_on_sources(cells),
            *notes_on_code(cells),
        ]
        titles = tuple(metric.title for metric in self.metrics)
        groups = tuple((dataset, titles) for dataset in cells.datasets)
        grids = [*(self.comparisons(cells, each) for each in paired), self.details(cells)]
        return Sheet(task.name, task.title, task.row_word, groups, lines, notes, grids, self.main.title)

    def notes(self, cells: Cells) -> list[str]:
        """What the table shows, and how a cell is read."""
        directions = "; ".join(
            f"{metric.axis}: {'higher' if metric.higher_is_better else 'lower'} is better" for metric in self.metrics
        )
        by_example = f"ours ± its standard error over the test {cells.examples}"
        by_seed = "ours, with several seeds their mean ± standard deviation"
        kinds = {by_example if metric.has_standard_error else by_seed for metric in self.metrics}
        cell = f"{by_example}; of a number that is no such mean, {by_seed}" if len(kinds) > 1 else kinds.pop()
        paper = BRACKETS if cells.any_published else ""
        dash = f" {DASH} means that nothing was published." if cells.any_published else ""
        about = f"Preset {cells.preset}. {self.about or f'{cells.task.about.capitalize()}. {directions}.'}"
        return [f"{about} Each cell: {cell}{paper}.{dash}"]

    def bold_note(self, cells: Cells, paired: list[Paired]) -> str:
        """What is bold, and what that claims."""
        if all(each.covers_seeds(cell) for each in paired for cell in cells if cell.measured(each.metric.name)):
            return self.bold
        row, examples = cells.task.row_word, cells.examples
        return (
            f"{self.bold} Where one of both has a single seed, this covers the choice of test {examples} alone: it is "
            f"said of these trained models, not of what the same {row} gives with another seed."
        )

    def notes_on(self, dataset: str, cells: list[Cell]) -> list[str]:
        """How a dataset's columns were measured."""
        return []

    def details(self, cells: Cells) -> Grid:
        """The runs of each cell, below the table."""
        found = [(cell, self.detail(cell)) for cell in cells if cell.runs]
        further = list(dict.fromkeys(heading for _, detail in found for heading in detail))
        lines = [
            (cell.dataset, cell.model, cell.remark or cell.status, cell.seeds, *(detail.get(h, DASH) for h in further))
            for cell, detail in found
        ]
        header = (cells.task.dataset_word, cells.task.row_word, "status", "seeds", *further)
        return Grid("Runs", header, lines, self.details_note)

    def detail(self, cell: Cell) -> dict[str, str]:
        """What is said of a cell's runs, by heading; empty where nothing was measured."""
        main = estimate(cell, self.main)
        if main is None:
            return {}
        spreads = {metric: found.spread for metric in self.metrics if (found := estimate(cell, metric))}
        return {
            **{f"sd of {metric.title} over seeds": printed(s, metric.digits + 1) for metric, s in spreads.items()},
            "training, s": f"{mean_of(main.runs, 'training.seconds'):,.1f}",
            "measuring, s": f"{mean_of(main.runs, 'evaluation.measure_seconds'):,.1f}",
        }

    # Which row is better.

    def paired(self, cells: Cells, metric: Metric) -> Paired:
        """The cells as they are compared."""
        samples = {(cell.dataset, cell.model): self.sample(cell, metric) for cell in cells}
        return Paired(metric, {key: sample for key, sample in samples.items() if sample is not None}, self.difference)

    def sample(self, cell: Cell, metric: Metric) -> Any:
        """What a cell's differences are computed from; None where there is nothing."""
        return estimate(cell, metric)

    def difference(self, ours: Any, theirs: Any) -> Interval | str:
        """The paired difference of two samples, or why there is none."""
        return paired_difference(ours, theirs)

    def applies(self, cell: Cell, metric: Metric) -> bool:
        """Whether a row has a number of this kind; one that ended well without it has none."""
        return cell.status != "ok" or bool(cell.measured(metric.name))

    def pairs(self, cells: list[Cell], paired: Paired) -> list[tuple[Cell, Cell]]:
        """Which cells of a dataset are compared: none that has no number of this kind."""
        return [pair for pair in named_pairs(cells) if all(self.applies(cell, paired.metric) for cell in pair)]

    def comparisons(self, cells: Cells, paired: Paired) -> Grid:
        """Which row is better, on the same examples."""
        task, metric = cells.task, paired.metric
        title = "Paired differences" + (f": {metric.title}" if len(self.compared) > 1 else "")
        header = (task.dataset_word, task.rows_word, f"{in_unit(metric, cells).difference}, 95 % interval", "better")
        pairs = [pair for dataset in cells.datasets for pair in self.pairs(cells.of(dataset), paired)]
        return Grid(title, header, [paired.line(*pair) for pair in pairs], self.paired_note(cells), in_latex=True)

    def paired_note(self, cells: Cells) -> str:
        """How the differences are read."""
        examples, row = cells.examples, cells.task.row_word
        return (
            f"Mean over the test {examples} of the difference on each, and over the seeds. The interval covers the "
            f"choice of test {examples} and, where a {row} has several seeds, of its seeds. Where a {row} has one "
            f"seed, it does not cover what another would change: the verdict is then one '{THESE}'. Intervals are "
            "not widened for the number of comparisons."
        )

    def figures(self, cells: Cells, workspace: Workspace) -> list[Figure]:
        return comparison_figure(cells, self.main, workspace, self.beside(cells))

    def beside(self, cells: Cells) -> Beside:
        """What the figure shows beside our numbers and the paper's."""
        return Beside()


def _value(cell: Cell, metric: Metric, best: bool, beside: bool, applies: bool) -> Value:
    """A metric of a cell beside the paper's; where there is no number the cell's status, if it should have one.

    Args:
        beside: whether the column has published numbers.
    """
    found, number, digits, status = estimate(cell, metric), cell.published(metric.name), metric.digits, cell.status
    paper = printed(number, digits) if beside else ""
    if found is None:
        seeds = f"{len(cell.runs)} seeds" if len(cell.runs) > 1 and applies and status != "ok" else ""
        word = status if applies and status != "ok" else "no number"
        return Value(word, paper=paper, remark=seeds, comparable=not cell.part, status=word)
    error = printed(found.error, digits) if found.error is not None else ""
    difference = f"{found.mean - number:+.{digits}f}" if number is not None else ""
    remark = "" if status == "ok" else cell.remark or status
    return Value(printed(found.mean, digits), error, paper, difference, remark, best, not cell.part, status)
