"""What the report shows of the analysis of samples: figures with captions, and tables, of what is on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dgmbench.data.catalogue import title_of
from dgmbench.names import file_name
from dgmbench.report.frames import grid_of, read_frame
from dgmbench.report.sheet import Figure, Grid
from dgmbench.run.plan import Plan
from dgmbench.run.workspace import Workspace

_PICTURES = (
    (
        "generated",
        "Samples",
        "The first samples of each model, not chosen, and below each the training image that is nearest to it in "
        "Euclidean distance: a model that memorises shows the same image twice.",
    ),
    (
        "between",
        "Between two samples",
        "Images of latent variables on a straight line between two samples of the prior, ten steps a row. A model that "
        "has learned the distribution changes one image into another; one that memorises jumps.",
    ),
)


def shown(plan: Plan, workspace: Workspace) -> list[Figure | Grid]:
    """Samples, images between them, nearest training images and classes; empty where nothing was analysed."""
    found: list[Figure | Grid] = [*_tables(workspace.tables)]
    for name, title, text in _PICTURES:
        for dataset in dict.fromkeys(run.dataset for run in plan.of("generation")):
            path = workspace.figures / f"{name}-{file_name(dataset)}.png"
            if path.is_file():
                found.append(Figure(path, f"{title}: {title_of(dataset)}", text))
    return found


def _tables(tables: Path) -> Iterator[Grid]:
    names = ("dataset", "model", "seed")
    frame = read_frame(tables / "nearest.csv", (*names, "samples", "distance", "copies"), names[:2])
    if len(frame):
        columns = {
            **{name: (name, None) for name in (*names, "samples")},
            "distance": ("distance", 3),
            "copies": ("copies", 3),
        }
        note = (
            "Mean Euclidean distance from a sample to the nearest training image, pixels from 0 to 1, and the share of "
            "samples that are a training image. 'test': of test images. A distance well below that of test images "
            "means that training images are copied; training-images are copies by themselves."
        )
        yield grid_of("Nearest training images", frame, columns, note)
    frame = read_frame(tables / "classes.csv", names, names[:2])
    for dataset, part in frame.groupby("dataset", sort=False) if len(frame) else ():
        labels = [column for column in part.columns if column not in names and part[column].notna().any()]
        columns = {"model": ("model", None), "seed": ("seed", None), **{label: (label, 2) for label in labels}}
        note = "Share of each class among the samples, as the classifier sees them. 'test': of the test images' labels."
        yield grid_of(f"Classes: {title_of(str(dataset))}", part, columns, note)
