"""The analysis of trained density models: imputation, memory slots, the bound against k, samples, points."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.names import file_name
from dgmbench.report.formats import write_frame
from dgmbench.report.image_strips import draw_images
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.density.analysis import figures as gallery
from dgmbench.tasks.density.analysis.bounds import bound_table
from dgmbench.tasks.density.analysis.imputation import completed_blocks, imputation_tables, with_its_base
from dgmbench.tasks.density.analysis.points import draw_densities, drawable, exact_and_estimated
from dgmbench.tasks.density.analysis.samples import sample_blocks
from dgmbench.tasks.density.analysis.slots import NEXT_TO_X, slot_blocks, slot_tables
from dgmbench.tasks.density.analysis.trained import Trained, first_of_each, trained_models
from dgmbench.tasks.density.settings import DensityAnalysisSettings

log = logging.getLogger("dgmbench")

# What the names of its figures begin with.
FIGURES = ("imputation", "bound_vs_k", "samples", "slots", "slot_images", "points")


def analyse(plan: Plan, workspace: Workspace, gpus: int = 0, threads: int = 1) -> None:
    """Write ``tables/{imputation,bound_vs_k,memory_slots,memory_summary}.csv`` and their figures.

    Of models of points ``tables/exact_and_estimated.csv`` and a figure a dataset.

    Models that are not trained are named and left out. Sizes are those of ``density.analysis``.

    Raises:
        UserError: nothing is trained, or the results cannot be written.
    """
    settings = plan.analyses["density"]
    assert isinstance(settings, DensityAnalysisSettings)
    torch.set_num_threads(threads)
    models = trained_models(plan, workspace, "cuda" if gpus else "cpu")
    if not models:
        raise UserError(
            f"no density model of preset {plan.preset!r} is trained in {workspace.root}; "
            "run the benchmark first, or, with the preset's --configfile: "
            f"snakemake --cores all {workspace.root}/analysis/density"
        )
    points, models = ([each for each in models if each.of_points is of] for of in (True, False))
    imputed, errors = imputation_tables(models, settings)
    bounds = bound_table([*models, *points], settings)
    preferences, summary = slot_tables(models)
    for old in (path for name in FIGURES for path in workspace.figures.glob(f"{name}*")):
        old.unlink()
    tables = {"imputation": imputed, "bound_vs_k": bounds, "memory_slots": preferences, "memory_summary": summary}
    if points:
        tables["exact_and_estimated"] = exact_and_estimated(points)
    for name, frame in tables.items():
        write_frame(frame, workspace.tables / f"{name}.csv")
    variant_of = {each.spec.model: each.row.variant_of for each in [*models, *points]}
    if len(errors):
        gallery.draw_imputation_errors(errors, variant_of, workspace.figures / "imputation")
    gallery.draw_bounds(bounds, variant_of, workspace.figures / "bound_vs_k")
    shown = preferences[(preferences["layer"] == NEXT_TO_X) & (preferences["model"] != "paper")]
    for dataset, part in shown.groupby("dataset", sort=False):
        first = part.groupby("model")["seed"].transform("min") == part["seed"]
        gallery.draw_preferences(part[first], workspace.figures / f"slots-{file_name(str(dataset))}")
    _draw_images(models, settings, workspace.figures)
    for name, drawn in drawable(points).items():
        draw_densities(drawn, tables["exact_and_estimated"], workspace.figures / f"points-{file_name(name)}")
    log.info(
        "analysed %d models: tables in %s, figures in %s", len([*models, *points]), workspace.tables, workspace.figures
    )


def _draw_images(models: list[Trained], settings: DensityAnalysisSettings, figures: Path) -> None:
    """For each dataset: completed images, reconstructions and samples, and what single slots draw."""
    for dataset in dict.fromkeys(each.spec.dataset for each in models):
        shape, name = load_images(dataset).shape, file_name(dataset)
        shown = first_of_each([each for each in models if each.spec.dataset == dataset and each.is_autoencoder])
        if not shown:
            continue
        draw_images(completed_blocks(with_its_base(shown), settings), shape, figures / f"imputation-{name}")
        draw_images(sample_blocks(shown), shape, figures / f"samples-{name}")
        if slots := slot_blocks(shown):
            draw_images(slots, shape, figures / f"slot_images-{name}")
