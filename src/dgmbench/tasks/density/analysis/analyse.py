"""The deeper analysis of trained density models: imputation, memory slots, the bound against k, samples."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmbench.run import records
from dgmbench.run.config import Plan
from dgmbench.data import load_images
from dgmbench.errors import UserError
from dgmbench.tasks.density.analysis import figures as gallery
from dgmbench.tasks.density.analysis.figures import Block, Row
from dgmbench.run.spec import AnalysisSettings, slug
from dgmbench.fast.allocator import keep_freed_memory
from dgmbench.tasks.density.analysis.slots import NEXT_TO_X, slot_pictures, slot_tables
from dgmbench.tasks.density.analysis.trained import Trained, binary_images, evenly, examples, first_of_each, grey_images, trained_models
from dgmbench.run.workspace import Workspace
from dgmbench.metrics.differences import mean_difference

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("dgmbench")

KS = (1, 5, 50, 500, 5000)
RANDOM_RATE = 0.6
# The same masks, noise and latent samples for every model.
SEED = 0
# The grid of completed images shows these, or the first two that were trained.
GRID = ("vae", "mem-vae")
# What the names of its figures begin with.
FIGURES = ("imputation", "bound_vs_k", "samples", "slots", "slot_images")


def analyse(plan: Plan, workspace: Workspace, devices: int = 0, threads: int = 1) -> None:
    """Write ``tables/{imputation,bound_vs_k,memory_slots,memory_summary}.csv`` and their figures.

    Models that are not trained are named and left out. Sizes are those of ``density.analysis``.

    Args:
        devices: GPUs to use; 0 is the CPU.
        threads: CPU threads.

    Raises:
        UserError: nothing is trained, or the results cannot be written.
    """
    import torch

    torch.set_num_threads(threads)
    keep_freed_memory()
    models = trained_models(plan, workspace, "cuda" if devices else "cpu")
    if not models:
        raise UserError(
            f"no density model of preset {plan.preset!r} is trained in {workspace.root}; "
            "run the benchmark first, or: snakemake --cores all analysis"
        )
    imputed, errors = imputation_tables(models, plan.analysis)
    bounds = bound_table(models, plan.analysis)
    preferences, summary = slot_tables(models)
    for old in (path for name in FIGURES for path in workspace.figures.glob(f"{name}*")):
        old.unlink()
    tables = {"imputation": imputed, "bound_vs_k": bounds, "memory_slots": preferences, "memory_summary": summary}
    for name, frame in tables.items():
        with records.atomic_write(workspace.tables / f"{name}.csv") as file:
            frame.to_csv(file, index=False, lineterminator="\n", float_format="%.6g")
    if len(errors):
        gallery.draw_imputation_errors(errors, workspace.figures / "imputation")
    gallery.draw_bounds(bounds, workspace.figures / "bound_vs_k")
    shown = preferences[(preferences["layer"] == NEXT_TO_X) & (preferences["model"] != "paper")]
    for dataset, part in shown.groupby("dataset", sort=False):
        first = part.groupby("model")["seed"].transform("min") == part["seed"]
        gallery.draw_preferences(part[first], workspace.figures / f"slots-{slug(str(dataset))}")
    _draw_images(models, plan.analysis, workspace.figures)
    log.info("analysed %d models: tables in %s, figures in %s", len(models), workspace.tables, workspace.figures)


def imputation_masks(shape: tuple[int, int], images: int) -> dict[str, np.ndarray]:
    """The three masks of the protocol by name."""
    from dgmbench.metrics.imputation import left_mask, random_mask, square_mask, square_side

    return {
        "square": square_mask(shape, square_side(shape)),
        "random": random_mask(images, shape[0] * shape[1], RANDOM_RATE, SEED),
        "left half": left_mask(shape),
    }


def imputation_tables(models: list[Trained], sizes: AnalysisSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Errors of the missing pixels: after the last pass, with each model beside its plain twin; and after each pass.

    A memory model's plain twin is the model without memory of the same seed; the difference is paired by image, with
    a 95 % interval.
    """
    import pandas as pd

    from dgmbench.metrics.imputation import impute

    errors, rows = [], []
    by_image: dict[tuple[Any, ...], np.ndarray] = {}
    for each in models:
        if not each.is_autoencoder:
            log.info("%s has no encode and decode: no imputation, no samples", each.spec.model)
            continue
        grey, _ = grey_images(each.spec)
        images = grey[evenly(len(grey), sizes.imputation_images)]
        for name, missing in imputation_masks(load_images(each.spec.dataset).shape, len(images)).items():
            done = impute(each.model, images, missing, sizes.imputation_passes, seed=SEED)  # type: ignore[arg-type]
            where = {**each.columns, "mask": name}
            by_image[tuple(where.values())] = done.image_errors
            errors.append(pd.DataFrame({**where, "pass": range(len(done.errors)), "error": done.errors}))
            row = {"missing": missing.mean(), "images": len(images), "passes": sizes.imputation_passes}
            row |= {"error_first": done.errors[1], "error": done.errors[-1]}
            row |= {"standard_error": _standard_error(done.image_errors), "batch_norm": "stored"}
            rows.append({**where, **row, "status": each.status})
        log.info("%s on %s, seed %d: imputed", each.spec.model, each.spec.dataset, each.spec.seed)
    for row in rows:
        dataset, model, seed, mask = key = tuple(row[name] for name in ("dataset", "model", "seed", "mask"))
        twin = model.replace("mem-", "").removesuffix("-softmax")
        other = by_image.get((dataset, twin, seed, mask)) if twin != model else None
        row |= _against(twin, by_image[key], other) | {"status": row.pop("status")}
    columns = ["dataset", "model", "seed", "mask", "pass", "error"]
    return pd.DataFrame(rows), pd.concat(errors, ignore_index=True) if errors else pd.DataFrame(columns=columns)


def _against(twin: str, ours: np.ndarray, theirs: np.ndarray | None) -> dict[str, Any]:
    if theirs is None:
        return dict.fromkeys(("twin", "difference", "low", "high"))
    interval = mean_difference(ours, theirs)
    return {"twin": twin, "difference": interval.mean, "low": interval.low, "high": interval.high}


def bound_table(models: list[Trained], sizes: AnalysisSettings) -> pd.DataFrame:
    """The bound against k of each model and of the oracle, whose exact value stands beside it, in nats per image.

    ``gain`` is the paired mean difference to the k before, with its standard error.
    """
    import pandas as pd

    from dgmbench.metrics.likelihood import log_likelihood

    ks = sorted({k for k in KS if k < sizes.bound_k} | {sizes.bound_k})
    oracle, truth = linear_gaussian()
    rows = _bound_rows(
        {"dataset": "oracle", "model": "linear-gaussian", "seed": SEED},
        {k: log_likelihood(oracle, truth, k, seed=SEED) for k in ks},
        exact=float(oracle.exact_log_likelihood(truth).mean()),
    )
    for each in models:
        images = binary_images(each.spec)
        images = images[evenly(len(images), sizes.bound_images)]
        values = {k: log_likelihood(each.model, images, k, seed=each.spec.seed) for k in ks}  # type: ignore[arg-type]
        rows += _bound_rows(each.columns, values, status=each.status)
        log.info("%s on %s, seed %d: bound up to k = %d", each.spec.model, each.spec.dataset, each.spec.seed, ks[-1])
    return pd.DataFrame(rows)


def _bound_rows(
    columns: dict[str, Any], values: dict[int, np.ndarray], exact: float | None = None, status: str = "ok"
) -> list[dict[str, Any]]:
    rows = []
    for before, k in itertools.pairwise([None, *values]):
        assert k is not None
        gains = values[k] - values[before] if before is not None else None
        rows.append(
            {
                **columns,
                "k": k,
                "images": len(values[k]),
                "bound": values[k].mean(),
                "standard_error": _standard_error(values[k]),
                "gain": gains.mean() if gains is not None else None,
                "gain_error": _standard_error(gains) if gains is not None else None,
                "exact": exact,
                "status": status,
            }
        )
    return rows


def linear_gaussian(images: int = 100, pixels: int = 64, latent: int = 10) -> tuple[Any, Any]:
    """A linear-Gaussian model with a loose proposal, and data drawn from it: its log p(x) is known exactly."""
    import torch

    from dgmbench.models.images.linear_gaussian import LinearGaussian

    generator = torch.Generator().manual_seed(SEED)
    model = LinearGaussian(torch.randn(pixels, latent, generator=generator), noise=0.5, shift=0.02, spread=2.0)
    z = torch.randn(images, latent, generator=generator)
    noise = torch.randn(images, pixels, generator=generator)
    model.requires_grad_(False)
    return model, z @ model.weight.T + model.noise * noise


def _standard_error(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def _draw_images(models: list[Trained], sizes: AnalysisSettings, figures: Path) -> None:
    """For each dataset: completed images, reconstructions and samples, and what single slots draw."""
    for dataset in dict.fromkeys(each.spec.dataset for each in models):
        shape = load_images(dataset).shape
        shown = [
            each for each in first_of_each([m for m in models if m.spec.dataset == dataset]) if each.is_autoencoder
        ]
        if not shown:
            continue
        name = slug(dataset)
        chosen = [each for each in shown if each.spec.model in GRID] or shown[:2]
        gallery.draw_images(completed_blocks(chosen, sizes), shape, figures / f"imputation-{name}")
        gallery.draw_images(sample_blocks(shown), shape, figures / f"samples-{name}")
        if pictures := slot_pictures(shown):
            gallery.draw_slots(pictures, shape, figures / f"slot_images-{name}")


def completed_blocks(models: list[Trained], sizes: AnalysisSettings) -> list[Block]:
    """For each mask: an image of each class, the same without what is missing, and what each model made of it."""
    from dgmbench.metrics.imputation import impute

    spec = models[0].spec
    grey, labels = grey_images(spec)
    images = grey[examples(labels)]
    blocks = []
    for name, missing in imputation_masks(load_images(spec.dataset).shape, len(images)).items():
        rows = [Row("data", images), Row("corrupted", np.where(missing, np.nan, images))]
        for each in models:
            done = impute(each.model, images, missing, sizes.imputation_passes, seed=SEED)  # type: ignore[arg-type]
            rows.append(Row(each.spec.model, done.completed))
        blocks.append(Block(name, tuple(rows)))
    return blocks


def sample_blocks(models: list[Trained]) -> list[Block]:
    """An image of each class beside its reconstructions, and samples from the prior: decoder means."""
    import torch

    spec = models[0].spec
    images = binary_images(spec)[examples(grey_images(spec)[1])]
    reconstructed, drawn = [Row("data", images)], list[Row]()
    with torch.no_grad():
        for each in models:
            model: Any = each.model
            device = next(model.parameters()).device
            mean, _ = model.encode(torch.as_tensor(images, device=device))
            z = torch.randn(mean.shape, generator=torch.Generator().manual_seed(SEED)).to(device)
            for rows, latent in ((reconstructed, mean), (drawn, z)):
                rows.append(Row(each.spec.model, torch.sigmoid(model.decode(latent)).cpu().numpy()))
    return [Block("reconstructions", tuple(reconstructed)), Block("samples", tuple(drawn))]
