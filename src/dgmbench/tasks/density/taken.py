"""A trained density model for the runs of other tasks that take it."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from dgmbench.data.load.points import load_images_or_points
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.density.building import load_model


def load(spec: RunSpec, row: Row, folder: Path) -> nn.Module:
    """The model that a training left in a folder, in evaluation mode.

    Raises:
        UserError: it is damaged, or does not fit the run.
    """
    return load_model(spec, row, folder / "model.pt", load_images_or_points(spec.dataset).train.shape[1])
