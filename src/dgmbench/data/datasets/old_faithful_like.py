"""Two Gaussians like the eruptions of the Old Faithful geyser: short ones soon, long ones after a long wait."""

from __future__ import annotations

import numpy as np

from dgmbench.data.points import drawn_points

# Chosen here to look like the geyser's data: minutes of eruption, and tens of minutes to wait for the next.
WEIGHTS = np.array([0.35, 0.65])
MEANS = np.array([[2.0, 5.5], [4.3, 8.0]])
COVARIANCES = np.array([[[0.07, 0.04], [0.04, 0.34]], [[0.17, 0.09], [0.09, 0.36]]])


def draw(random: np.random.Generator, n: int) -> np.ndarray:
    """(n, 2) from the mixture."""
    component = random.choice(2, n, p=WEIGHTS)
    factors = np.linalg.cholesky(COVARIANCES)
    return MEANS[component] + np.einsum("nij,nj->ni", factors[component], random.standard_normal((n, 2)))


OLD_FAITHFUL_LIKE = drawn_points(
    "old-faithful-like",
    draw,
    seed=3,
    about="a mixture of two Gaussians in the plane, like a geyser's eruptions and waiting times",
    citation="drawn here; no measured data",
    sha256={
        "train": "b4af86631c1009a100b2814080f7ed24888c406461b240f610d504d7ca7136ef",
        "valid": "89cdcb574f4dfd708b3ea12a36b11ce0c09ad4c2aac1fa2ebe787ad9116b79bf",
        "test": "db3044a2d4194758b1f48dfe30c9d5104e15c36e6f02b06b2bca9e851a05f3a2",
    },
)
