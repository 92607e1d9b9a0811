"""Figures of the density analysis: error by pass, bound against k, memory slots, and strips of images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from dgmbench.report.figures import draw_lines, figure_style, line_styles, log_axis, panels, save_figure, shared_legend

_MISSING = "#de8f05"  # seaborn's colour-blind orange, so that a missing pixel is no shade of grey


Strips = dict[str, np.ndarray]
"""Images side by side, by what is written beside them: (images, pixels) from 0 to 1, NaN where a pixel is missing."""


def draw_images(blocks: Mapping[str, Strips], shape: tuple[int, int], path: Path) -> Path:
    """Strips of images of a height and width, in blocks with a title; the CSV has a line of pixels for each image."""
    heights = [len(strips) for strips in blocks.values()]
    parts = [(title, label, images) for title, strips in blocks.items() for label, images in strips.items()]
    widest, label = max(len(images) for *_, images in parts), max(len(label) for _, label, _ in parts)
    with figure_style():
        size = (0.6 + 0.09 * label + 0.55 * widest * shape[1] / shape[0], 0.55 * sum(heights) + 0.4 * len(blocks))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, (title, strips) in zip(axes, blocks.items(), strict=True):
            _draw_strips(ax, strips, shape)
            ax.set(title=title, xticks=[])
        return save_figure(figure, pd.concat([_pixels(*part) for part in parts], ignore_index=True), path)


def _draw_strips(ax: Axes, strips: Strips, shape: tuple[int, int]) -> None:
    height, width = shape
    widest = max(map(len, strips.values()))
    # a white frame of one pixel around each image
    canvas = np.zeros((len(strips) * (height + 1) + 1, widest * (width + 1) + 1))
    for i, images in enumerate(strips.values()):
        for j, image in enumerate(images):
            top, left = i * (height + 1) + 1, j * (width + 1) + 1
            canvas[top : top + height, left : left + width] = image.reshape(shape)
    ink = colormaps["gray_r"].with_extremes(bad=_MISSING)
    ax.imshow(np.ma.masked_invalid(canvas), cmap=ink, vmin=0, vmax=1, interpolation="nearest")
    ax.set_yticks([(i + 0.5) * (height + 1) for i in range(len(strips))], list(strips))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_anchor("W")  # else the layout leaves too little room for the labels


def _pixels(title: str, label: str, images: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(images.round(3)).add_prefix("p")
    names = {"block": title, "row": label, "column": range(len(frame))}
    return pd.concat([pd.DataFrame(names, index=frame.index), frame], axis=1)


def draw_imputation_errors(errors: pd.DataFrame, variant_of: Mapping[str, str], path: Path) -> Path:
    """Error of the missing pixels (dataset, model, seed, mask, pass, error) by pass, a row of panels per dataset."""
    datasets, masks = (list(dict.fromkeys(errors[name])) for name in ("dataset", "mask"))
    drawn = errors[errors["pass"] > 0]
    with figure_style() as colours:
        figure = Figure(figsize=(3.4 * len(masks), 2.9 * len(datasets) + 0.5), layout="constrained")
        grid = figure.subplots(len(datasets), len(masks), squeeze=False)
        styles = _styles(errors, variant_of, colours)
        for dataset, axes in zip(datasets, grid, strict=True):
            for mask, ax in zip(masks, axes, strict=True):
                part = drawn[(drawn["dataset"] == dataset) & (drawn["mask"] == mask)]
                draw_lines(ax, part, "pass", "error", styles)
                ax.set(title=f"{dataset}, {mask}", xlabel="pass", ylabel="error per missing pixel")
                log_axis(ax, [n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if n <= part["pass"].max()])
        shared_legend(figure)
        return save_figure(figure, errors, path)


def draw_bounds(bounds: pd.DataFrame, variant_of: Mapping[str, str], path: Path) -> Path:
    """The bound (dataset, model, seed, k, bound, exact, unit) against k, a panel per dataset."""
    datasets = list(dict.fromkeys(bounds["dataset"]))
    with figure_style() as colours:
        figure, axes = panels(len(datasets), 3.6)
        for ax, dataset in zip(axes, datasets, strict=True):
            part = bounds[bounds["dataset"] == dataset]
            styles = _styles(part, variant_of, colours) | {"marker": "o", "ms": 4}
            draw_lines(ax, part, "k", "bound", styles)
            for exact in part["exact"].dropna().unique():
                ax.axhline(exact, color="0.3", lw=1, ls=":", label="exact log p(x)")
            ax.set(title=dataset, xlabel="importance samples k", ylabel=f"bound ({part['unit'].iloc[0]})")
            log_axis(ax, list(part["k"].unique()))
            ax.legend(frameon=False)
        return save_figure(figure, bounds, path)


def _styles(frame: pd.DataFrame, variant_of: Mapping[str, str], colours: list[Any]) -> dict[str, Any]:
    """Of the lines of the models in a frame."""
    return line_styles({model: variant_of.get(model, "") for model in dict.fromkeys(frame["model"])}, colours)


def draw_preferences(preferences: pd.DataFrame, path: Path) -> Path:
    """Which slots the classes prefer (dataset, model, layer, slot, class, preference), and how similar they are."""
    groups = list(preferences.groupby(["dataset", "model", "layer"], sort=False))
    tables = [part.pivot(index="class", columns="slot", values="preference") for _, part in groups]
    heights = [0.9 + 0.17 * len(table) for table in tables]
    with figure_style():
        figure = Figure(figsize=(11, sum(heights)), layout="constrained")
        grid = figure.subplots(len(groups), 2, squeeze=False, width_ratios=[3.2, 1], height_ratios=heights)
        for (left, right), (group, _), table in zip(grid, groups, tables, strict=True):
            ordered = table[table.mean().sort_values(ascending=False, kind="stable").index]
            scale = PowerNorm(0.5, vmin=0)  # a few slots may take most of it
            bar = {"label": "preference"}
            sns.heatmap(ordered, ax=left, cmap="viridis", norm=scale, cbar_kws=bar, xticklabels=False, yticklabels=1)
            left.set(title=", ".join(map(str, group)), xlabel="slot, the most used first", ylabel="class")
            look = {"cmap": "vlag", "vmin": -1, "vmax": 1, "square": True, "xticklabels": 1, "yticklabels": 1}
            sns.heatmap(table.T.corr(), ax=right, cbar_kws={"label": "correlation"}, **look)
            right.set(xlabel="", ylabel="")
            for ax in (left, right):
                ax.tick_params(labelsize=6, rotation=0)
        return save_figure(figure, preferences, path)
