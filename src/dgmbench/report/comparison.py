"""The figure of a table: our numbers beside the paper's and, where there are some, those of other runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgmbench.report.cells import Cells
from dgmbench.report.charts import Chart, Dot, Dots
from dgmbench.report.estimates import Metric, estimate, in_unit
from dgmbench.report.figures import figure_style, legend_below, panels, save_figure
from dgmbench.report.limits import beyond, is_beyond, limits_of, widened
from dgmbench.report.marks import draw_row, no_room_below_zero, other_look, ours_look, paper_look
from dgmbench.report.sheet import Figure
from dgmbench.run.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

OURS, PAPER = "ours", "paper"
_WORDS, _NUMBERS = ("dataset", "model", "status", "comparable"), ("ours", "error", "paper", "other", "other_error")
_WIDE = 1.96  # standard errors to each side of a 95 % interval
_MARGIN = 0.22
_MANY = 8
"""Of so many rows the spread is known well enough to tell which of them is far off."""


@dataclass(frozen=True)
class Other:
    """A number of another run of a cell's model.

    Attributes:
        error: its standard error.
        facts: what it depends on, by the heading in the figure's CSV file.
        words: the same for a reader who asks for it.
    """

    value: float
    error: float | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True)
class Beside:
    """What a figure shows beside our numbers and the paper's.

    Attributes:
        name: the preset of the other runs.
        numbers: by dataset and model, as the cells name them.
        about: whose the other runs are, for the caption; the figure says which marks they have.
        paper: what the published numbers are of, for the caption.
        below: by dataset, what its panel says about all marks.
        facts: by dataset and model, what our number and the paper's depend on, by the heading in the CSV file.
    """

    name: str = ""
    numbers: Mapping[tuple[str, str], Other] = field(default_factory=dict)
    about: str = ""
    paper: str = ""
    below: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)


def comparison_figure(cells: Cells, metric: Metric, workspace: Workspace, beside: Beside | None = None) -> list[Figure]:
    """Draw a metric beside the paper's, a panel per dataset, a line per model; nothing when nothing was measured.

    Intervals are 95 %, 1.96 standard errors, or the standard deviation over the seeds of a metric that has no others.
    """
    beside = beside or Beside()
    frame = _numbers(cells, metric, beside)
    if frame["ours"].isna().all():
        return []
    errors, published, others = (bool(frame[name].notna().any()) for name in ("error", "paper", "other"))
    kind, wide = _intervals(metric)
    limits = {dataset: _limits(frame[frame["dataset"] == dataset], wide) for dataset in cells.datasets}
    with figure_style() as colours:
        lines_below = 0.17 * max((words.count("\n") + 1 for words in beside.below.values()), default=0)
        figure, axes = panels(len(cells.datasets), 1.7 + 0.3 * frame["model"].nunique() + lines_below)
        longest = max(len(_shortened(name)) for name in frame["model"])
        figure.set_figwidth(figure.get_figwidth() + 0.07 * max(0, longest - 16) * len(axes))  # room for long names
        for ax, dataset in zip(axes, cells.datasets, strict=True):
            chosen = frame[frame["dataset"] == dataset]
            edges = widened(limits[dataset], _MARGIN) if limits[dataset] else ()
            for row, point in enumerate(chosen.to_dict("records")):
                draw_row(ax, row, point, wide, colours, limits[dataset], edges)
            label = [in_unit(metric, cells.of(dataset)).axis, *filter(None, [beside.below.get(dataset)])]
            ax.set(title=_title(dataset, chosen), xlabel="\n".join(label), yticks=range(len(chosen)))
            ax.set_yticklabels([_shortened(name) for name in chosen["model"]])
            ax.set_ylim(len(chosen) - 0.4, -0.6)
            ax.margins(x=_MARGIN)  # room for the words
            if edges:
                ax.set_xlim(*edges)
            if not (chosen[["ours", "other", "paper"]] < 0).any(axis=None):
                no_room_below_zero(ax, float((chosen["ours"] - wide * chosen["error"].fillna(0.0)).min()))
        words = f", {kind}" if errors else ""
        handles: list[Any] = [axes[0].errorbar([], [], xerr=[], label=OURS + words, **ours_look(colours))]
        if others:
            handles += [axes[0].errorbar([], [], xerr=[], label=f"preset {beside.name}{words}", **other_look(colours))]
        if published:
            handles += axes[0].plot([], [], label=PAPER, **paper_look(colours))
        legend_below(figure, handles, [handle.get_label() for handle in handles])
        png = save_figure(figure, _data(frame, beside.name if others else ""), workspace.figures / cells.task.name)
    title = "Ours beside the paper's" if published else _capitalised(metric.title)
    title += f" and preset {beside.name}'s" if others else ""
    text = _caption(cells, metric, frame, beside, errors) + beyond(_beyond(frame, limits, beside.name))
    return [Figure(png, title, text, _chart(cells, frame, metric, beside, kind if errors else "", limits))]


def _intervals(metric: Metric) -> tuple[str, float]:
    """What is drawn around a number, and half of it in units of the number's error."""
    return ("95 % interval", _WIDE) if metric.has_standard_error else ("standard deviation over seeds", 1.0)


def _limits(chosen: pd.DataFrame, wide: float) -> tuple[float, ...]:
    """The least and the largest value that a panel reaches; empty where it reaches to all."""
    values, trusted = list[float](), list[bool]()
    for name, error in (("ours", "error"), ("other", "other_error"), ("paper", "")):
        half = wide * chosen[error].fillna(0.0) if error else 0.0
        for ends in (chosen[name] - half, chosen[name] + half):
            values += ends.tolist()
            trusted += [name != "ours" or status != "diverged" for status in chosen["status"]]
    return limits_of(values, trusted, by_spread=len(chosen) >= _MANY)


def _beyond(frame: pd.DataFrame, limits: Mapping[str, tuple[float, ...]], other: str) -> Iterator[tuple[str, float]]:
    """What the panels do not reach to: of which row, and its value."""
    of = {"ours": "", "other": f", preset {other}", "paper": ", paper"}
    for point in frame.to_dict("records"):
        for name, whose in of.items():
            if is_beyond(point[name], limits[point["dataset"]]):
                yield f"{point['model']} on {point['dataset']}{whose}", point[name]


def _shortened(name: str, longest: int = 36) -> str:
    """The end of a long name, which tells a user's classes apart."""
    return name if len(name) <= longest else f"…{name[1 - longest :]}"


def _title(dataset: str, chosen: pd.DataFrame) -> str:
    return dataset + ("" if chosen["comparable"].all() else " (a part of the data)")


def _caption(cells: Cells, metric: Metric, frame: pd.DataFrame, beside: Beside, errors: bool) -> str:
    """What each mark is."""
    text = f"{_capitalised(metric.title)} of each {cells.task.row_word} on the test {cells.examples}"
    if errors and metric.has_standard_error:
        text += f", with 95 % intervals ({_WIDE} standard errors over the test {cells.examples})"
    elif errors:
        text += ", with the standard deviation over the seeds"
    text += f". Circles: ours, preset {cells.preset}."
    if others := bool(frame["other"].notna().any()):
        text += f" Squares: {beside.about}."
    if published := bool(frame["paper"].notna().any()):
        sources = "; ".join(dict.fromkeys(cell.paper.source for cell in cells.shown if cell.paper))
        text += f" Diamonds: the paper's{', ' if beside.paper else ''}{beside.paper} ({sources})."
    if (others or published) and not frame["comparable"].all():
        text += " What is measured on a part of the data is no result: the other marks are on all of it."
    return text


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]


def _chart(
    cells: Cells,
    frame: pd.DataFrame,
    metric: Metric,
    beside: Beside,
    kind: str,
    limits: Mapping[str, tuple[float, ...]],
) -> Chart:
    wide = _intervals(metric)[1]
    words = {key: other.words for key, other in beside.numbers.items()}
    panels = []
    for dataset in cells.datasets:
        chosen = frame[frame["dataset"] == dataset]
        dots = [
            Dot(
                p["model"],
                p["ours"],
                wide * p["error"],
                p["paper"],
                p["status"],
                other=p["other"],
                other_error=wide * p["other_error"],
                words=words.get((dataset, p["model"]), ""),
            )
            for p in chosen.to_dict("records")
        ]
        below, axis = beside.below.get(dataset, ""), in_unit(metric, cells.of(dataset)).axis
        panels.append(Dots(_title(dataset, chosen), axis, dots, beside.name, below, kind, limits[dataset]))
    return Chart(panels)


def _numbers(cells: Cells, metric: Metric, beside: Beside) -> pd.DataFrame:
    import pandas as pd

    lines = []
    for cell in cells.shown:
        found, other = estimate(cell, metric), beside.numbers.get((cell.dataset, cell.model))
        ours, error = (found.mean, found.error) if found else (None, None)
        line = {"dataset": cell.dataset, "model": cell.model, "status": cell.status, "ours": ours, "error": error}
        line |= {"paper": cell.published(metric.name), "comparable": not cell.part}
        line |= {"other": other.value if other else None, "other_error": other.error if other else None}
        lines.append(line | dict(beside.facts.get((cell.dataset, cell.model), {})) | dict(other.facts if other else {}))
    frame = pd.DataFrame(lines, columns=None if lines else [*_WORDS, *_NUMBERS])
    whole = {str(name): frame[name].convert_dtypes() for name in frame if name not in (*_WORDS, *_NUMBERS)}
    return frame.assign(**whole).astype(dict.fromkeys(_NUMBERS, float))


def _data(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """What is drawn, under the name of the other runs; without their columns where there are none."""
    if not name:
        return frame.drop(columns=["other", "other_error"])
    return frame.rename(columns={"other": name, "other_error": f"{name}_error"})
