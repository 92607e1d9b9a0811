"""Rings: points around three circles with one centre."""

from __future__ import annotations

import numpy as np

from dgmbench.data.points import drawn_points

RADII = np.array([1.0, 2.0, 3.0])
NOISE = 0.1
"""Standard deviation in both directions."""


def draw(random: np.random.Generator, n: int) -> np.ndarray:
    """(n, 2): a point of a circle, drawn by its length, and normal noise."""
    radius = random.choice(RADII, n, p=RADII / RADII.sum())
    angle = 2 * np.pi * random.random(n)
    circles = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return circles + NOISE * random.standard_normal((n, 2))


RINGS = drawn_points(
    "rings",
    draw,
    seed=2,
    about="points around three circles of radius 1, 2 and 3, noise 0.1",
    citation="drawn here",
    sha256={
        "train": "f7de993b808fcb11ff1a4a9db76c348059642268c86ce3b0c748dc4210e12c07",
        "valid": "3c4b74ce85671449f317e516b103d4e9b036c03943aa5bd3e3c33af6ee6dd2a1",
        "test": "837464ebfab3ea4683fae322e433ccdfcfc406b6405c7c49f424cea66aca646d",
    },
)
