"""The few-labels table: test errors by the number of labels, means over label sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dgmbench.metrics.differences import Interval, mean_difference
from dgmbench.report.cells import Cell, Cells
from dgmbench.report.estimates import Metric, estimate
from dgmbench.report.label_curve import draw_label_curve
from dgmbench.report.notes import variants
from dgmbench.report.sheet import DASH, Figure, Grid, Sheet, printed
from dgmbench.report.table import MetricTable
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.few_labels.class_samples import class_samples
from dgmbench.tasks.few_labels.settings import few_first, few_labels_settings, label_name


def metric_of(number: int) -> Metric:
    """The error with a number of labels, 0 for all; beside its mean stands the deviation over the label sets."""
    name = f"error_{label_name(number)}"
    title = f"error, {number:,} labels" if number else "error, all labels"
    return Metric(name, title, unit="%", higher_is_better=False, per_example=name, by_seed=True)


class FewLabelsTable(MetricTable):
    """A column for each number of labels that was asked for; a seed is a label set, the same for every row."""

    def asked(self, cells: Cells) -> FewLabelsTable:
        return self._of(_numbers(cells))

    def problem(self, record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
        numbers = record["spec"]["settings"]["labels"] if "spec" in record else []
        return super(FewLabelsTable, self._of(numbers)).problem(record, arrays)

    def from_examples(self, arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
        return {name: float(values.mean()) for name, values in arrays.items()}

    def applies(self, cell: Cell, metric: Metric) -> bool:
        return any(metric_of(number).name == metric.name for number in _numbers([cell]))

    def rows(self, cells: Cells) -> list[dict[str, Any]]:
        return super(FewLabelsTable, self.asked(cells)).rows(cells)

    def sheet(self, cells: Cells) -> Sheet:
        sheet = super(FewLabelsTable, self.asked(cells)).sheet(cells)
        return replace(sheet, grids=[*sheet.grids, _by_set(cells)])

    def figures(self, cells: Cells, workspace: Workspace) -> list[Figure]:
        compared = super(FewLabelsTable, self.asked(cells)).figures(cells, workspace)
        return [*compared, *_curve(cells, workspace), *class_samples(cells, workspace)]

    def _of(self, numbers: Iterable[int]) -> FewLabelsTable:
        """The table with the columns of these numbers of labels, all of them last."""
        few = few_first(set(numbers))
        return replace(self, metrics=tuple(map(metric_of, few)) or self.metrics)

    def notes(self, cells: Cells) -> list[str]:
        return [
            *super().notes(cells),
            "A seed is a label set: which training images are labelled, the classes as equal in number as can be; it "
            "also seeds the weights. All rows of a dataset see the same sets.",
            *self._not_asked(cells),
        ]

    def _not_asked(self, cells: Cells) -> list[str]:
        numbers = _numbers(cells)
        rows = [
            cell.model for cell in cells for run in cell.runs if numbers - set(few_labels_settings(run.spec).labels)
        ]
        asked = "'no number': the configuration does not ask for this number of labels in this row"
        return [f"{asked} ({', '.join(dict.fromkeys(rows))})."] if rows else []

    def notes_on(self, dataset: str, cells: list[Cell]) -> list[str]:
        runs = [(cell.model, run) for cell in cells for run in cell.runs if run.record]
        if not runs:
            return []

        def each(*keys: str) -> str:
            return variants((model, run.get(*keys)) for model, run in runs)

        networks = variants((model, run.get("spec", "options").get("network", "of its own")) for model, run in runs)
        # a row without an epoch is trained by another task, without steps here
        by_steps = [(model, run) for model, run in runs if run.get("training", "epochs")]
        labelled = variants((model, few_labels_settings(run.spec).labelled_batch) for model, run in by_steps)
        steps = f"; labelled images in a step {labelled}, all if there are fewer" if by_steps else ""
        return [
            f"{dataset}: {each('metrics', 'unlabelled')} training images, labelled or not; "
            f"{each('metrics', 'images')} {each('protocol', 'split')} images; classifier: {networks}; epochs "
            f"{each('training', 'epochs')} (0: trained by another task){steps}."
        ]

    def difference(self, ours: Any, theirs: Any) -> Interval | str:
        """Paired by image and by label set, where both have the same sets; else as other tables."""
        found = super().difference(ours, theirs)
        first, second = ({run.spec.seed: v for run, v in zip(e.runs, e.values, strict=True)} for e in (ours, theirs))
        if isinstance(found, str) or first.keys() != second.keys():
            return found
        differences = np.stack([first[seed] - second[seed] for seed in first])
        return mean_difference(differences, np.zeros(differences.shape[1]))

    def paired_note(self, cells: Cells) -> str:
        return (
            "Mean over the label sets and the test images of the difference on each. The interval covers the choice of "
            "images and, with several label sets, of the sets: what two rows have of one set is compared. With one set "
            "the verdict is of these trained models alone. Intervals are not widened for the number of comparisons."
        )


def _numbers(cells: Iterable[Cell]) -> set[int]:
    return {number for cell in cells for run in cell.runs for number in few_labels_settings(run.spec).labels}


def _by_set(cells: Cells) -> Grid:
    """The error with each label set."""
    seeds = sorted({run.spec.seed for cell in cells for run in cell.runs})
    lines = []
    for cell in cells:
        for number in few_first(_numbers(cells)):
            metric = metric_of(number)
            of_seed = {run.spec.seed: run.get("metrics", metric.name) for run in cell.measured(metric.name)}
            if of_seed:
                errors = [printed(of_seed[seed], 2) if seed in of_seed else DASH for seed in seeds]
                lines.append((cell.dataset, cell.model, label_name(number), *errors))
    header = (cells.task.dataset_word, cells.task.row_word, "labels", *(f"set {seed}" for seed in seeds))
    return Grid("Errors by label set", header, lines, "Test error in percent with each label set.")


def _curve(cells: Cells, workspace: Workspace) -> list[Figure]:
    import pandas as pd

    lines = [
        {
            **{"dataset": cell.dataset, "model": cell.model, "seed": run.spec.seed},
            **{"labels": number or run.get("metrics", "unlabelled"), "error": run.get("metrics", metric.name)},
        }
        for cell in cells
        for number in _numbers(cells)
        if estimate(cell, metric := metric_of(number))
        for run in cell.measured(metric.name)
    ]
    text = (
        "Test error by the number of labels; lower is better. With several label sets a line is their mean, with its "
        "standard deviation."
    )
    return draw_label_curve(cells, pd.DataFrame(lines), text, workspace)


TABLE = FewLabelsTable(
    tuple(map(metric_of, (20, 50, 100, 200, 0))),
    about="Test error, in percent, of classifiers that see the labels of few training images. Lower is better.",
    needs=("metrics.images", "metrics.unlabelled", "training.epochs", "protocol.split", "protocol.label_set"),
    headline="error_100",
)
