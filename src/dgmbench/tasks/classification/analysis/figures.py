"""Figures of the topic models' analysis: F1 against the number of topics, and one document among its topics.

A path is without suffix: it gets ``.png``, ``.pdf`` and ``.csv``.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from dgmbench.report.figures import draw_lines, figure_style, log_axis, panels, save_figure, shared_legend

_MARKERS = ("o", "s", "^", "D")
_APART = (0, 1, 2, 4)  # of the palette: also in grey, and side by side
_DOT, _TOPIC = 26.0, 190.0  # areas in square points, of a word that occurs once and of a topic
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # right, up
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def draw_f1_curve(frame: pd.DataFrame, path: Path) -> Path:
    """Macro F1 (corpus, method, seed, topics, f1 in percent) against the number of topics, a panel per corpus."""
    corpora, methods = (list(dict.fromkeys(frame[name])) for name in ("corpus", "method"))
    with figure_style() as colours:
        figure, axes = panels(len(corpora), 3.4)
        styles: dict[str, Any] = {"hue_order": methods, "style_order": methods, "dashes": False, "ms": 6}
        styles["palette"] = [colours[i % len(colours)] for i in range(len(methods))]
        styles["markers"] = [_MARKERS[i % len(_MARKERS)] for i in range(len(methods))]
        for ax, corpus in zip(axes, corpora, strict=True):
            part = frame[frame["corpus"] == corpus]
            draw_lines(ax, part, "topics", "f1", styles, model="method")
            low, high = part["topics"].min(), part["topics"].max()
            ax.set(title=corpus, xlabel="topics", ylabel="macro F1 (%)")
            log_axis(ax, [tick for tick in _TICKS if 0.7 * low <= tick <= 1.4 * high])
            ax.legend(frameon=False, loc="lower right")
        return save_figure(figure, frame, path)


def draw_likelihood(frame: pd.DataFrame, path: Path) -> Path:
    """Held-out log-likelihood (corpus, method, completion in nats per token) against fit_seconds, a panel per corpus.

    A row without a time, the word frequencies alone, is a line across the panel.
    """
    corpora, fitted = list(dict.fromkeys(frame["corpus"])), frame[frame["fit_seconds"].notna()]
    methods = list(dict.fromkeys(fitted["method"]))
    with figure_style() as colours:
        figure, axes = panels(len(corpora), 3.4)
        for ax, corpus in zip(axes, corpora, strict=True):
            part = frame[frame["corpus"] == corpus]
            for number, method in enumerate(methods):
                own = part[part["method"] == method]
                look = {"color": colours[number % len(colours)], "fmt": _MARKERS[number % len(_MARKERS)], "ms": 6}
                errors = own["completion_error"].astype(float)
                ax.errorbar(own["fit_seconds"], own["completion"], yerr=errors, label=method, **look)
            for row in part[part["fit_seconds"].isna()].to_dict("records"):
                ax.axhline(row["completion"], color="0.3", lw=1, ls=":", label=row["method"])
            ax.set(title=corpus, xscale="log", xlabel="seconds of fitting", ylabel="completion (nats per token)")
        shared_legend(figure)
        return save_figure(figure, frame, path)


def draw_projection(points: pd.DataFrame, title: str, path: Path) -> Path:
    """The words of a document, as large as they are frequent, and its topics, in the plane.

    A word has the colour and the shape of its topic. Labels that find no free place are left out, those of rare words
    first; the CSV has all. The points are those of `projection.project_document`.
    """
    words = points[points["kind"] == "word"].sort_values("count", ascending=False, kind="stable")
    topics = points[points["kind"] == "topic"]
    with figure_style() as colours:
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        ax = figure.subplots()
        anchors: list[_Anchor] = []
        for number, topic in enumerate(topics.to_dict("records")):
            colour, marker = colours[_APART[number % len(_APART)]], _MARKERS[number % len(_MARKERS)]
            own = words[words["topic"] == topic["topic"]]
            areas = _DOT * own["count"].astype(float)
            ax.scatter(own["x"], own["y"], s=areas, color=colour, marker=marker, alpha=0.65, lw=0, zorder=2)
            label = f"{topic['label']} ({100 * topic['share']:.0f} %)"
            style = {"color": colour, "marker": marker, "edgecolor": "black", "lw": 1.4, "zorder": 3}
            ax.scatter(topic["x"], topic["y"], s=_TOPIC, label=label, **style)
            bold = {"fontsize": 9.5, "weight": "bold", "zorder": 5}
            anchors.append(_Anchor(topic["x"], topic["y"], _TOPIC, topic["label"], bold, True))
        for word in words.to_dict("records"):
            small = {"fontsize": 7.5, "zorder": 4}
            anchors.append(_Anchor(word["x"], word["y"], _DOT * word["count"], word["label"], small, False))
        ax.set(title=title, xticks=[], yticks=[])
        ax.set_xlabel(f"first two principal components: {100 * points['explained'].iloc[0]:.0f} % of the variance")
        ax.margins(0.08)
        ax.set_aspect("equal", adjustable="datalim")
        figure.legend(
            loc="outside lower center", ncols=2, frameon=False, markerscale=0.6, title="topics and their shares"
        )
        canvas.draw()
        figure.set_layout_engine("none")  # what has a place keeps it
        _place_labels(ax, anchors, canvas.get_renderer())
        return save_figure(figure, points, path)


class _Anchor(NamedTuple):
    """A point, its area in square points, and what is written beside it."""

    x: float
    y: float
    area: float
    label: str
    style: dict[str, Any]
    is_topic: bool


def _place_labels(ax: Axes, anchors: list[_Anchor], renderer: Any) -> None:
    """Write each label beside its point where it covers no other label, no other point, and not the frame.

    Those of topics come first, and cover points of words where there is no other place.
    """
    per_point = ax.figure.dpi / 72
    frame = ax.get_window_extent(renderer)
    points, written = [], list[Bbox]()
    for each in anchors:
        column, row = ax.transData.transform((each.x, each.y))
        reach = 0.35 * math.sqrt(each.area) * per_point  # a corner may be touched
        points.append(Bbox.from_extents(column - reach, row - reach, column + reach, row + reach))
    of_topics = [box for box, each in zip(points, anchors, strict=True) if each.is_topic]
    for each in anchors:
        gap = math.sqrt(each.area) / 2 + (5.5 if each.is_topic else 1.5)
        obstacles = (points, of_topics) if each.is_topic else (points,)
        for in_the_way, distance, (right, up) in itertools.product(obstacles, (gap, gap + 5), _DIRECTIONS):
            step = distance if 0 in (right, up) else 0.7 * distance
            text = ax.annotate(
                each.label,
                (each.x, each.y),
                (right * step, up * step),
                textcoords="offset points",
                ha=("center", "left", "right")[right],
                va=("center", "bottom", "top")[up],
                **each.style,
            )
            box = text.get_window_extent(renderer).padded(0.7 * per_point)
            inside = frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
            if inside and not any(box.overlaps(other) for other in (*written, *in_the_way)):
                written.append(box)
                break
            text.remove()
