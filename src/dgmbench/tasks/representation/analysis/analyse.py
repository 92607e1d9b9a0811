"""The analysis of learned features: restoring destroyed pixels, and the filters of the first layer."""

from __future__ import annotations

import logging

import numpy as np
import torch

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.names import file_name
from dgmbench.report.formats import write_frame
from dgmbench.report.image_strips import Strips, draw_images
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.representation.analysis.denoising import denoising_blocks, denoising_table
from dgmbench.tasks.representation.analysis.learned import Learned, trained_learners
from dgmbench.tasks.representation.features import first_layer
from dgmbench.tasks.representation.settings import RepresentationAnalysisSettings

log = logging.getLogger("dgmbench")


def analyse(plan: Plan, workspace: Workspace, gpus: int = 0, threads: int = 1) -> None:
    """Write ``tables/denoising.csv``, and the figures ``denoising-<dataset>`` and ``filters-<dataset>``.

    Learners that are not trained are named and left out; figures show the first seed of each.

    Raises:
        UserError: nothing is trained, or the results cannot be written.
    """
    settings = plan.analyses["representation"]
    assert isinstance(settings, RepresentationAnalysisSettings)
    torch.set_num_threads(threads)
    learners = trained_learners(plan, workspace, "cuda" if gpus else "cpu")
    if not learners:
        raise UserError(
            f"no learner of preset {plan.preset!r} is trained in {workspace.root}; "
            "run the benchmark first, or, with the preset's --configfile: "
            f"snakemake --cores all {workspace.root}/analysis/representation"
        )
    write_frame(denoising_table(learners, settings), workspace.tables / "denoising.csv")
    for old in (path for name in ("denoising-", "filters-") for path in workspace.figures.glob(f"{name}*")):
        old.unlink()
    for dataset in dict.fromkeys(each.spec.dataset for each in learners):
        of_dataset = [each for each in learners if each.spec.dataset == dataset]
        shown = list({each.spec.model: each for each in reversed(of_dataset)}.values())[::-1]
        shape, name = load_images(dataset).shape, file_name(dataset)
        draw_images(denoising_blocks(shown, settings), shape, workspace.figures / f"denoising-{name}")
        if filters := filter_strips(shown, settings.filters):
            draw_images({"filters": filters}, shape, workspace.figures / f"filters-{name}")
    log.info("analysed %d learners: tables in %s, figures in %s", len(learners), workspace.tables, workspace.figures)


def filter_strips(learners: list[Learned], number: int) -> Strips:
    """The first filters of each learner's first layer, each scaled so that 0.5 is a weight of 0."""
    strips: Strips = {}
    for each in learners:
        weights = first_layer(each.model, load_images(each.spec.dataset).train.shape[1])
        if weights is not None:
            largest = np.maximum(np.abs(weights).max(axis=1, keepdims=True), 1e-12)
            strips[each.spec.model] = (0.5 + weights / (2 * largest))[:number]
    return strips
