"""Figures: ours beside the paper's, and how training went. What each shows is written beside it as CSV."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmbench.run import records

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# No dates or version numbers: the same records give the same bytes.
_METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
SUFFIXES = (*_METADATA, "csv")
# A curve is drawn with at most this many points.
_POINTS = 500


@dataclass(frozen=True)
class Point:
    """One cell of a comparison: our number with its error, where there is one, and the paper's."""

    dataset: str
    model: str
    status: str
    ours: float | None
    error: float | None
    paper: float | None
    comparable: bool


def draw_comparison(points: list[Point], path: Path, unit: str, error: str) -> Path:
    """Our numbers beside the paper's, a panel per dataset, a line per model.

    Args:
        path: without suffix; gets ``.png``, ``.pdf`` and ``.csv``.
        unit: what the axis shows.
        error: what the bars are.
    """
    import pandas as pd

    frame = pd.DataFrame([vars(point) for point in points])
    datasets = list(dict.fromkeys(frame["dataset"]))
    height = 1.7 + 0.3 * frame["model"].nunique()
    with figure_style() as colours:
        figure, axes = panels(len(datasets), height)
        for ax, dataset in zip(axes, datasets, strict=True):
            chosen = [point for point in points if point.dataset == dataset]
            for row, point in enumerate(chosen):
                _draw_point(ax, row, point, colours)
            part = "" if all(point.comparable for point in chosen) else " (a part of the data)"
            ax.set(title=dataset + part, xlabel=unit, yticks=range(len(chosen)))
            ax.set_yticklabels([point.model for point in chosen])
            ax.set_ylim(len(chosen) - 0.4, -0.6)
            ax.margins(x=0.22)  # room for the words
        handles = [
            axes[0].errorbar([], [], xerr=[], fmt="o", color=colours[0], label=f"ours{error}"),
            axes[0].plot([], [], "D", mfc="none", mec=colours[1], mew=1.4, ms=6.5, label="paper")[0],
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
        return save_figure(figure, frame, path)


def _draw_point(ax: Axes, row: int, point: Point, colours: list[Any]) -> None:
    known = [x for x in (point.ours, point.paper) if x is not None]
    ax.plot(known, [row] * len(known), "-", color="0.75", lw=1.2, zorder=1)
    if point.paper is not None:
        ax.plot(point.paper, row, "D", mfc="none", mec=colours[1], mew=1.4, ms=6.5, zorder=4)
    if point.ours is not None:
        ax.errorbar(point.ours, row, xerr=point.error, fmt="o", color=colours[0], ms=5.5, capsize=2, zorder=3)
    if point.status != "ok":
        anchor = (max(known), row) if known else (0.5, row)
        where = "data" if known else ax.get_yaxis_transform()
        ax.annotate(
            point.status,
            anchor,
            xycoords=where,
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            style="italic",
        )


def draw_curves(curves: pd.DataFrame, order: list[str], path: Path) -> Path:
    """The bound of each epoch while training, a panel per dataset, a line per model; memory models dashed.

    With several seeds the line is their mean and the band their standard deviation.

    Args:
        curves: columns dataset, model, seed, epoch, bound (nats per image).
        order: the models as the legend lists them.
        path: without suffix; gets ``.png``, ``.pdf`` and ``.csv``.
    """
    import seaborn as sns
    from matplotlib.ticker import MaxNLocator

    frame = curves[curves["bound"].map(math.isfinite)]
    step = frame["epoch"].max() // _POINTS + 1
    last = frame.groupby(["dataset", "model", "seed"])["epoch"].transform("max")
    frame = frame[(frame["epoch"] % step == 0) | (frame["epoch"] == 1) | (frame["epoch"] == last)]
    datasets = list(dict.fromkeys(frame["dataset"]))
    models = [model for model in order if model in set(frame["model"])]
    with figure_style() as colours:
        palette, dashes = line_styles(models, colours)
        figure, axes = panels(len(datasets), 4.2)
        for ax, dataset in zip(axes, datasets, strict=True):
            sns.lineplot(
                frame[frame["dataset"] == dataset],
                x="epoch",
                y="bound",
                hue="model",
                style="model",
                hue_order=models,
                style_order=models,
                palette=palette,
                dashes=dashes,
                errorbar="sd",
                lw=1.5,
                legend=ax is axes[0],
                ax=ax,
            )
            ax.set(title=dataset, xlabel="epoch", ylabel="training bound (nats per image)")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            ax.set_ylim(*_range_of_interest(frame[frame["dataset"] == dataset]))
        shared_legend(figure)
        return save_figure(figure, frame, path)


_LEGEND_ENTRY = 1.5  # inches


def shared_legend(figure: Figure) -> None:
    """One legend under all panels, that of the first, in as many columns as fit beside each other."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    for ax in figure.axes:
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    columns = min(len(labels), 7, max(1, int(figure.get_figwidth() / _LEGEND_ENTRY)))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def line_styles(models: list[str], colours: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A colour for each model and its memory variant together, and dashes for the memory variant."""
    families = list(dict.fromkeys(model.replace("mem-", "") for model in models))
    palette = {model: colours[families.index(model.replace("mem-", "")) % len(colours)] for model in models}
    return palette, {model: (3, 1.5) if "mem-" in model else "" for model in models}


def _range_of_interest(frame: pd.DataFrame) -> tuple[float, float]:
    """Limits that show the later epochs: the steep start of training would flatten everything else."""
    later = frame[frame["epoch"] > 0.1 * frame["epoch"].max()]["bound"]
    low, high = float(later.min()), float(frame["bound"].max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


@contextmanager
def figure_style() -> Iterator[list[Any]]:
    """Plain axes and colours that the colour-blind can tell apart; gives the colours."""
    import matplotlib as mpl
    import seaborn as sns

    style: dict[Any, Any] = {"font.size": 9, "axes.titlesize": 10, "pdf.fonttype": 42, "axes.edgecolor": "0.4"}
    with mpl.rc_context({**sns.axes_style("whitegrid"), **style}):
        yield list(sns.color_palette("colorblind"))


def panels(number: int, height: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * max(number, 1), height), layout="constrained")
    return figure, list(figure.subplots(1, number, squeeze=False)[0])


def save_figure(figure: Figure, frame: pd.DataFrame, path: Path) -> Path:
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every glyph
    for suffix, metadata in _METADATA.items():
        with records.atomic_write(path.with_suffix(f".{suffix}"), "wb") as file:
            figure.savefig(file, format=suffix, dpi=150, metadata=metadata)
    with records.atomic_write(path.with_suffix(".csv")) as file:
        frame.to_csv(file, index=False, lineterminator="\n")
    return path.with_suffix(".png")
