"""What the report shows of the density analysis: figures with captions, and tables, of what is on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dgmbench.data.catalogue import title_of
from dgmbench.names import file_name
from dgmbench.report.charts import Chart, Heat, Lines, lines_of
from dgmbench.report.frames import grid_of, read_frame, with_error
from dgmbench.report.limits import beyond, is_beyond, limits_of
from dgmbench.report.sheet import Figure, Grid
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.settings import PER_IMAGE

_PICTURES = (
    (
        "imputation",
        "Missing pixels filled in",
        "An image of each class, corrupted (missing pixels orange), and completed by a model and by its variant, from "
        "the same initial noise. Left to right: classes; top to bottom: the data, what was given, the models.",
    ),
    (
        "samples",
        "Reconstructions and samples",
        "Above, an image of each class and its reconstructions, the decoder's mean at the mean of q(z | x). Below, "
        "samples from the prior, the decoder's mean; the same z for models with as many latent dimensions.",
    ),
    (
        "slot_images",
        "What single memory slots draw",
        "The decoder's mean with h = 0 and all attention on one slot, ten slots a line; models with softmax attention.",
    ),
)


def shown(plan: Plan, workspace: Workspace) -> list[Figure | Grid]:
    """Missing pixels, the bound against k, memory slots, densities of points, samples; empty without an analysis."""
    figures, tables = workspace.figures, workspace.tables
    rows = {run.model: plan.row_of(run).variant_of for run in plan.of("density")}
    found: list[Figure | Grid] = [*_imputation(figures, tables, rows), *_bounds(figures, tables, rows)]
    found += [*_slots(plan, figures, tables), *_points(plan, figures, tables)]
    for name, title, text in _PICTURES:
        for dataset in dict.fromkeys(run.dataset for run in plan.of("density")):
            path = figures / f"{name}-{file_name(dataset)}.png"
            if path.is_file():
                found.append(Figure(path, f"{title}: {title_of(dataset)}", text))
    return found


def _imputation(figures: Path, tables: Path, variant_of: Mapping[str, str]) -> Iterator[Figure | Grid]:
    path = figures / "imputation.png"
    errors = read_frame(path.with_suffix(".csv"), ("dataset", "model", "mask", "pass", "error"), ("model", "mask"))
    errors = errors[errors["pass"] > 0]
    if len(errors) and path.is_file():
        panels = [
            Lines(
                f"{dataset}, {mask}",
                "pass",
                "error per missing pixel",
                lines_of(part, "pass", "error", variant_of),
                log=True,
            )
            for (dataset, mask), part in errors.groupby(["dataset", "mask"], sort=False)
        ]
        text = (
            "Squared error of the missing pixels, per missing pixel, by the number of passes in which they were "
            "replaced; lower is better. The missing pixels are the same for every model."
        )
        yield Figure(path, "Missing pixels: error by pass", text, Chart(panels))
    frame = read_frame(tables / "imputation.csv", ("dataset", "model", "seed", "mask", "error", "standard_error"))
    if len(frame):
        columns = {
            "dataset": ("dataset", None),
            "model": ("model", None),
            "seed": ("seed", None),
            "mask": ("missing", None),
            "error_first": ("after the first pass", 4),
            "error": ("after the last pass ± standard error", with_error("error", "standard_error", 4)),
            "twin": ("compared with", None),
            "interval": ("difference, 95 % interval", _interval),
        }
        note = (
            "Squared error per missing pixel. The difference is the model's minus that of the one that it is compared "
            "with, paired by image: below 0 the model is better. Its interval covers the choice of images alone, not "
            "what another training would give."
        )
        yield grid_of("Missing pixels", frame, columns, note)


def _interval(row: Mapping[object, float]) -> str:
    numbers = [row.get(name) for name in ("difference", "low", "high")]
    known = [float(number) for number in numbers if number is not None and number == number]
    return f"{known[0]:+.4f} [{known[1]:+.4f}, {known[2]:+.4f}]" if len(known) == 3 else "–"


def _bounds(figures: Path, tables: Path, variant_of: Mapping[str, str]) -> Iterator[Figure | Grid]:
    path, columns = figures / "bound_vs_k.png", ("dataset", "model", "seed", "k", "bound", "exact")
    frame = read_frame(tables / "bound_vs_k.csv", columns, ("model",))
    if frame.empty or not path.is_file():
        return
    panels, far = [], []
    for dataset, part in frame.groupby("dataset", sort=False):
        limits = limits_of(part["bound"].tolist(), margin=0.05)
        for (model, seed), points in part.groupby(["model", "seed"], sort=False):
            if is_beyond(last := float(points["bound"].iloc[-1]), limits):
                far.append((f"{model} on {dataset}, seed {seed}", last))
        exact = part["exact"].dropna()
        levels = {"exact log p(x)": float(exact.iloc[0])} if len(exact) else {}
        lines = lines_of(part, "k", "bound", variant_of)
        label = f"bound ({part['unit'].iloc[0] if 'unit' in part else PER_IMAGE})"
        panels.append(Lines(str(dataset), "importance samples k", label, lines, levels, limits, log=True))
    text = (
        "The bound on log p(x) against the number of importance samples, on a few test images, or points: compare "
        "models here, not with the table above. The first panel is a check, a linear-Gaussian model whose log p(x) is "
        "known; that of points is known, too, where a line is drawn across."
    )
    yield Figure(path, "The bound against k", text + beyond(far), Chart(panels))
    shown = {
        "dataset": ("dataset", None),
        "model": ("model", None),
        "seed": ("seed", None),
        "k": ("k", None),
        "bound": ("bound ± standard error", with_error("bound", "standard_error", 2)),
        "exact": ("exact", 3),
        "gain": ("gain over the k before ± standard error", with_error("gain", "gain_error", 2)),
    }
    note = "Nats per image, or per point of points in the plane; the gain is paired by image or point."
    yield grid_of("The bound against k", frame, shown, note)


def _points(plan: Plan, figures: Path, tables: Path) -> Iterator[Figure | Grid]:
    """What models of points have learnt, and the exact value beside the estimate."""
    names = ("dataset", "model", "seed", "exact", "estimated", "k")
    frame = read_frame(tables / "exact_and_estimated.csv", names, ("model",))
    for dataset in dict.fromkeys(run.dataset for run in plan.of("density")):
        path = figures / f"points-{file_name(dataset)}.png"
        if path.is_file():
            text = (
                "The learnt density p(x): contours at a half, a quarter and so on down to 1/64 of its largest value, "
                "over held-out points. A line is the mean of x along the one latent variable of a model, from -2.5 to "
                "2.5. "
            )
            text += " ".join(map(_in_words, frame[frame["dataset"] == dataset].to_dict("records")))
            yield Figure(path, f"Learnt densities: {title_of(dataset)}", text.strip())
    if len(frame):
        columns = {
            "dataset": ("dataset", None),
            "model": ("model", None),
            "seed": ("seed", None),
            "points": ("held-out points", None),
            "exact": ("exact ± standard error", with_error("exact", "standard_error", 4)),
            "estimated": ("estimated", 4),
            "k": ("importance samples k", None),
            "difference": ("estimated minus exact", 4),
            "largest_difference": ("largest of a point", 4),
        }
        note = (
            "Mean log p(x) in nats per point: exact, as a mixture has it and a model with one latent variable by "
            "quadrature, and estimated with k importance samples. Binary images have nats per image: no number "
            "compares."
        )
        yield grid_of("Exact and estimated log-likelihood of points", frame, columns, note)


def _in_words(row: Mapping[Any, Any]) -> str:
    """The log-likelihood of a model of points, in a sentence."""
    exact, estimated = row["exact"], row["estimated"]
    known = [f"exactly {exact:.4f}"] if exact == exact else []
    known += [f"estimated {estimated:.4f} with k = {row['k']:.0f}"] if estimated == estimated else []
    return f"{row['model']}, seed {row['seed']}: {', '.join(known)} nats per point."


def _slots(plan: Plan, figures: Path, tables: Path) -> Iterator[Figure | Grid]:
    names = ("dataset", "model", "seed", "layer", "mean_entropy", "active_slots", "closest_classes")
    summary = read_frame(tables / "memory_summary.csv", ("dataset", "model", "seed", "layer"), ("model",))
    if len(summary) and set(names) <= set(summary):
        columns = {
            "dataset": ("dataset", None),
            "model": ("model", None),
            "seed": ("seed", None),
            "layer": ("layer", None),
            "attention": ("attention", None),
            "mean_entropy": ("mean entropy, nats", 2),
            "max_entropy": ("at most", 2),
            "active_slots": ("active slots", None),
            "closest_classes": ("most correlated classes", None),
        }
        note = "Which slots the images of a class attend to; active: some class prefers the slot by more than 0.01."
        yield grid_of("Memory slots", summary, columns, note)
    for dataset in dict.fromkeys(run.dataset for run in plan.of("density")):
        path = figures / f"slots-{file_name(dataset)}.png"
        wanted = ("dataset", "model", "layer", "slot", "class", "preference")
        frame = read_frame(path.with_suffix(".csv"), wanted, ("class", "model"))
        if len(frame) and path.is_file():
            groups = frame.groupby(["model", "layer"], sort=False)
            text = (
                "How much each class prefers each memory slot, the most used slots first. Slot numbers are arbitrary "
                "and differ from training to training: compare how the preferences spread, not slot with slot."
            )
            panels = [_heat(f"{model}, {layer}", part) for (model, layer), part in groups]
            yield Figure(path, f"Memory slots and classes: {title_of(dataset)}", text, Chart(panels))


def _heat(title: str, part: pd.DataFrame) -> Heat:
    table = part.pivot_table(index="class", columns="slot", values="preference", sort=False)
    ordered = table[table.mean().sort_values(ascending=False, kind="stable").index]
    names = [str(name) for name in ordered.index], [str(slot) for slot in ordered.columns]
    return Heat(title, "class", "slot", "preference", *names, ordered.to_numpy().tolist())
