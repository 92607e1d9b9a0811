"""The rows of the table: classifiers with ``fit(images, labels)`` and ``predict(images)``."""

from __future__ import annotations

import numpy as np


class Linear:
    """Least squares: each class has a linear function of the pixels, and the largest one wins.

    Args:
        ridge: weight of the squared coefficients; also makes the solution unique where a pixel never changes.
    """

    def __init__(self, ridge: float = 1.0) -> None:
        self.ridge = ridge

    def fit(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Learn from images (n, pixels) and their classes (n,)."""
        self.classes = np.unique(labels)
        x = _with_constant(images)
        targets = (labels[:, None] == self.classes).astype(np.float64)  # (n, classes)
        self.weights = np.linalg.solve(x.T @ x + self.ridge * np.eye(x.shape[1]), x.T @ targets)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The class of each image: (n, pixels) → (n,)."""
        return self.classes[np.argmax(_with_constant(images) @ self.weights, axis=1)]


class NearestNeighbours:
    """The class that most of the k nearest training images have, by Euclidean distance."""

    def __init__(self, k: int = 3) -> None:
        self.k = k

    def fit(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Keep the images (n, pixels) and their classes (n,)."""
        self.images, self.labels, self.classes = images, labels, np.unique(labels)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The class of each image: (n, pixels) → (n,)."""
        return np.concatenate([self._predict(images[i : i + 500]) for i in range(0, len(images), 500)])

    def _predict(self, images: np.ndarray) -> np.ndarray:
        # squared distances less what is the same for all training images
        distances = (self.images**2).sum(axis=1) - 2 * images @ self.images.T
        nearest = self.labels[np.argpartition(distances, self.k - 1, axis=1)[:, : self.k]]  # (n, k)
        votes = (nearest[:, :, None] == self.classes).sum(axis=1)  # (n, classes)
        return self.classes[np.argmax(votes, axis=1)]


def _with_constant(images: np.ndarray) -> np.ndarray:
    return np.column_stack([images, np.ones(len(images))])
