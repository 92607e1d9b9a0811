"""The figure of images side by side: what is written beside each strip says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dgmbench.report.figures import figure_style, save_figure

_MISSING = "#de8f05"  # seaborn's colour-blind orange, so that a missing pixel is no shade of grey
_FRAME = 2  # white pixels around each image: ink may reach its edge


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
    down, across = height + _FRAME, width + _FRAME
    canvas = np.zeros((len(strips) * down + _FRAME, max(map(len, strips.values())) * across + _FRAME))
    for i, images in enumerate(strips.values()):
        for j, image in enumerate(images):
            top, left = i * down + _FRAME, j * across + _FRAME
            canvas[top : top + height, left : left + width] = image.reshape(shape)
    ink = colormaps["gray_r"].with_extremes(bad=_MISSING)
    ax.imshow(np.ma.masked_invalid(canvas), cmap=ink, vmin=0, vmax=1, interpolation="nearest")
    ax.set_yticks([(i + 0.5) * down for i in range(len(strips))], list(strips))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_anchor("W")  # else the layout leaves too little room for the labels


def _pixels(title: str, label: str, images: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(images.round(3)).add_prefix("p")
    names = {"block": title, "row": label, "column": range(len(frame))}
    return pd.concat([pd.DataFrame(names, index=frame.index), frame], axis=1)
