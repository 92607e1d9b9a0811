"""Models of points in the plane: the exact value beside the estimated one, and how the learnt density looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.report.figures import figure_style, save_figure
from dgmbench.tasks.density.analysis.trained import Trained, binary_images, first_of_each, standard_error
from dgmbench.tasks.density.building import fits_itself
from dgmbench.tasks.density.settings import density_settings

_GRID = 80  # points a side, of the contours
_SHOWN = 500  # data points that are drawn
_FAR = 2.5  # of the latent dimension: 99 % of the prior lies within


def exact_and_estimated(models: list[Trained]) -> pd.DataFrame:
    """Mean log p(x) over the held-out points, exact and by importance sampling, in nats per point.

    ``difference`` is estimated minus exact, ``largest_difference`` of a single point. An estimate is missing where a
    model needs none, and an exact value where it has none.
    """
    return pd.DataFrame([_values(each) for each in models])


def _values(each: Trained) -> dict[str, Any]:
    model: Any = each.model
    points, k = binary_images(each.spec), density_settings(each.spec).k
    exact: Any = None
    estimated: Any = None
    differences: Any = None
    if hasattr(model, "log_prob"):
        exact = model.log_prob(points).double().cpu().numpy()
    if not fits_itself(model):
        estimated = log_likelihood(model, points, k, seed=each.spec.seed)
        differences = None if exact is None else estimated - exact
    return {
        **each.columns,
        "points": len(points),
        "exact": None if exact is None else exact.mean(),
        "standard_error": standard_error(estimated if exact is None else exact),
        "estimated": None if estimated is None else estimated.mean(),
        "k": None if estimated is None else k,
        "difference": None if differences is None else differences.mean(),
        "largest_difference": None if differences is None else np.abs(differences).max(),
        "status": each.status,
    }


def drawable(models: list[Trained]) -> dict[str, list[Trained]]:
    """By dataset, the models of points in the plane whose density is known, of the first seed."""
    found: dict[str, list[Trained]] = {}
    for each in models:
        if hasattr(each.model, "log_prob") and binary_images(each.spec).shape[1] == 2:
            found.setdefault(each.spec.dataset, []).append(each)
    return {dataset: first_of_each(shown) for dataset, shown in found.items()}


def draw_densities(models: list[Trained], values: pd.DataFrame, path: Path) -> Path:
    """A panel a model: the held-out points, contours of the density, and the curve z → mean of x where it has one.

    The CSV file has the density on a grid.
    """
    points = binary_images(models[0].spec)
    margin = 0.1 * np.ptp(points, axis=0)
    sides = [
        np.linspace(low, high, _GRID) for low, high in zip(points.min(0) - margin, points.max(0) + margin, strict=True)
    ]
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    frames = []
    with figure_style() as colours:
        figure = Figure(figsize=(4.2 * len(models), 4.2), layout="constrained")
        for ax, each in zip(figure.subplots(1, len(models), squeeze=False)[0], models, strict=True):
            model: Any = each.model
            density = model.log_prob(grid).exp().cpu().numpy()
            frames.append(pd.DataFrame({**each.columns, "x": grid[:, 0], "y": grid[:, 1], "density": density}))
            ax.scatter(*points[:_SHOWN].T, s=3, color="0.6", label="held-out points")
            levels = density.max() * 2.0 ** np.arange(-6, 0)
            ax.contour(*sides, density.reshape(_GRID, _GRID), levels=levels, colors=[colours[0]], linewidths=0.8)
            _draw_curve(ax, model, colours[1])
            ax.set(
                title=_caption(each, values),
                xlabel="x1",
                ylabel="x2",
                aspect="equal",
                xlim=sides[0][[0, -1]],
                ylim=sides[1][[0, -1]],
            )
        return save_figure(figure, pd.concat(frames, ignore_index=True), path)


def _draw_curve(ax: Axes, model: Any, colour: Any) -> None:
    """The mean of x along a latent variable of one dimension; nothing for a model without."""
    if not hasattr(model, "decode"):
        return
    z = torch.linspace(-_FAR, _FAR, 400, device=next(model.parameters()).device)[:, None]
    with torch.no_grad():
        mean, _ = model.decode(z)
    ax.plot(*mean.cpu().numpy().T, color=colour, lw=1.6, label="mean of x along z")
    ax.legend(frameon=False, fontsize=7)


def _caption(each: Trained, values: pd.DataFrame) -> str:
    """The model's name, and what its log-likelihood is, exactly and as estimated."""
    chosen = (values[list(each.columns)] == pd.Series(each.columns)).all(axis=1)
    row = values[chosen].iloc[0]
    exact = f"exact {row['exact']:.3f} nats per point"
    if pd.isna(row["estimated"]):
        return f"{each.spec.model} on {each.spec.dataset}\n{exact}"
    return f"{each.spec.model} on {each.spec.dataset}\n{exact}; {row['estimated']:.3f} with k = {row['k']:.0f}"
