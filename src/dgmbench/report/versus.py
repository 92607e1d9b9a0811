"""Two results of a task beside each other: both numbers of each row, and the difference on the same examples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dgmbench.metrics.differences import Interval
from dgmbench.report.cells import Cell, Cells
from dgmbench.report.changes import changes
from dgmbench.report.estimates import Metric, estimate, in_unit
from dgmbench.report.paired import THESE, Paired
from dgmbench.report.sheet import Grid, Sheet, Value, printed
from dgmbench.report.table import MetricTable
from dgmbench.report.values import same_values
from dgmbench.run.task import Task

EQUAL = "the same values"
"""The verdict on a row whose values by example are the same on both sides."""

Pair = tuple[Cell, Cell]
Labels = tuple[str, str]


@dataclass(frozen=True)
class Versus:
    """A task of two results.

    Attributes:
        sheet: both numbers of each row, below them the paired differences and what else differs.
        lines: the same for programs, a line per dataset, row and metric.
    """

    sheet: Sheet
    lines: list[dict[str, Any]]


def versus(table: MetricTable, first: Cells, second: Cells, labels: Labels) -> Versus | None:
    """Second minus first, of every cell that both have runs of; None where there is none.

    Intervals are those of the task's own paired differences: they cover the choice of the test examples and, where
    both sides have several seeds, of the seeds. A row that was measured on other data or in another way has none.
    """
    pairs, task = _pairs(first, second), first.task
    if not pairs:
        return None
    table = table.asked(first)
    lines = [line for metric in table.metrics for line in _lines(metric, table, pairs, (first, second), labels)]
    grids = []
    for metric in table.compared:
        rows = [(*line.cell, line.shown, line.verdict) for line in lines if line.metric == metric.name]
        difference = f"{in_unit(metric, second).difference}, 95 % interval"
        header = (task.dataset_word, task.row_word, difference, f"is {labels[1]} better?")
        grids.append(Grid(f"{labels[1]} minus {labels[0]}: {metric.title}", header, rows, _note(labels, task)))
    grids.append(changes(pairs, labels))
    return Versus(_sheet(table, pairs, (first, second), labels, grids), [line.plain(task) for line in lines])


def _note(labels: Labels, task: Task) -> str:
    return (
        f"On the same test {task.examples}, by the estimator of the task's own paired differences. The interval covers "
        f"the choice of test {task.examples} and, where both sides have several seeds, of the seeds. Where one side "
        f"has a single seed the verdict is one '{THESE}': it does not cover what another seed would change. '{EQUAL}' "
        f"is said where every value by example is the same in {labels[0]} and {labels[1]}."
    )


def _pairs(first: Cells, second: Cells) -> list[Pair]:
    there = {(cell.dataset, cell.model): cell for cell in second if cell.runs}
    ours = [cell for cell in first if cell.runs]
    return [(cell, there[cell.dataset, cell.model]) for cell in ours if (cell.dataset, cell.model) in there]


@dataclass(frozen=True)
class _Line:
    """A metric of a row on both sides."""

    cell: tuple[str, str]
    metric: str
    means: tuple[float, float]
    seeds: tuple[str, str]
    result: Interval | str
    shown: str
    verdict: str

    def plain(self, task: Task) -> dict[str, Any]:
        """By the headings of the CSV file."""
        low, high = (None, None) if isinstance(self.result, str) else self.result[1:]
        return {
            task.dataset_word: self.cell[0],
            task.row_word: self.cell[1],
            "metric": self.metric,
            "first": self.means[0],
            "second": self.means[1],
            "difference": self.means[1] - self.means[0],
            "low": low,
            "high": high,
            "verdict": self.verdict or self.result,
            "first_seeds": self.seeds[0],
            "second_seeds": self.seeds[1],
        }


def _lines(
    metric: Metric, table: MetricTable, pairs: Sequence[Pair], sides: tuple[Cells, Cells], labels: Labels
) -> Iterator[_Line]:
    """Of every pair; a metric that the task compares by has an interval."""
    compared = metric in table.compared
    samples: dict[tuple[str, str], Any] = {}
    if compared:
        for cells, label in zip(sides, labels, strict=True):
            found = table.paired(cells, metric).samples
            samples |= {(dataset, _named(model, label)): sample for (dataset, model), sample in found.items()}
    both = Paired(metric, samples, table.difference)
    for pair in pairs:
        first, second = (replace(c, model=_named(c.model, label)) for c, label in zip(pair, labels, strict=True))
        result: Interval | str = both.between(second, first) if compared else "no interval: no values by example"
        shown, verdict = both.line(second, first)[2:] if compared else (result, "")
        measured = [estimate(cell, metric) for cell in pair]
        means = tuple(each.mean if each else math.nan for each in measured)
        yield _Line(
            (pair[0].dataset, pair[0].model),
            metric.name,
            means=(means[0], means[1]),
            seeds=(pair[0].seeds, pair[1].seeds),
            result=result,
            shown=str(shown),
            verdict=EQUAL if _identical(pair) else verdict,
        )


def _named(model: str, label: str) -> str:
    return f"{model} in {label}"


def _identical(pair: Pair) -> bool:
    """Whether both sides have the same seeds, and all of their values by example are the same."""
    one, other = ({run.spec.seed: run.arrays for run in cell.runs} for cell in pair)
    return one.keys() == other.keys() and all(bool(one[seed]) and same_values(one[seed], other[seed]) for seed in one)


def _sheet(
    table: MetricTable, pairs: Sequence[Pair], sides: tuple[Cells, Cells], labels: Labels, grids: list[Grid]
) -> Sheet:
    task, by_key = sides[0].task, {(pair[0].dataset, pair[0].model): pair for pair in pairs}
    datasets = list(dict.fromkeys(dataset for dataset, _ in by_key))
    one = len(table.metrics) == 1
    titles = labels if one else tuple(f"{metric.title}, {label}" for metric in table.metrics for label in labels)
    rows: list[tuple[str, list[Value | None]]] = []
    for model in dict.fromkeys(model for _, model in by_key):
        line: list[Value | None] = []
        for dataset in datasets:
            pair = by_key.get((dataset, model))
            for metric in table.metrics:
                line += [_value(cell, metric) for cell in pair] if pair else [None, None]
        rows.append((model, line))
    about = "; ".join(
        f"{in_unit(metric, sides[0]).axis}: {'higher' if metric.higher_is_better else 'lower'} is better"
        for metric in table.metrics
    )
    notes = [f"{task.about[:1].upper()}{task.about[1:]}. {about}. Each cell: ours ± as in its own table."]
    groups = tuple((dataset, titles) for dataset in datasets)
    return Sheet(task.name, task.title, task.row_word, groups, rows, [*notes, *_alone(sides, labels)], grids)


def _value(cell: Cell, metric: Metric) -> Value:
    found, whole = estimate(cell, metric), not cell.part
    if found is None:
        word = "no number" if cell.status == "ok" else cell.status
        return Value(word, paper="", comparable=whole, status=word)
    error = printed(found.error, metric.digits) if found.error is not None else ""
    remark = "" if cell.status == "ok" else cell.remark or cell.status
    return Value(printed(found.mean, metric.digits), error, "", "", remark, False, whole, cell.status)


def _alone(sides: tuple[Cells, Cells], labels: Labels) -> Iterator[str]:
    """What only one side has."""
    keys = [{(cell.dataset, cell.model): None for cell in cells if cell.runs} for cells in sides]
    for label, mine, theirs in ((labels[0], *keys), (labels[1], *reversed(keys))):
        if rest := [f"{model} on {dataset}" for dataset, model in mine if (dataset, model) not in theirs]:
            yield f"Only in {label}: {', '.join(rest)}."
