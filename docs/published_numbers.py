"""Draws images/density.png, the README's first picture, from the tables under results/reference.

python docs/published_numbers.py

For each model: the paper's test log-likelihood, and that of the presets `overnight` and `default`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from dgmbench.errors import counted
from dgmbench.report.figures import figure_style, panels

DOCS = Path(__file__).parent
REFERENCE = DOCS.parent / "results" / "reference"
PRESETS = {"overnight": "o", "default": "s"}
N_MODELS = 6


def tables() -> pd.DataFrame:
    """The finished cells of the presets' density tables."""
    found = []
    for preset in PRESETS:
        table = REFERENCE / preset / "tables" / "density.csv"
        if table.exists():
            found.append(pd.read_csv(table).assign(preset=preset))
    frame = pd.concat(found)
    return frame[frame["status"] == "ok"]


def said(frame: pd.DataFrame) -> str:
    """Epochs and hours of a preset's column."""
    (epochs,) = frame["epochs"].unique()
    models = "" if len(frame) == N_MODELS else f"{counted(len(frame), 'model')} so far, "
    return f"{models}{epochs:.0f} epochs, {frame['train_seconds'].sum() / 3600:.1f} core hours"


def main() -> None:
    frame = tables()
    datasets, models = list(dict.fromkeys(frame["dataset"])), list(dict.fromkeys(frame["model"]))
    with figure_style() as colours:
        figure, axes = panels(len(datasets), 0.32 * len(models) + 1.7)
        for ax, dataset in zip(axes, datasets, strict=True):
            column = frame[frame["dataset"] == dataset]
            place = {model: row for row, model in enumerate(models)}
            for row, (_, cells) in enumerate(column.groupby("model", sort=False)):
                values = [*cells["ll_mean"], *cells["paper"].dropna()]
                ax.plot([min(values), max(values)], [row, row], "-", color="0.8", lw=1.2, zorder=1)
            notes = []
            for number, (preset, marker) in enumerate(PRESETS.items()):
                cells = column[column["preset"] == preset]
                if not len(cells):
                    continue
                rows = cells["model"].map(place)
                style = {"color": colours[number * 2], "ms": 6, "capsize": 2, "zorder": 3}
                ax.errorbar(cells["ll_mean"], rows, xerr=1.96 * cells["ll_se"], fmt=marker, label=preset, **style)
                notes.append(f"{preset}: {said(cells)}")
            paper = column.drop_duplicates("model")
            style = {"mfc": "none", "mec": colours[1], "mew": 1.5, "ms": 8, "zorder": 4, "label": "paper (3000 epochs)"}
            ax.plot(paper["paper"], paper["model"].map(place), "D", **style)
            ax.set(title=dataset, xlabel="test log-likelihood, nats\n" + "\n".join(notes))
            ax.set_yticks(range(len(models)), models)
            ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
            ax.set_ylim(len(models) - 0.4, -0.6)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(DOCS / "images" / "density.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
