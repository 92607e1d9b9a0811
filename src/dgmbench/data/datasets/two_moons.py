"""Two moons: points around two half circles that interlock."""

from __future__ import annotations

import numpy as np

from dgmbench.data.points import drawn_points

NOISE = 0.1
"""Standard deviation in both directions."""


def draw(random: np.random.Generator, n: int) -> np.ndarray:
    """(n, 2): a point of either half circle with equal probability, and normal noise."""
    upper, angle = random.random(n) < 0.5, np.pi * random.random(n)
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.column_stack([x, y]) + NOISE * random.standard_normal((n, 2))


TWO_MOONS = drawn_points(
    "two-moons",
    draw,
    seed=1,
    about="points around two interlocking half circles, noise 0.1",
    citation="drawn here; the shape is that of scikit-learn's make_moons",
    sha256={
        "train": "c978aa9554b9899b81b0fecc56fe8de00a731379f7b87131d268e5c2d9c852c4",
        "valid": "0e602eb5a2cbe50bd84ded289ead5f0ad9319f86db333c48b3f1c713ec4222c3",
        "test": "f6719b842a8758df4073f4ee0497ada438326a015b3addebc1b7dcc1e6d33a97",
    },
)
