"""The published numbers that ours are put beside, as they stand in a task's ``published.csv``."""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple

from dgmbench.errors import UserError
from dgmbench.run.task import Task


class Published(NamedTuple):
    """One published cell.

    Attributes:
        numbers: by metric.
        source: where they were printed.
        expected: whether a table has the cell even if no run of it is planned.
    """

    numbers: dict[str, float]
    source: str
    expected: bool = True


def published(task: Task) -> dict[tuple[str, str], Published]:
    """(dataset, model) to what was printed, in the order of the published table; empty for a task without that file.

    The columns are the dataset and the row, named as the task names them, a metric each, and ``source``; an empty
    field is a number that was not published. Of several datasets, with blanks between them, tables expect the first;
    the others are versions of it, whose runs have the same number beside them.

    Raises:
        UserError: the file has other columns, or text where a number belongs.
    """
    file = resources.files(task.package) / "published.csv"
    if not file.is_file():
        return {}
    lines = csv.reader(file.read_text(encoding="utf-8").splitlines())
    header = next(lines, [])
    if header[:2] != [task.dataset_word, task.row_word] or header[-1] != "source":
        raise UserError(f"{file}: its columns must be {task.dataset_word},{task.row_word}, the metrics, source")
    metrics = header[2:-1]
    try:
        return {
            (dataset, model): Published(
                {m: float(n) for m, n in zip(metrics, numbers, strict=True) if n}, source, expected=not position
            )
            for datasets, model, *numbers, source in lines
            for position, dataset in enumerate(datasets.split())
        }
    except ValueError as error:
        raise UserError(f"{file} is broken: {error}") from error
