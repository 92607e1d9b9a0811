"""Which row is better: the best of a dataset, and the pairs of rows that are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dgmbench.metrics.differences import Interval, drawn_difference, mean_difference
from dgmbench.report.cells import Cell, Run
from dgmbench.report.estimates import Estimate, Metric, estimate

THESE = "on these trained models"
"""The verdict where an interval covers the test examples alone: another seed may give another."""


def paired_difference(ours: Estimate, theirs: Estimate) -> Interval | str:
    """The difference on the same examples, or on the same draws of them, or why there is none."""
    first, second = ours.runs[0], theirs.runs[0]
    same = _arrays(first) == _arrays(second) and first.get("protocol", "split") == second.get("protocol", "split")
    if same and ours.drawn and theirs.drawn and ours.drawn.drawn.shape[1:] == theirs.drawn.drawn.shape[1:]:
        return drawn_difference(ours.drawn, theirs.drawn)
    if not same or ours.values is None or theirs.values is None or ours.values.shape[1:] != theirs.values.shape[1:]:
        return "measured on other test data"
    return mean_difference(ours.values, theirs.values)


def _arrays(run: Run) -> dict[str, str]:
    """Data is the same when its arrays are, whatever archive they came in."""
    return {k: v for k, v in (run.get("data", "checksums") or {}).items() if k.startswith("array:")}


def named_pairs(cells: Iterable[Cell]) -> list[tuple[Cell, Cell]]:
    """The pairs that ``Row.compared_with`` names, those of a variant and its plain row first; of a user's row, all."""
    planned = {cell.model: cell for cell in cells if cell.runs}
    found = [
        (cell, planned[other]) for cell in planned.values() for other in _others(cell, planned) if other in planned
    ]
    return sorted(found, key=lambda pair: pair[0].row is None or pair[0].row.variant_of != pair[1].model)


def _others(cell: Cell, planned: Mapping[str, Cell]) -> Iterable[str]:
    """What a row is compared with: two rows of a user once, the later one with the earlier one."""
    if not cell.runs[0].spec.factory:
        return cell.row.compared_with if cell.row else ()
    names = list(planned)
    later = names[names.index(cell.model) + 1 :]
    return [name for name in names if name != cell.model and not (name in later and planned[name].runs[0].spec.factory)]


@dataclass(frozen=True)
class Paired:
    """The cells of a table as they are compared by one metric.

    Attributes:
        samples: by dataset and model, what the differences are computed from.
        difference: of two samples, or why there is none.
    """

    metric: Metric
    samples: Mapping[tuple[str, str], Any]
    difference: Callable[[Any, Any], Interval | str]

    def between(self, ours: Cell, theirs: Cell) -> Interval | str:
        """The paired difference of two cells of a dataset, or why there is none."""
        for cell in (ours, theirs):
            if (cell.dataset, cell.model) not in self.samples:
                return f"{cell.model} is {cell.status}"
        return self.difference(self.samples[ours.dataset, ours.model], self.samples[theirs.dataset, theirs.model])

    def best(self, cells: Iterable[Cell]) -> str | None:
        """The model that is better than the second best by an interval that excludes 0; None where there is none."""
        models = [cell for cell in cells if cell.row is None or not cell.row.reference]
        found = [cell for cell in ranking(models, self.metric) if cell.status == "ok"]  # never a diverged one
        result = self.between(*found[:2]) if len(found) > 1 else ""
        return found[0].model if isinstance(result, Interval) and self._wins(result) else None

    def line(self, ours: Cell, theirs: Cell) -> tuple[str, str, str, str]:
        """The pair in words: dataset, names, difference with its interval, whether ours is better."""
        names, result = f"{ours.model} minus {theirs.model}", self.between(ours, theirs)
        if isinstance(result, str):
            return ours.dataset, names, result, ""
        mean, low, high = (f"{number:+.{self.metric.digits}f}" for number in result)
        interval = f"[{low}, {high}]" if result.is_known else "(too few examples for an interval)"
        return ours.dataset, names, f"{mean} {interval}", self._verdict(result, self.covers_seeds(ours, theirs))

    def covers_seeds(self, *cells: Cell) -> bool:
        """Whether an interval tells of what other seeds would give, not of these trained models alone."""
        return all(
            len(cell.measured(self.metric.name)) > 1 or (cell.row is not None and cell.row.deterministic)
            for cell in cells
        )

    def _wins(self, difference: Interval) -> bool:
        return difference.excludes_zero and (difference.low > 0) == self.metric.higher_is_better

    def _verdict(self, difference: Interval, covers_seeds: bool) -> str:
        if not difference.excludes_zero:
            return "cannot tell"
        if covers_seeds:
            return "yes" if self._wins(difference) else "no, it is worse"
        return THESE if self._wins(difference) else f"worse {THESE}"


def ranking(cells: Iterable[Cell], metric: Metric) -> list[Cell]:
    """The cells that have the metric, the best first."""
    sign = -1 if metric.higher_is_better else 1
    found = [(sign * value.mean, cell) for cell in cells if (value := estimate(cell, metric))]
    return [cell for _, cell in sorted(found, key=lambda pair: pair[0])]
