"""Figures of the deeper density analysis: error by pass, bound against k, memory slots, and strips of images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from dgmbench.report.figures import figure_style, line_styles, panels, save_figure, shared_legend

_MISSING = "#de8f05"  # seaborn's colour-blind orange, so that a missing pixel is no shade of grey
_SLOT_COLUMNS = 10


@dataclass(frozen=True)
class Strip:
    """Images side by side: (images, pixels) from 0 to 1, NaN where a pixel is missing."""

    label: str
    images: np.ndarray


@dataclass(frozen=True)
class Block:
    """Strips below one title."""

    title: str
    strips: tuple[Strip, ...]


def draw_images(blocks: list[Block], shape: tuple[int, int], path: Path) -> Path:
    """Strips of images, block below block; the CSV holds a line of pixels for each image.

    Args:
        shape: height and width of an image.
        path: without suffix; gets ``.png``, ``.pdf`` and ``.csv``.
    """
    heights = [len(block.strips) for block in blocks]
    strips = [strip for block in blocks for strip in block.strips]
    widest, label = (
        max(sizes) for sizes in zip(*((len(strip.images), len(strip.label)) for strip in strips), strict=True)
    )
    with figure_style():
        size = (0.6 + 0.09 * label + 0.55 * widest * shape[1] / shape[0], 0.55 * sum(heights) + 0.4 * len(blocks))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, block in zip(axes, blocks, strict=True):
            _draw_block(ax, block, shape)
        frame = pd.concat([_pixels(block, strip) for block in blocks for strip in block.strips], ignore_index=True)
        return save_figure(figure, frame, path)


def _draw_block(ax: Axes, block: Block, shape: tuple[int, int]) -> None:
    height, width = shape
    widest = max(len(strip.images) for strip in block.strips)
    # a white frame of one pixel around each image
    canvas = np.zeros((len(block.strips) * (height + 1) + 1, widest * (width + 1) + 1))
    for i, strip in enumerate(block.strips):
        for j, image in enumerate(strip.images):
            top, left = i * (height + 1) + 1, j * (width + 1) + 1
            canvas[top : top + height, left : left + width] = image.reshape(shape)
    ink = colormaps["gray_r"].with_extremes(bad=_MISSING)
    ax.imshow(np.ma.masked_invalid(canvas), cmap=ink, vmin=0, vmax=1, interpolation="nearest")
    ax.set(title=block.title, xticks=[])
    ax.set_yticks([(i + 0.5) * (height + 1) for i in range(len(block.strips))], [strip.label for strip in block.strips])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_anchor("W")  # else the layout leaves too little room for the labels


def _pixels(block: Block, strip: Strip) -> pd.DataFrame:
    frame = pd.DataFrame(strip.images.round(3)).add_prefix("p")
    names = {"block": block.title, "row": strip.label, "column": range(len(frame))}
    return pd.concat([pd.DataFrame(names, index=frame.index), frame], axis=1)


def draw_imputation_errors(errors: pd.DataFrame, variant_of: Mapping[str, str], path: Path) -> Path:
    """The error of the missing pixels after each pass, a row of panels per dataset, a panel per mask.

    Args:
        errors: columns dataset, model, seed, mask, pass, error.
        variant_of: the model that each is a variant of, which has its colour; empty for none.
        path: without suffix; gets ``.png``, ``.pdf`` and ``.csv``.
    """
    datasets, masks = (list(dict.fromkeys(errors[name])) for name in ("dataset", "mask"))
    drawn = errors[errors["pass"] > 0]
    with figure_style() as colours:
        figure = Figure(figsize=(3.4 * len(masks), 2.9 * len(datasets) + 0.5), layout="constrained")
        grid = figure.subplots(len(datasets), len(masks), squeeze=False)
        styles = _styles(errors, variant_of, colours)
        for dataset, axes in zip(datasets, grid, strict=True):
            for mask, ax in zip(masks, axes, strict=True):
                part = drawn[(drawn["dataset"] == dataset) & (drawn["mask"] == mask)]
                _draw_lines(ax, part, "pass", "error", styles)
                ax.set(title=f"{dataset}, {mask}", xlabel="pass", ylabel="error per missing pixel")
                _log_axis(ax, [n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if n <= part["pass"].max()])
        shared_legend(figure)
        return save_figure(figure, errors, path)


def draw_bounds(bounds: pd.DataFrame, variant_of: Mapping[str, str], path: Path) -> Path:
    """The bound against k, a panel per dataset, a line per model; a model's exact log-likelihood where it is known.

    Args:
        bounds: columns dataset, model, seed, k, bound, exact (nats per image).
        variant_of: the model that each is a variant of, which has its colour; empty for none.
        path: without suffix; gets ``.png``, ``.pdf`` and ``.csv``.
    """
    datasets = list(dict.fromkeys(bounds["dataset"]))
    with figure_style() as colours:
        figure, axes = panels(len(datasets), 3.6)
        for ax, dataset in zip(axes, datasets, strict=True):
            part = bounds[bounds["dataset"] == dataset]
            _draw_lines(ax, part, "k", "bound", _styles(part, variant_of, colours), marker="o", ms=4)
            for exact in part["exact"].dropna().unique():
                ax.axhline(exact, color="0.3", lw=1, ls=":", label="exact log p(x)")
            ax.set(title=dataset, xlabel="importance samples k", ylabel="bound (nats per image)")
            _log_axis(ax, list(part["k"].unique()))
            ax.legend(frameon=False)
        return save_figure(figure, bounds, path)


def _styles(frame: pd.DataFrame, variant_of: Mapping[str, str], colours: list[Any]) -> dict[str, Any]:
    """Order, colours and dashes of the lines of the models in a frame."""
    models = list(dict.fromkeys(frame["model"]))
    palette, dashes = line_styles({model: variant_of.get(model, "") for model in models}, colours)
    return {"hue_order": models, "style_order": models, "palette": palette, "dashes": dashes}


def _draw_lines(ax: Axes, part: pd.DataFrame, x: str, y: str, styles: dict[str, Any], **options: Any) -> None:
    """A line per model: the mean over its seeds, their standard deviation as a band."""
    sns.lineplot(part, x=x, y=y, hue="model", style="model", errorbar="sd", lw=1.5, ax=ax, **styles, **options)


def _log_axis(ax: Axes, ticks: list[int]) -> None:
    """A logarithmic x axis that names these values as they are."""
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()


def draw_preferences(preferences: pd.DataFrame, path: Path) -> Path:
    """Which slots the classes prefer and how alike the classes are in that, a row of two panels per model.

    Args:
        preferences: columns dataset, model, layer, slot, class, preference; one seed and one layer of each model.
        path: without suffix; gets ``.png``, ``.pdf`` and ``.csv``.
    """
    groups = list(preferences.groupby(["dataset", "model", "layer"], sort=False))
    tables = [part.pivot(index="class", columns="slot", values="preference") for _, part in groups]
    heights = [0.9 + 0.17 * len(table) for table in tables]
    with figure_style():
        figure = Figure(figsize=(11, sum(heights)), layout="constrained")
        grid = figure.subplots(len(groups), 2, squeeze=False, width_ratios=[3.2, 1], height_ratios=heights)
        for (left, right), (group, _), table in zip(grid, groups, tables, strict=True):
            ordered = table[table.mean().sort_values(ascending=False, kind="stable").index]
            label = ", ".join(map(str, group))
            scale = PowerNorm(0.5, vmin=0)  # a few slots may take most of it
            bar = {"label": "preference"}
            sns.heatmap(ordered, ax=left, cmap="viridis", norm=scale, cbar_kws=bar, xticklabels=False, yticklabels=1)
            left.set(title=label, xlabel="slot, the most used first", ylabel="class")
            names = list(table.index)
            correlation = pd.DataFrame(np.corrcoef(table.to_numpy()), names, names)
            sns.heatmap(
                correlation,
                ax=right,
                cmap="vlag",
                vmin=-1,
                vmax=1,
                square=True,
                xticklabels=1,
                yticklabels=1,
                cbar_kws={"label": "correlation"},
            )
            for ax in (left, right):
                ax.tick_params(labelsize=6, rotation=0)
        return save_figure(figure, preferences, path)


def draw_slots(images: list[tuple[str, np.ndarray]], shape: tuple[int, int], path: Path) -> Path:
    """What each slot draws alone.

    Args:
        images: a title and its (slots, pixels) for each model.
        shape: height and width of an image.
        path: without suffix; gets ``.png``, ``.pdf`` and ``.csv``.
    """
    blocks = []
    for title, slots in images:
        parts = np.array_split(slots, range(_SLOT_COLUMNS, len(slots), _SLOT_COLUMNS))
        starts = (i * _SLOT_COLUMNS for i in range(math.ceil(len(slots) / _SLOT_COLUMNS)))
        blocks.append(Block(title, tuple(Strip(f"{start}–", part) for start, part in zip(starts, parts, strict=True))))
    return draw_images(blocks, shape, path)
