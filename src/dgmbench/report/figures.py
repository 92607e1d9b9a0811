"""How every figure looks and is saved. What it shows is written beside it as CSV."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmbench.files import atomic_write, write_text
from dgmbench.report.charts import families
from dgmbench.report.csv_text import csv_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# No dates or version numbers: the same records give the same bytes.
_METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
SUFFIXES = (*_METADATA, "csv")
_DASHES = ((3, 1.5), (1, 1), (5, 1, 1, 1), (6, 3), (3, 1, 1, 1, 1, 1))


@contextmanager
def figure_style() -> Iterator[list[Any]]:
    """Plain axes and colours that the colour-blind can tell apart; gives the colours."""
    import matplotlib as mpl
    import seaborn as sns

    style: dict[Any, Any] = {"font.size": 9, "axes.titlesize": 10, "pdf.fonttype": 42, "axes.edgecolor": "0.4"}
    style["text.parse_math"] = False  # a dollar in a name is a dollar
    with mpl.rc_context({**sns.axes_style("whitegrid"), **style}):
        yield list(sns.color_palette("colorblind"))


def panels(number: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of panels beside each other; the height in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * max(number, 1), height), layout="constrained")
    return figure, list(figure.subplots(1, number, squeeze=False)[0])


def line_styles(variant_of: Mapping[str, str], colours: list[Any]) -> dict[str, Any]:
    """The order of the models' lines, a colour for each with its variants, and dashes for these; see `draw_lines`.

    Args:
        variant_of: see `families`.
    """
    palette, dashes = {}, {}
    for model, (family, variant) in families(variant_of).items():
        palette[model] = colours[family % len(colours)]
        dashes[model] = _DASHES[(variant - 1) % len(_DASHES)] if variant else ""
    order = list(variant_of)
    return {"hue_order": order, "style_order": order, "palette": palette, "dashes": dashes}


def draw_lines(ax: Axes, frame: pd.DataFrame, x: str, y: str, styles: Mapping[str, Any], model: str = "model") -> None:
    """A line for each model: the mean over its seeds, their standard deviation as a band; styles are seaborn's."""
    import seaborn as sns

    sns.lineplot(frame, x=x, y=y, hue=model, style=model, errorbar="sd", lw=1.5, ax=ax, **styles)


def log_axis(ax: Axes, ticks: list[int]) -> None:
    """A logarithmic x axis that names these values as they are."""
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()


def shared_legend(figure: Figure) -> None:
    """One legend under all panels, that of the first; see `legend_below`."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    for ax in figure.axes:
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    legend_below(figure, handles, labels)


def legend_below(figure: Figure, handles: list[Any], labels: list[str]) -> None:
    """A legend under all panels, in as many columns as fit; the figure grows with one of many lines."""
    entry = 0.65 + 0.08 * max(map(len, labels), default=0)  # inches, at the font size of `figure_style`
    columns = max(1, min(len(labels), 7, int(figure.get_figwidth() / entry)))
    lines = -(-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + 0.19 * max(0, lines - 3))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def save_figure(figure: Figure, frame: pd.DataFrame, path: Path) -> Path:
    """Write a figure and its data as ``.png``, ``.pdf`` and ``.csv`` (the path has no suffix); the path of the PNG."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every glyph
    for suffix, metadata in _METADATA.items():
        with atomic_write(path.with_name(f"{path.name}.{suffix}"), "wb") as file:
            figure.savefig(file, format=suffix, dpi=150, metadata=metadata)
    write_text(path.with_name(f"{path.name}.csv"), csv_text(frame))
    return path.with_name(f"{path.name}.png")
