"""Takes the numbers of the density table from the runs under results/reference to where they are shown.

python docs/published_numbers.py

For each model: the paper's test log-likelihood, and that of the presets `overnight` and `default`, as
images/density.png, the README's first picture; and those of `overnight` as `tasks/density/longer.csv`, which the figure
of every report shows. To be run after each new run of `overnight` that is kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.ticker import MaxNLocator

from dgmbench.errors import counted
from dgmbench.report.figures import figure_style, panels
from dgmbench.run.records import read_json
from dgmbench.tasks.density.longer import COLUMNS

DOCS = Path(__file__).parent
REFERENCE = DOCS.parent / "results" / "reference"
LONGER = DOCS.parent / "src" / "dgmbench" / "tasks" / "density" / "longer.csv"
# marks as in the figure of the report, where the reader's own preset stands for the default one
PRESETS: dict[str, dict[str, Any]] = {
    "default": {"colour": 0, "fmt": "o", "ms": 5, "zorder": 4},
    "overnight": {"colour": 2, "fmt": "s", "mfc": "none", "mew": 1.4, "ms": 7, "zorder": 3},
}
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
    """Epochs and hours by the clock, one training a core, of a preset's column."""
    (epochs,) = frame["epochs"].unique()
    models = "" if len(frame) == N_MODELS else f"{counted(len(frame), 'model')} so far, "
    return f"{models}{epochs:.0f} epochs, {frame['train_seconds'].sum() / 3600:.1f} hours"


def commit_of(dataset: str, model: str) -> str:
    """The commit that the kept runs of a cell were trained by."""
    records = [read_json(path) for path in sorted((REFERENCE / "overnight" / "runs").glob("*/run.json"))]
    runs = [run for run in records if (run["spec"]["dataset"], run["spec"]["model"]) == (dataset, model)]
    (commit,) = {run["training"]["code"]["commit"] for run in runs if not run["training"]["code"]["dirty"]}
    return str(commit)


def write_longer(frame: pd.DataFrame) -> None:
    """The numbers of `overnight`, with what they depend on, for the package."""
    lines = frame[frame["preset"] == "overnight"].assign(
        commit=lambda rows: [commit_of(*key) for key in zip(rows["dataset"], rows["model"], strict=True)]
    )
    named = lines.rename(columns={"ll_mean": "log_likelihood", "ll_se": "standard_error"})
    whole = dict.fromkeys(("epochs", "k"), int)
    named.astype(whole)[list(COLUMNS)].to_csv(LONGER, index=False, lineterminator="\n")


def main() -> None:
    frame = tables()
    write_longer(frame)
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
            for preset, look in PRESETS.items():
                cells = column[column["preset"] == preset]
                if not len(cells):
                    continue
                rows = cells["model"].map(place)
                style = {key: value for key, value in look.items() if key != "colour"}
                style |= {"color": colours[look["colour"]], "capsize": 2, "label": preset}
                ax.errorbar(cells["ll_mean"], rows, xerr=1.96 * cells["ll_se"], **style)
                notes.append(f"{preset}: {said(cells)}")
            paper = column.drop_duplicates("model")
            style = {
                "mfc": "none",
                "mec": colours[1],
                "mew": 1.4,
                "ms": 6.5,
                "zorder": 5,
                "label": "paper (3000 epochs)",
            }
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
