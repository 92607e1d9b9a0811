"""Continuous data: points with a few real coordinates, and the datasets of them that a seed makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.errors import UserError

PARTS = ("train", "valid", "test")
SIZES = (2_000, 1_000, 2_000)
"""Points of each part of the datasets that a seed makes."""


@dataclass(frozen=True, eq=False)
class PointSplits:
    """Points as rows of coordinates.

    Attributes:
        name: the dataset.
        train: (n, dimensions) float64.
        valid: (n, dimensions) float64; may have no rows.
        test: (n, dimensions) float64.
        origin: how the parts were made.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    origin: str = ""

    def __repr__(self) -> str:
        parts = ", ".join(f"{len(getattr(self, part)):,} {part}" for part in PARTS)
        return f"PointSplits({self.name!r}, {self.train.shape[1]} coordinates, {parts})"

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that a run can read of it, by name."""
        return {part: getattr(self, part) for part in PARTS}


def checked_points(name: str, splits: PointSplits) -> PointSplits:
    """What a user gives as points, as float64.

    Raises:
        UserError: a part is no table of finite numbers, or the parts do not fit together.
    """
    found: dict[str, Any] = {part: _table(f"{name}: {part}", getattr(splits, part)) for part in PARTS}
    width = found["train"].shape[1]
    if not len(found["train"]) or not width:
        raise UserError(f"{name}: train has no points")
    if not len(found["test"]) and not len(found["valid"]):
        raise UserError(f"{name}: test has no points, nor has valid; set some apart")
    for part, table in found.items():
        if len(table) and table.shape[1] != width:
            raise UserError(f"{name}: {part} has {table.shape[1]} coordinates a point, and train has {width}")
    return replace(splits, **{part: table.reshape(-1, width) for part, table in found.items()})


def _table(where: str, given: Any) -> np.ndarray:
    if not isinstance(given, np.ndarray) or given.ndim != 2 or given.dtype.kind not in "iuf":
        what = f"{given.dtype} {given.shape}" if isinstance(given, np.ndarray) else f"of {type(given).__name__}"
        raise UserError(f"{where} is {what}; give a numpy array of numbers (points, coordinates)")
    table = given.astype(np.float64)
    if not len(table):
        return table[:, :0]
    if not (finite := np.isfinite(table).all(axis=1)).all():
        raise UserError(f"{where}: point {int(np.argmin(finite))} (from 0) has a coordinate that is NaN or infinite")
    return table


@dataclass(frozen=True)
class Seed:
    """The source of data that are drawn and not fetched; see `dgmbench.data.dataset.Source`."""

    seed: int

    @property
    def label(self) -> str:
        return f"drawn with seed {self.seed}"

    def obtain(self, folder: Path) -> dict[str, Path]:
        return {}

    def probe(self) -> None:
        pass


def drawn_points(
    name: str,
    draw: Callable[[np.random.Generator, int], np.ndarray],
    *,
    seed: int,
    about: str,
    citation: str,
    sha256: Mapping[str, str],
) -> Dataset:
    """A dataset of points that are drawn once, with its own seed, whatever the seed of a run.

    Coordinates are rounded to six decimals: processors differ in the last bits of a sine.

    Args:
        draw: (random numbers, n) -> (n, dimensions); called for all points together.
    """

    def parse(files: Mapping[str, Path]) -> Arrays:
        points = draw(np.random.default_rng(seed), sum(SIZES)).round(6)
        return dict(zip(PARTS, np.split(points, np.cumsum(SIZES)[:2]), strict=True))

    return Dataset(
        name,
        "points",
        about=f"{about}; {SIZES[0]:,} points for training, {SIZES[1]:,} for validation, {SIZES[2]:,} for testing",
        citation=citation,
        origins=(Origin(Seed(seed), parse),),
        make=lambda arrays: PointSplits(name, arrays["train"], arrays["valid"], arrays["test"]),
        sha256=sha256,
    )
