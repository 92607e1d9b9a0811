"""The density table: test log-likelihoods in nats beside the published ones."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from dgmbench.run.config import Plan
from dgmbench.run.spec import DensitySettings
from dgmbench.report import sheet as sheets
from dgmbench.report.cells import Cell, Run, of_planned_datasets
from dgmbench.metrics.differences import Interval, mean_difference
from dgmbench.report.sheet import DASH, Grid, Sheet, Value

COLUMNS = (
    "dataset",
    "model",
    "n_seeds",
    "k",
    "ll_mean",
    "ll_se",
    "ll_sd_seeds",
    "paper",
    "delta",
    "epochs",
    "parameters",
    "train_seconds",
    "status",
)
# The settings' defaults are the published protocol.
_PAPER = DensitySettings()


class Likelihood(NamedTuple):
    """The test log-likelihood of a cell, over the seeds that have one.

    Attributes:
        values: (seeds, images) nats.
        mean: over images and seeds.
        error: standard error over the images, of the mean over the seeds; None for a single image.
        spread: standard deviation of the seeds' means; None for a single seed.
    """

    values: np.ndarray
    mean: float
    error: float | None
    spread: float | None
    runs: list[Run]


def likelihood(cell: Cell) -> Likelihood | None:
    """What was measured for a cell, None where nothing was."""
    runs = [run for run in cell.measured("log_likelihood") if "log_likelihood" in run.arrays]
    if not runs:
        return None
    values = np.stack([run.arrays["log_likelihood"] for run in runs])  # (seeds, images)
    images = values.mean(axis=0)
    error = float(images.std(ddof=1)) / math.sqrt(len(images)) if len(images) > 1 else None
    spread = float(values.mean(axis=1).std(ddof=1)) if len(runs) > 1 else None
    return Likelihood(values, float(images.mean()), error, spread, runs)


def rows(cells: list[Cell]) -> list[dict[str, Any]]:
    """The table as data: a row per cell, ``nan`` for what was not measured, None for what does not apply."""
    return [_row(cell, likelihood(cell)) for cell in cells]


def _row(cell: Cell, measured: Likelihood | None) -> dict[str, Any]:
    nan = math.nan
    paper = cell.paper.numbers["log_likelihood"] if cell.paper else None
    row = dict.fromkeys(COLUMNS, nan) | {
        "dataset": cell.dataset,
        "model": cell.model,
        "n_seeds": 0,
        "ll_sd_seeds": None,
    }
    if measured:
        runs = measured.runs
        row |= {
            "n_seeds": len(runs),
            "k": runs[0].get("metrics", "k"),
            "ll_mean": measured.mean,
            "ll_se": nan if measured.error is None else measured.error,
            "ll_sd_seeds": measured.spread,
            "delta": measured.mean - paper if paper is not None else None,
            "epochs": min(run.get("training", "epochs") for run in runs),
            "parameters": runs[0].get("training", "parameters"),
            "train_seconds": float(np.mean([run.get("training", "train_seconds") for run in runs])),
        }
    if paper is None:
        row["delta"] = None
    return row | {"paper": paper, "status": cell.status}


def sheet(cells: list[Cell], plan: Plan) -> Sheet:
    """The table as people read it: a row per model, a column per dataset."""
    datasets = list(dict.fromkeys(cell.dataset for cell in of_planned_datasets(cells)))
    measured = {(cell.dataset, cell.model): likelihood(cell) for cell in cells}
    best = {dataset: _best([cell for cell in cells if cell.dataset == dataset], measured) for dataset in datasets}
    by_key = {(cell.dataset, cell.model): cell for cell in cells}
    table = []
    for model in dict.fromkeys(cell.model for cell in cells):
        line: list[Value | None] = []
        for dataset in datasets:
            cell, found = by_key.get((dataset, model)), measured.get((dataset, model))
            if cell is None:
                line.append(None)
                continue
            paper = cell.paper.numbers["log_likelihood"] if cell.paper else None
            line.append(
                sheets.value(
                    cell,
                    found.mean if found else None,
                    paper,
                    2,
                    error=found.error if found else None,
                    best=best[dataset] == model,
                )
            )
        table.append((model, line))
    notes = [
        f"Preset {plan.preset}. Test log-likelihood in nats per image, estimated by importance sampling with k "
        "samples: higher is better. Each cell: ours ± its standard error over the test images (the paper's "
        f"number, ours minus the paper's). {DASH} means that nothing was published.",
        "Bold: best of its column, and the 95 % interval of the paired difference to the second best excludes 0.",
        *[note for dataset in datasets for note in _note(dataset, [c for c in cells if c.dataset == dataset])],
        *sheets.notes_on_gaps(cells),
        *sheets.notes_on_sources(cells),
        *sheets.notes_on_code(cells),
    ]
    return Sheet(
        "density",
        "Density estimation",
        "model",
        tuple((dataset, ("log-likelihood",)) for dataset in datasets),
        table,
        notes,
        [comparisons(cells), _details(cells, measured)],
    )


def _note(dataset: str, cells: list[Cell]) -> list[str]:
    """How a dataset's column was measured."""
    runs = [(cell.model, run) for cell in cells if (found := likelihood(cell)) for run in found.runs]
    if not runs:
        return []

    def each(*keys: str) -> str:
        return sheets.variants((model, run.get(*keys)) for model, run in runs)

    k, epochs = each("metrics", "k"), each("training", "epochs")
    images = sheets.variants((model, f"{run.get('metrics', 'images'):,}") for model, run in runs)
    smaller = " (a smaller k than the paper's 5000 reads lower)" if k != str(_PAPER.k) else ", as in the paper"
    published = "" if epochs == str(_PAPER.epochs) else f" (paper: {_PAPER.epochs})"
    return [
        f"{dataset}: k = {k}{smaller}; {images} {each('protocol', 'split')} images; binarisation: "
        f"{each('protocol', 'binarisation')}; batch norm: {each('protocol', 'batch_norm')}; epochs "
        f"{epochs}{published}, batch size {each('spec', 'settings', 'batch_size')}, schedule "
        f"{each('spec', 'settings', 'schedule')}; "
        f"seeds {sheets.variants((cell.model, sheets.seeds(cell)) for cell in cells if cell.runs)}."
    ]


def _details(cells: list[Cell], measured: dict[tuple[str, str], Likelihood | None]) -> Grid:
    lines = []
    for cell in (cell for cell in cells if cell.runs):
        found, row = measured[cell.dataset, cell.model], _row(cell, measured[cell.dataset, cell.model])
        line = [cell.dataset, cell.model, cell.remark or cell.status, sheets.seeds(cell) or DASH]
        if found:
            line += [
                DASH if found.spread is None else f"{found.spread:.3f}",
                str(row["k"]),
                f"{found.values.shape[1]:,}",
                str(row["epochs"]),
                f"{row['parameters']:,}",
                f"{row['train_seconds']:,.1f}",
            ]
        lines.append((*line, *[DASH] * (10 - len(line))))
    header = (
        "dataset",
        "model",
        "status",
        "seeds",
        "sd over seeds",
        "k",
        "images",
        "epochs",
        "parameters",
        "training, s",
    )
    return Grid("Runs", header, lines, "Times are the mean over the seeds.")


def pairs(models: list[str]) -> list[tuple[str, str]]:
    """Which of these models are compared: memory with its plain twin and a larger plain one, more samples with one."""
    found = [(model, model.removeprefix("mem-")) for model in models if model.startswith("mem-")]
    found += [(model, "vae") for model in models if model.startswith("iwae-")]
    found.append(("mem-vae", "large-vae"))
    return [pair for pair in found if set(pair) <= set(models)]


def compare(ours: Cell, theirs: Cell) -> Interval | str:
    """The paired difference of two cells' log-likelihoods in nats, or why there is none."""
    found, other = likelihood(ours), likelihood(theirs)
    if found is None or other is None:
        return f"{(ours if found is None else theirs).model} is {(ours if found is None else theirs).status}"
    for keys, what in (
        (("data", "checksums"), "test images"),
        (("protocol", "split"), "test images"),
        (("metrics", "k"), "k"),
    ):
        if _identity(found.runs[0].get(*keys)) != _identity(other.runs[0].get(*keys)):
            return f"measured with another {what}" if what == "k" else f"measured on other {what}"
    if found.values.shape[1] != other.values.shape[1]:
        return "measured on other test images"
    return mean_difference(found.values, other.values)


def _identity(value: Any) -> Any:
    """Data is the same when its arrays are, whatever archive they came in."""
    return {k: v for k, v in value.items() if k.startswith("array:")} if isinstance(value, dict) else value


def comparisons(cells: list[Cell]) -> Grid:
    """Which model beats which, image by image."""
    by_key = {(cell.dataset, cell.model): cell for cell in cells if cell.runs}
    lines = []
    for dataset in dict.fromkeys(dataset for dataset, _ in by_key):
        for model, other in pairs([model for place, model in by_key if place == dataset]):
            result = compare(by_key[dataset, model], by_key[dataset, other])
            if isinstance(result, str):
                lines.append((dataset, f"{model} minus {other}", result, ""))
                continue
            mean, low, high = result
            verdict = "yes" if low > 0 else "no, it is worse" if high < 0 else "cannot tell"
            lines.append((dataset, f"{model} minus {other}", f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]", verdict))
    return Grid(
        "Paired differences",
        ("dataset", "models", "difference in nats, 95 % interval", "better"),
        lines,
        "Mean over the test images of the difference on the same image, and over the seeds. The interval covers the "
        "choice of test images and, where a model has several seeds, of its seeds. For a model with one seed it does "
        "not cover what another would change. Intervals are not widened for the number of comparisons.",
    )


def _best(cells: list[Cell], measured: dict[tuple[str, str], Likelihood | None]) -> str | None:
    """The model that beats the second best beyond doubt; None where there is doubt or nothing to beat."""
    found = [(m.mean, cell) for cell in cells if cell.status == "ok" and (m := measured[cell.dataset, cell.model])]
    if len(found) < 2:
        return None
    (_, first), (_, second) = sorted(found, key=lambda pair: -pair[0])[:2]
    result = compare(first, second)
    return first.model if isinstance(result, Interval) and result.low > 0 else None
