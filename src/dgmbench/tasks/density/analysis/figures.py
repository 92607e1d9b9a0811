"""Figures of the density analysis: error by pass, bound against k, memory slots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from dgmbench.report.figures import draw_lines, figure_style, line_styles, log_axis, panels, save_figure, shared_legend
from dgmbench.report.limits import limits_of


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
            if limits := limits_of(part["bound"].tolist(), margin=0.05):
                ax.set_ylim(*limits)
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
