"""The longer runs of this project, which come with the package: the figure shows them beside every preset's numbers.

``longer.csv`` is written by ``docs/published_numbers.py`` from the runs that are kept under ``results/reference``.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

from dgmbench.report.cells import Cell, Cells
from dgmbench.report.comparison import OURS, PAPER, Beside, Other
from dgmbench.tasks.density.settings import DensitySettings

COLUMNS = ("dataset", "model", "log_likelihood", "standard_error", "epochs", "k", "preset", "commit")
# The settings' defaults are the published protocol.
_PAPER = DensitySettings.model_validate({})


@dataclass(frozen=True)
class LongerRun:
    """A number of ``longer.csv``; preset and commit say what it was trained by."""

    log_likelihood: float
    standard_error: float
    epochs: int
    k: int
    preset: str
    commit: str


def longer_runs() -> dict[tuple[str, str], LongerRun]:
    """By dataset and model."""
    text = (resources.files("dgmbench.tasks.density") / "longer.csv").read_text(encoding="utf-8")
    return {
        (line["dataset"], line["model"]): LongerRun(
            float(line["log_likelihood"]),
            float(line["standard_error"]),
            int(line["epochs"]),
            int(line["k"]),
            line["preset"],
            line["commit"],
        )
        for line in csv.DictReader(text.splitlines())
    }


def beside(cells: Cells) -> Beside:
    """What the figure of these cells shows beside their numbers: none of a preset's own runs, nor of a user's model."""
    known = longer_runs()
    longer = {
        (cell.dataset, cell.model): found
        for cell in cells.shown
        if (found := _longer(cell, known)) and found.preset != cells.preset
    }
    name = " and ".join(dict.fromkeys(run.preset for run in longer.values()))
    published = {(cell.dataset, cell.model) for cell in cells.shown if cell.published("log_likelihood") is not None}
    return Beside(
        name,
        {key: _other(run) for key, run in longer.items()},
        _about(longer, published <= longer.keys()) if longer else "",
        f"after {_PAPER.epochs} epochs, k = {_PAPER.k}",
        {dataset: _below(cells.of(dataset), dataset, name, longer) for dataset in cells.datasets},
        {(cell.dataset, cell.model): _facts(cell) for cell in cells.shown},
    )


def _longer(cell: Cell, known: Mapping[tuple[str, str], LongerRun]) -> LongerRun | None:
    """The longer run of a cell's model. A model of the user's may have the name of one here."""
    specs = [run.spec for run in cell.runs] if not any(run.spec.factory for run in cell.runs) else []
    return known.get((specs[0].dataset, specs[0].model)) if specs else None


def _other(run: LongerRun) -> Other:
    facts = {"epochs": run.epochs, "k": run.k, "commit": run.commit}
    words = f"{run.epochs} epochs, k = {run.k}, commit {run.commit[:10]}"
    return Other(run.log_likelihood, run.standard_error, {f"{run.preset}_{key}": v for key, v in facts.items()}, words)


def _about(longer: Mapping[tuple[str, str], LongerRun], complete: bool) -> str:
    """Whose the marks are."""
    epochs = [f"{n} on {' and '.join(names)}" for n, names in _by(longer, lambda run: run.epochs).items()]
    presets = dict.fromkeys(run.preset for run in longer.values())
    commits = dict.fromkeys(run.commit[:10] for run in longer.values())
    return (
        f"runs of preset {' and '.join(presets)} by this project, which come with the package: epochs "
        f"{', '.join(epochs)}; k = {_span(run.k for run in longer.values())}; commit {', '.join(commits)}"
        + ("" if complete else "; not yet of every model")
    )


def _by(longer: Mapping[tuple[str, str], LongerRun], key: Callable[[LongerRun], int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for (dataset, _), run in longer.items():
        names = found.setdefault(key(run), [])
        if dataset not in names:
            names.append(dataset)
    return found


def _facts(cell: Cell) -> dict[str, object]:
    """What our number and the paper's depend on."""
    paper = {"paper_epochs": _PAPER.epochs, "paper_k": _PAPER.k} if cell.published("log_likelihood") is not None else {}
    runs = cell.measured("log_likelihood")
    ours = {"epochs": runs[0].get("training", "epochs"), "k": runs[0].get("metrics", "k")} if runs else {}
    return {**ours, **paper}


def _below(cells: list[Cell], dataset: str, name: str, longer: Mapping[tuple[str, str], LongerRun]) -> str:
    """A line for each kind of mark of a panel: epochs and importance samples."""
    runs = [run for cell in cells for run in cell.measured("log_likelihood")]
    there = [run for (of, _), run in longer.items() if of == dataset]
    published = any(cell.runs and cell.published("log_likelihood") is not None for cell in cells)
    lines = [_line(OURS, [(run.get("training", "epochs"), run.get("metrics", "k")) for run in runs])]
    lines += [_line(f"preset {name}", [(run.epochs, run.k) for run in there])] if there else []
    lines += [_line(PAPER, [(_PAPER.epochs, _PAPER.k)])] if published else []
    return "\n".join(lines) if len(lines) > 1 and runs else ""


def _line(whose: str, found: list[tuple[int, int | str]]) -> str:
    epochs, ks = ([each[i] for each in found] for i in (0, 1))
    return f"{whose}: epochs {_span(epochs)}, k = {_span(ks)}"


def _span(values: Iterable[int | str]) -> str:
    """The one value, or the smallest and the largest; words after them."""
    found = list(dict.fromkeys(values))
    numbers, words = [v for v in found if not isinstance(v, str)], [v for v in found if isinstance(v, str)]
    ends = [f"{min(numbers)} to {max(numbers)}" if len(numbers) > 1 else f"{numbers[0]}"] if numbers else []
    return " or ".join([*ends, *words])
