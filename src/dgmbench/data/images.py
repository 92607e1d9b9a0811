"""Image datasets as they are loaded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PARTS = ("train", "valid", "test")


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
        train_labels: (n,) whole numbers, the class of each row; likewise ``valid_labels`` and ``test_labels``. None, in
            all parts, where nothing is known of classes.
        classes: the class names.
        origin: how the parts were made, where no publication says it.
    """

    name: str
    shape: tuple[int, int]
    binary: bool
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray | None = None
    valid_labels: np.ndarray | None = None
    test_labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    origin: str = ""

    @property
    def white(self) -> int:
        """The value of a white pixel."""
        return 1 if self.binary else 255

    @property
    def n_classes(self) -> int:
        """Classes of the dataset, 0 without labels: they are 0 to this, exclusive."""
        parts = (getattr(self, f"{part}_labels") for part in PARTS)
        return max((int(np.max(labels)) + 1 for labels in parts if labels is not None and len(labels)), default=0)

    def __repr__(self) -> str:
        pixels = f"{self.shape[0]} x {self.shape[1]} {'binary' if self.binary else 'grey'} pixels"
        parts = ", ".join(f"{len(getattr(self, part)):,} {part}" for part in PARTS)
        return f"ImageSplits({self.name!r}, {pixels}, {parts})"

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that a run can read of it, by name; ``form`` is height, width and whether pixels are binary."""
        found = {"form": np.array([*self.shape, self.binary])}
        for part in PARTS:
            found |= {part: getattr(self, part)}
            if (labels := getattr(self, f"{part}_labels")) is not None:
                found |= {f"{part}_labels": np.asarray(labels)}
        return found
