"""What MLflow says in words: what the numbers of a task are, with their units, and how to read the runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dgmbench.names import load_object
from dgmbench.report.estimates import Metric
from dgmbench.report.published import Published, published
from dgmbench.run.task import Task

# What every run has, whatever its task.
_OF_EVERY_RUN = {
    "training_seconds": "seconds that training, or fitting, took, with loading the data",
    "training_cpu_seconds": "processor seconds of it",
    "measure_seconds": "seconds that the evaluation took",
    "peak_memory_mb": "the largest resident size, in MiB",
}


@dataclass(frozen=True)
class Described:
    """What is known of a task's numbers.

    Attributes:
        metrics: those of its table.
        main: the one that rows are compared by.
        papers: published numbers by dataset and row.
    """

    task: Task
    metrics: tuple[Metric, ...]
    main: Metric | None
    papers: Mapping[tuple[str, str], Published]

    @classmethod
    def of(cls, task: Task) -> Described:
        table = load_object(task.table)
        metrics = tuple(getattr(table, "metrics", ()))
        return cls(task, metrics, getattr(table, "main", metrics[0] if metrics else None), published(task))

    @property
    def numbers(self) -> dict[str, str]:
        """What each number is, by the name that MLflow shows it under."""
        found = {metric.name: metric.axis for metric in self.metrics}
        for metric in self.metrics:
            if any(metric.name in paper.numbers for paper in self.papers.values()):
                ours, paper, delta = metric.name, self._beside("paper", metric), self._beside("delta", metric)
                found |= {paper: f"the published {ours}", delta: f"{ours} minus the published one"}
        return found | dict(self.task.numbers)

    def beside_the_paper(self, dataset: str, row: str, values: Mapping[str, Any]) -> dict[str, float]:
        """The published numbers and the differences to them: ``paper`` and ``delta`` of the main metric."""
        paper, found = self.papers.get((dataset, row)), {}
        for metric in self.metrics:
            number, ours = paper.numbers.get(metric.name) if paper else None, values.get(metric.name)
            if number is not None:
                found[self._beside("paper", metric)] = number
                if ours is not None:
                    found[self._beside("delta", metric)] = ours - number
        return found

    def _beside(self, what: str, metric: Metric) -> str:
        return what if metric is self.main else f"{what}_{metric.name}"

    def about(self, spec: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        """A run in words: what it is, what came out, and what each number is; Markdown.

        Args:
            values: the numbers of its record, and its words about them.
        """
        row, lines = self.task.rows.get(spec["model"]), []
        paper = self.papers.get((spec["dataset"], spec["model"]))
        for metric in self.metrics:
            if (ours := values.get(metric.name)) is not None:  # some rows have no number of a kind
                number = paper.numbers.get(metric.name) if paper else None
                better = "higher" if metric.higher_is_better else "lower"
                axis = replace(metric, unit=values.get(f"{metric.name}_unit", metric.unit)).axis
                line = f"- **{axis}: {ours:.{metric.digits}f}**; {better} is better"
                if number is not None:
                    line += f"; published {number:.{metric.digits}f}, difference {ours - number:+.{metric.digits}f}"
                lines.append(line)
        words = {name: value for name, value in values.items() if isinstance(value, str)}
        lines += [f"- {name}: {value}; {self.numbers[name]}" for name, value in words.items() if name in self.numbers]
        if paper:
            lines.append(f"- published in: {paper.source}")
        for name, part in (("train_limit", "trained"), ("test_limit", "tested")):
            if spec["settings"].get(name):
                limit = f"{part} on {spec['settings'][name]:,} {values.get('examples', self.task.examples)} only"
                lines.append(f"- {limit}: not to be compared with the published number")
        title = f"{self.task.title}: {row.about if row else spec['model']}."
        return "\n".join([title, "", *lines, "", self.meant])

    @property
    def meant(self) -> str:
        """What each number is, as a Markdown table."""
        lines = [f"| `{name}` | {text} |" for name, text in (self.numbers | _OF_EVERY_RUN).items()]
        return "\n".join(["| number | what it is |", "| --- | --- |", *lines])


def about_experiment(preset: str, tasks: Iterable[Described]) -> str:
    """How to read the runs of a preset; Markdown."""
    parts = [
        f"Preset `{preset}` of dgmbench: a run for each training, named by dataset, row and seed. `pipeline` holds the "
        "best value of each dataset, the tables and the figures. Curves are by epoch, or by sweep of a document "
        "method. Parameters are what a run was asked for and what is constant in it; metrics are what was measured. "
        "`paper` is the published number and `delta` ours minus that.",
        "The address that `dgmbench run` prints at its end opens the list of all runs with their numbers; elsewhere "
        "unfold `pipeline` to see them. To compare: tick runs and choose *Compare*. Runs with `train_limit`, "
        "`test_limit` or another `k` than the paper's are not comparable with it.",
        "The files of the results folder are the truth, this is a view of them: `dgmbench sync-mlflow` makes it again.",
    ]
    return "\n\n".join(parts + [f"**{known.task.title}**\n\n{known.meant}" for known in tasks])
