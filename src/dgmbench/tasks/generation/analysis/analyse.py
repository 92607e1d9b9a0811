"""The analysis of samples: what they look like, how near training images they are, and which classes they are of."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.metrics.mmd import squared_distances
from dgmbench.metrics.resampling import blocks
from dgmbench.names import file_name
from dgmbench.report.formats import write_frame
from dgmbench.report.image_strips import Strips, draw_images
from dgmbench.run.plan import Plan
from dgmbench.run.progress import each_of
from dgmbench.run.records import read_arrays, read_json
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.generation.images import part_of, values
from dgmbench.tasks.generation.settings import GenerationAnalysisSettings

log = logging.getLogger("dgmbench")

_FIGURES = ("generated-", "between-")


@dataclass(frozen=True, eq=False)
class Sampled:
    """What a run's training left, and its record."""

    spec: RunSpec
    samples: np.ndarray
    between: np.ndarray | None
    record: dict[str, Any]

    @property
    def columns(self) -> dict[str, Any]:
        """What names it in a table."""
        return {"dataset": self.spec.dataset, "model": self.spec.model, "seed": self.spec.seed}


def analyse(plan: Plan, workspace: Workspace, gpus: int = 0, threads: int = 1) -> None:
    """Write ``tables/nearest.csv``, ``classes.csv``, and the figures ``generated-<dataset>`` and ``between-<dataset>``.

    Rows without samples are left out; figures show the first seed of each.

    Raises:
        UserError: nothing is evaluated, or the results cannot be written.
    """
    settings = plan.analyses["generation"]
    assert isinstance(settings, GenerationAnalysisSettings)
    torch.set_num_threads(threads)
    found = _sampled(plan, workspace)
    if not found:
        raise UserError(
            f"no generator of preset {plan.preset!r} is evaluated in {workspace.root}; "
            "run the benchmark first, or, with the preset's --configfile: "
            f"snakemake --cores all {workspace.root}/analysis/generation"
        )
    for old in (path for name in _FIGURES for path in workspace.figures.glob(f"{name}*")):
        old.unlink()
    nearest: list[dict[str, Any]] = []
    for dataset in dict.fromkeys(each.spec.dataset for each in found):
        of_dataset = [each for each in found if each.spec.dataset == dataset]
        lines, strips = _nearest(of_dataset, settings)
        nearest += lines
        shape, name = load_images(dataset).shape, file_name(dataset)
        draw_images({"samples": strips}, shape, workspace.figures / f"generated-{name}")
        if drawn := {each.spec.model: _paths(each.between) for each in _first(of_dataset) if each.between is not None}:
            draw_images(drawn, shape, workspace.figures / f"between-{name}")
    write_frame(pd.DataFrame(nearest), workspace.tables / "nearest.csv")
    write_frame(pd.DataFrame(_classes(found)), workspace.tables / "classes.csv")
    log.info("analysed %d runs: tables in %s, figures in %s", len(found), workspace.tables, workspace.figures)


def _sampled(plan: Plan, workspace: Workspace) -> list[Sampled]:
    """The evaluated runs that have samples."""
    found = []
    for run in plan.of("generation"):
        if (workspace.run(run) / "run.json").is_file():
            arrays = read_arrays(workspace.trained(run) / "samples.npz")
            record = read_json(workspace.run(run) / "run.json")
            if len(arrays["samples"]) and "class_shares" in record:
                found.append(Sampled(run, arrays["samples"], arrays.get("between"), record))
    return found


def _first(found: list[Sampled]) -> list[Sampled]:
    """One of each model, of the first seed."""
    return list({each.spec.model: each for each in reversed(found)}.values())[::-1]


def _nearest(found: list[Sampled], settings: GenerationAnalysisSettings) -> tuple[list[dict[str, Any]], Strips]:
    """Distances to training images, of a dataset's models and of its test images; and samples beside the nearest."""
    spec = found[0].spec
    white, train = load_images(spec.dataset).white, part_of(spec, "train").images
    lines: list[dict[str, Any]] = []
    strips: Strips = {}
    shown = slice(settings.shown)
    drawn = {id(each) for each in _first(found)}

    def measured(images: np.ndarray, columns: dict[str, Any]) -> np.ndarray:
        places, distances = nearest_images(values(images, white), values(train, white))
        facts = {"samples": len(images), "distance": distances.mean(), "copies": np.mean(distances < 1e-6)}
        lines.append(columns | facts)
        return places

    for each in each_of("nearest training images: model", found):
        some = each.samples[: max(settings.neighbours, settings.shown)]
        places = measured(some, each.columns)
        if id(each) in drawn:
            strips[each.spec.model] = values(some[shown], white)
            strips[f"nearest to {each.spec.model}"] = values(train[places[shown]], white)
    test = part_of(spec, "test").images[: settings.neighbours]
    measured(test, {"dataset": spec.dataset, "model": "test", "seed": 0})
    return lines, strips


def _paths(between: np.ndarray) -> Strips:
    """The first two of five paths."""
    return {f"path {n + 1}": path / 255 for n, path in enumerate(np.split(between, 5)[:2])}


def _classes(found: list[Sampled]) -> list[dict[str, Any]]:
    """The share of each class among the samples of each run, and among the test images of each dataset."""
    lines = [each.columns | each.record["class_shares"]["samples"] for each in found]
    by_dataset = {each.spec.dataset: each.record["class_shares"]["test"] for each in found}
    return lines + [{"dataset": name, "model": "test", "seed": 0} | shares for name, shares in by_dataset.items()]


def nearest_images(x: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, pixels), (m, pixels) → (n,) the place of the nearest of the second, and (n,) the Euclidean distance to it."""
    points, others = torch.from_numpy(x), torch.from_numpy(of)
    best, place = (
        torch.full((len(points),), torch.inf, dtype=torch.float64),
        torch.zeros(len(points), dtype=torch.int64),
    )
    for block in blocks(len(others)):
        squared, at = squared_distances(points, others[block]).min(dim=1)
        nearer = squared < best
        best[nearer], place[nearer] = squared[nearer], at[nearer] + block.start
    # of the differences themselves: products of large numbers leave more than 0 between equal images
    exact = (points - others[place]).square().sum(dim=1).sqrt()
    return place.numpy(), exact.numpy()
