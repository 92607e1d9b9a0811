"""What the report shows of the analysis of learned features: figures with captions, and a table, of what is on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dgmbench.data.catalogue import title_of
from dgmbench.names import file_name
from dgmbench.report.frames import grid_of, read_frame, with_error
from dgmbench.report.sheet import Figure, Grid
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace

_PICTURES = (
    (
        "denoising",
        "Destroyed pixels restored",
        "An image of each of the first ten classes, the same with pixels destroyed, and what each model restores: the "
        "decoder's output for the code of the destroyed image. A block for each noise: masking sets pixels to 0, "
        "salt and pepper to 0 or 1. The destroyed pixels are the same for every model.",
    ),
    (
        "filters",
        "Filters of the first layer",
        "The weights from the pixels to single units of each model's first layer, a unit an image, the first ones in "
        "their order, principal components by falling variance. Each is scaled by its own largest weight: middle grey "
        "is a weight of 0, black the largest positive one. Compare shapes, not strengths.",
    ),
)


def shown(plan: Plan, workspace: Workspace) -> list[Figure | Grid]:
    """Denoising in numbers and in pictures, and filters; empty where nothing was analysed."""
    found: list[Figure | Grid] = [*_denoising(workspace.tables)]
    for name, title, text in _PICTURES:
        for dataset in dict.fromkeys(run.dataset for run in plan.of("representation")):
            path = workspace.figures / f"{name}-{file_name(dataset)}.png"
            if path.is_file():
                found.append(Figure(path, f"{title}: {title_of(dataset)}", text))
    return found


def _denoising(tables: Path) -> Iterator[Grid]:
    needed = ("dataset", "model", "seed", "noise", "squared_error", "standard_error", "of_the_noisy")
    frame = read_frame(tables / "denoising.csv", needed, ("dataset", "model", "noise"))
    if len(frame):
        columns = {
            "dataset": ("dataset", None),
            "model": ("model", None),
            "seed": ("seed", None),
            "noise": ("noise", None),
            "images": ("images", None),
            "squared_error": ("restored ± standard error", with_error("squared_error", "standard_error", 3)),
            "of_the_noisy": ("destroyed", 3),
        }
        note = (
            "Squared error to the clean image, summed over the pixels, per image: of what a model restores from the "
            "destroyed image, and of the destroyed image itself; lower is better. Noise 'none': clean images. The "
            "standard error is over images."
        )
        yield grid_of("Destroyed pixels", frame, columns, note)
