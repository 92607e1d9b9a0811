"""The marks of a comparison, a row per model: ours, the paper's, those of other runs, and what lies beyond the axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dgmbench.report.limits import is_beyond, shown_as

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def ours_look(colours: Sequence[Any]) -> dict[str, Any]:
    """How our numbers are drawn, by the arguments of ``errorbar``."""
    return {"fmt": "o", "color": colours[0], "ms": 5, "capsize": 2, "zorder": 4}


def other_look(colours: Sequence[Any]) -> dict[str, Any]:
    """How the numbers of other runs are drawn, by the arguments of ``errorbar``."""
    return {"fmt": "s", "color": colours[2], "mfc": "none", "mew": 1.4, "ms": 7, "capsize": 2, "zorder": 3}


def paper_look(colours: Sequence[Any]) -> dict[str, Any]:
    """How the paper's numbers are drawn, by the arguments of ``plot``."""
    return {"marker": "D", "ls": "", "mfc": "none", "mec": colours[1], "mew": 1.4, "ms": 6.5, "zorder": 5}


def draw_row(
    ax: Axes,
    row: int,
    point: Mapping[Any, Any],
    wide: float,
    colours: Sequence[Any],
    limits: tuple[float, ...] = (),
    edges: tuple[float, ...] = (),
) -> None:
    """Draw the numbers of a model, and its status where that is not ``ok``.

    Args:
        point: ``ours``, ``error``, ``other``, ``other_error`` and ``paper``, not finite where none is; ``status``.
        wide: half of an interval in units of the errors.
        limits: what lies beyond these is an arrow at the edge, with its value.
        edges: of the axis, where there are limits.
    """
    word = "" if point["status"] == "ok" else point["status"]
    numbers = {name: point[name] for name in ("ours", "other", "paper") if math.isfinite(point[name])}
    far = {name: value for name, value in numbers.items() if is_beyond(value, limits)}
    places = [
        (edges[0] if value < limits[0] else edges[1]) if name in far else value for name, value in numbers.items()
    ]
    known = sorted(places)
    ends = [*known[:1], *known[-1:]]
    ax.plot(ends, [row] * len(ends), "-", color="0.75", lw=1.2, zorder=1)
    if "paper" in numbers and "paper" not in far:
        ax.plot([point["paper"]], [row], **paper_look(colours))
    for name, error, look in (("other", "other_error", other_look), ("ours", "error", ours_look)):
        if name in numbers and name not in far:
            ax.errorbar([point[name]], [row], xerr=[wide * point[error]], **look(colours))
    for name, value in far.items():
        words = shown_as(value) + (f", {word}" if word and name == "ours" else "")
        colour = colours[{"ours": 0, "paper": 1, "other": 2}[name]]
        _draw_at_edge(ax, row, words, value < limits[0], edges, colour)
    if word and "ours" not in far:
        place: dict[str, Any] = {"xytext": (7, 0), "textcoords": "offset points"}
        place |= {"xy": (known[-1], row)} if known else {"xy": (0.5, row), "xycoords": ax.get_yaxis_transform()}
        ax.annotate(word, **place, va="center", fontsize=8, style="italic")


def _draw_at_edge(ax: Axes, row: int, words: str, is_low: bool, edges: tuple[float, ...], colour: Any) -> None:
    edge, marker, side, align = (edges[0], "<", 7, "left") if is_low else (edges[1], ">", -7, "right")
    ax.plot([edge], [row], marker=marker, ls="", color=colour, ms=6, clip_on=False, zorder=6)
    place: dict[str, Any] = {"xy": (edge, row), "xytext": (side, 0), "textcoords": "offset points"}
    ax.annotate(words, **place, ha=align, va="center", fontsize=8, style="italic")


def no_room_below_zero(ax: Axes, lowest: float) -> None:
    """Let an axis of numbers that are never negative begin at 0, or at the lowest end of an interval below it."""
    left, right = ax.get_xlim()
    ax.set_xlim(left=max(left, min(0.0, lowest) - 0.03 * right))
