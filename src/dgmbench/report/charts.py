"""Charts that a reader can zoom and ask for values: what they show, as plain data for the script of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Line:
    """A model's line: the mean over its seeds.

    Attributes:
        spread: standard deviation of the seeds at each point; empty for a single seed.
        family, variant: numbers that give the colour and the dashes, see `families`.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    spread: Sequence[float] = ()
    family: int = 0
    variant: int = 0


@dataclass(frozen=True)
class Lines:
    """A panel of lines.

    Attributes:
        x, y: what the axes show, with units.
        levels: known values, drawn across the panel, by what they are.
        limits: of the y axis at first; empty for those of the data.
        log: whether the x axis is logarithmic.
    """

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    levels: Mapping[str, float] = field(default_factory=dict)
    limits: tuple[float, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class Dot:
    """A row of a comparison: our number, the paper's and that of another run; None where there is none.

    Attributes:
        error, other_error: half of the interval that is drawn.
        words: what the other run's number depends on.
    """

    name: str
    ours: float | None
    error: float | None
    paper: float | None
    status: str
    other: float | None = None
    other_error: float | None = None
    words: str = ""


@dataclass(frozen=True)
class Dots:
    """A panel of our numbers, the paper's and those of other runs on one axis, a row per model.

    Attributes:
        other: what the other runs are called.
        below: what the marks of this panel are of, a line for each kind.
        kind: what the intervals are; empty where there are none.
        limits: the least and the largest value that the axis reaches at first; empty for those of the data.
    """

    title: str
    x: str
    dots: Sequence[Dot]
    other: str = ""
    below: str = ""
    kind: str = ""
    limits: tuple[float, ...] = ()


@dataclass(frozen=True)
class Point:
    """A point in the plane.

    Attributes:
        text: more than the label, shown on request.
        size: area, up to a factor.
        group: a number that gives colour and shape.
        large: whether it stands out and is always labelled.
    """

    label: str
    x: float
    y: float
    text: str = ""
    size: float = 1.0
    group: int = 0
    large: bool = False


@dataclass(frozen=True)
class Points:
    """A panel of labelled points; both axes have one scale."""

    title: str
    x: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Heat:
    """A panel of values by row and column as colours, from 0."""

    title: str
    row: str
    column: str
    value: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Chart:
    """Panels of one kind beside each other, with one legend."""

    panels: Sequence[Lines] | Sequence[Dots] | Sequence[Points] | Sequence[Heat]

    def plain(self) -> dict[str, Any]:
        """As JSON can say it; numbers to six digits, None for what is not finite."""
        kind = type(self.panels[0]).__name__.lower() if self.panels else ""
        return {"kind": kind, "panels": [_plain(panel) for panel in self.panels]}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str | bool | None):
        return value
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    number = float(value)
    if not math.isfinite(number):
        return None
    short = float(f"{number:.6g}")
    return int(short) if short == int(short) else short


def families(variant_of: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """By model the number of its family, a plain model with its variants, and of the variant in it; 0 is plain.

    Args:
        variant_of: by model, in the order of the legend, the model that it adds something to; empty for none.
    """
    members: dict[str, list[str]] = {}
    for model, plain in variant_of.items():
        members.setdefault(plain or model, []).append(model)
    found = {}
    for number, names in enumerate(members.values()):
        variants = [name for name in names if variant_of[name]]
        for name in names:
            found[name] = (number, variants.index(name) + 1 if name in variants else 0)
    return {model: found[model] for model in variant_of}


def lines_of(
    frame: pd.DataFrame, x: str, y: str, variant_of: Mapping[str, str], model: str = "model", step: str = ""
) -> list[Line]:
    """A line per model of a frame that has a row per seed and point: means over the seeds at each step.

    Args:
        variant_of: see `families`; models that it does not name come after the others.
        step: the column that says which points of the seeds belong together; x by default.
    """
    known = {**variant_of, **{name: "" for name in dict.fromkeys(frame[model]) if name not in variant_of}}
    places, found = families(known), []
    for name, (family, variant) in places.items():
        part = frame[frame[model] == name]
        if part.empty:
            continue
        grouped = part.groupby(step or x, sort=True)
        mean = grouped[[*{x, y}]].mean()
        spread = grouped[y].std(ddof=1).fillna(0.0)
        several = bool((grouped.size() > 1).any())
        xs, ys = mean[x].tolist(), mean[y].tolist()
        found.append(Line(str(name), xs, ys, spread.tolist() if several else (), family, variant))
    return found
