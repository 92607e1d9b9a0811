"""A metric of a cell: its mean over seeds and examples, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np

from dgmbench.metrics.differences import Draws
from dgmbench.report.cells import Cell, Run


@dataclass(frozen=True)
class Metric:
    """A number that every run of a task has.

    Attributes:
        name: in ``Evaluation.metrics``, in the CSV file and in ``published.csv``.
        label: heading of its column; the name by default.
        unit: of the metric and of its differences: ``nats``, ``%``.
        digits: decimals shown.
        per_example: the array of ``Evaluation.per_example`` whose mean it is, (examples,) of the same examples, in the
            same order, for every row and seed. It gives standard errors and paired differences.
        drawn: the array of ``Evaluation.per_example`` with its values on bootstrap draws, (draws,), where it is no mean
            over examples; the test examples of a draw are the same for every row and seed. It gives the same.
        by_seed: whether the standard deviation over the seeds stands beside the mean, also where there is a standard
            error over the examples.
    """

    name: str
    label: str = ""
    _: KW_ONLY
    unit: str = ""
    digits: int = 2
    higher_is_better: bool = True
    per_example: str = ""
    drawn: str = ""
    by_seed: bool = False

    @property
    def title(self) -> str:
        return self.label or self.name

    @property
    def axis(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def has_standard_error(self) -> bool:
        """What stands beside the mean of a single seed, too: over examples or over bootstrap draws."""
        return bool(self.per_example or self.drawn) and not self.by_seed

    @property
    def difference(self) -> str:
        """What a difference of two rows is called."""
        return f"difference in {self.unit}" if self.unit[:1].isalpha() else f"difference of {self.title}"


@dataclass(frozen=True, eq=False)
class Estimate:
    """A metric of a cell, over the seeds that have a value.

    Attributes:
        mean: over the seeds.
        error: standard error over the examples, of the mean over the seeds; the standard deviation over the seeds
            where the metric is shown by seed, or is no mean over examples and has no draws; None for a single example,
            or seed.
        spread: standard deviation of the seeds' values; None for a single seed.
        values: (seeds, examples), where the metric is a mean over examples.
        drawn: of the seeds, where the metric has bootstrap draws.
    """

    runs: list[Run]
    mean: float
    error: float | None
    spread: float | None
    values: np.ndarray | None = None
    drawn: Draws | None = None


def estimate(cell: Cell, metric: Metric) -> Estimate | None:
    """A metric of a cell, None where nothing was measured."""
    runs = cell.measured(metric.name)
    if not runs:
        return None
    if not metric.per_example:
        of_seeds = np.array([run.get("metrics", metric.name) for run in runs], dtype=float)
        spread = float(of_seeds.std(ddof=1)) if len(runs) > 1 else None
        if metric.drawn:
            drawn = Draws(of_seeds, np.stack([run.arrays[metric.drawn] for run in runs]))
            over_draws = float(drawn.drawn.mean(axis=0).std(ddof=1))
            return Estimate(runs, float(of_seeds.mean()), over_draws, spread, drawn=drawn)
        return Estimate(runs, float(of_seeds.mean()), spread, spread)
    values = np.stack([run.arrays[metric.per_example] for run in runs])  # (seeds, examples)
    examples = values.mean(axis=0)
    error = float(examples.std(ddof=1)) / math.sqrt(len(examples)) if len(examples) > 1 else None
    spread = float(values.mean(axis=1).std(ddof=1)) if len(runs) > 1 else None
    return Estimate(runs, float(examples.mean()), spread if metric.by_seed else error, spread, values)


def in_unit(metric: Metric, cells: Iterable[Cell]) -> Metric:
    """A metric in the unit of these cells: a record may have another as ``metrics.<name>_unit``."""
    runs = [run for cell in cells for run in cell.measured(metric.name)]
    units = dict.fromkeys(run.get("metrics", f"{metric.name}_unit") or metric.unit for run in runs)
    return replace(metric, unit=" or ".join(units) or metric.unit)


def mean_of(runs: list[Run], *names: str) -> float:
    """The mean over runs of the sum of some numbers of their records: ``training.seconds``."""
    return float(np.mean([sum(run.get(*name.split(".")) for name in names) for run in runs]))
