"""Image datasets as they are loaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ImageSplits:
    """Images as rows of pixels, in their published split.

    Attributes:
        name: the dataset.
        shape: height and width; a row has height x width pixels, row by row.
        binary: whether pixels are 0 or 1; otherwise they are grey, 0 to 255.
        train: (n, pixels) uint8.
        valid: (n, pixels) uint8; no rows where validation images belong to the training part.
        test: (n, pixels) uint8.
        train_labels: (n,) uint8, the class of each row; likewise ``valid_labels`` and ``test_labels``.
        classes: the class names.
    """

    name: str
    shape: tuple[int, int]
    binary: bool
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    valid_labels: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...] = ()

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that a run can read of it, by name; ``form`` is height, width and whether pixels are binary."""
        found = {"form": np.array([*self.shape, self.binary])}
        for part in ("train", "valid", "test"):
            found |= {part: getattr(self, part), f"{part}_labels": np.asarray(getattr(self, f"{part}_labels"))}
        return found
