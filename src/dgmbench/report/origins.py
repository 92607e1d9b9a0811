"""Where the numbers of a table come from, what they cost, what has none and why: read from the records of the runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dgmbench.data.catalogue import CATALOGUE, title_of
from dgmbench.report.cells import Cell, Cells, Run
from dgmbench.report.notes import code_in_words, host_in_words, variants
from dgmbench.report.sheet import DASH, Grid
from dgmbench.run.spec import RunSpec


@dataclass(frozen=True)
class Origin:
    """How a cell came about.

    Attributes:
        facts: what holds for its runs, by what it is; where seeds differ, which has what.
        files: paths of records and logs, relative to the preset's folder, by what they are; some may not be there.
    """

    dataset: str
    model: str
    facts: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]


def origins(cells: Cells) -> list[Origin]:
    """Of every cell that the plan has runs of."""
    return [_origin(cell) for cell in cells if cell.runs]


def _origin(cell: Cell) -> Origin:
    def each(tell: Any) -> str:
        return variants((f"seed {run.spec.seed}", tell(run)) for run in cell.runs)

    def stage(name: str, tell: Any) -> str:
        return variants((f"seed {run.spec.seed}", tell(run.get(name) or {})) for run in done)

    done = [run for run in cell.runs if run.record]
    spec = cell.runs[0].spec
    departures = {run.spec.run_id: run.spec.canonical().get("settings", {}) for run in cell.runs}
    facts = {
        "what it is": cell.row.about if cell.row else "",
        "class": cell.row.factory if cell.row else "",
        "data": title_of(spec.dataset) + (f": {cell.part}" if cell.part else ""),
        "seeds": cell.seeds,
        "status": each(lambda run: run.status + (f": {run.reason}" if run.reason else "")),
        "metrics": each(lambda run: listed(run.get("metrics") or {})) if done else "",
        "settings that differ from the defaults": each(lambda run: listed(departures[run.spec.run_id])),
        "options of the model": each(lambda run: listed(run.spec.options)),
        "all settings": each(lambda run: listed(run.spec.settings.model_dump(mode="json"))),
        "source of the data": each(lambda run: run.get("data", "source") or "") if done else "",
        "checksums of the data": each(lambda run: listed(_arrays(run))) if done else "",
        "code of the training": stage("training", lambda it: code_in_words(it.get("code") or {})),
        "code of the evaluation": stage("evaluation", lambda it: code_in_words(it.get("code") or {})),
        "libraries": stage("evaluation", lambda it: listed(it.get("libraries") or {}, " ")),
        "machine of the training": stage("training", lambda it: host_in_words(it.get("host") or {})),
        "machine of the evaluation": stage("evaluation", lambda it: host_in_words(it.get("host") or {})),
        "device": stage("training", lambda it: it.get("device") or ""),
        "trained": stage("training", lambda it: f"{it.get('started', '?')} to {it.get('finished', '?')}"),
        "evaluated": stage("evaluation", lambda it: f"{it.get('started', '?')} to {it.get('finished', '?')}"),
        "published": _published(cell),
    }
    files = tuple(file for run in cell.runs for file in _files(run.spec))
    return Origin(cell.dataset, cell.model, tuple((k, v) for k, v in facts.items() if v), files)


def _files(spec: RunSpec) -> Iterator[tuple[str, str]]:
    seed = f"seed {spec.seed}"
    yield f"{seed}: record", f"runs/{spec.run_id}/run.json"
    yield f"{seed}: record of the training", f"trained/{spec.training_id}/training.json"
    yield f"{seed}: log of the training", f"logs/train/{spec.training_id}.log"
    yield f"{seed}: log of the evaluation", f"logs/evaluate/{spec.run_id}.log"


def _arrays(run: Run) -> dict[str, str]:
    """The first digits are enough to tell two versions apart; the record has all."""
    checksums = run.get("data", "checksums") or {}
    found = {name.removeprefix("array:"): str(value)[:12] for name, value in checksums.items() if name != "source"}
    return {name: value for name, value in found.items() if not name.startswith("archive")}


def _published(cell: Cell) -> str:
    return f"{listed(cell.paper.numbers)} ({cell.paper.source})" if cell.paper else ""


def listed(values: Mapping[str, Any], between: str = " = ") -> str:
    """Names and values in one line; numbers to six digits."""
    return ", ".join(f"{name}{between}{_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def costs(cells: Cells) -> Grid:
    """Seconds by stage and memory of every run that has a record, and what they add up to."""
    runs = [(cell, run) for cell in cells for run in cell.runs if run.record]
    header = (
        *(cells.task.dataset_word, cells.task.row_word, "seed", "training, s", "evaluation, s", "processor, s"),
        *("largest memory, MB", "threads", "device"),
    )
    rows = [(cell.dataset, cell.model, str(run.spec.seed), *_cost(run)) for cell, run in runs]
    whole = sum(_number(run, stage, "seconds") for _, run in runs for stage in ("training", "evaluation"))
    processor = sum(_number(run, stage, "cpu_seconds") for _, run in runs for stage in ("training", "evaluation"))
    note = (
        f"Altogether {in_words(whole)} of jobs and {in_words(processor)} of processor time, of which several jobs may "
        "have run side by side. Seconds are those of the whole stage, loading libraries and data included, and of "
        "what a resumed training had kept of its earlier parts; the memory is the largest of both stages."
    )
    if lasts := [run.spec.training_id for _, run in runs if _is_of_the_last_part(run)]:
        note += f" Recorded by an earlier version, with the seconds of the last part alone: {', '.join(lasts)}."
    return Grid("What the runs cost", header, rows, note)


def _is_of_the_last_part(run: Run) -> bool:
    """Whether a training was resumed when records did not yet have what its earlier parts took."""
    training = run.record["training"] if run.record else {}
    was_resumed = bool(training.get("resumed_from_epoch") or training.get("resumed_after_seconds"))
    return was_resumed and "resumed_after_cpu_seconds" not in training


def _cost(run: Run) -> tuple[str, ...]:
    def add(key: str) -> str:
        values = [_number(run, stage, key) for stage in ("training", "evaluation")]
        return f"{sum(values):,.1f}"

    memory = max(_number(run, stage, "peak_memory_mb") for stage in ("training", "evaluation"))
    stages = [f"{_number(run, stage, 'seconds'):,.1f}" for stage in ("training", "evaluation")]
    words = [str(run.get("training", name) or DASH) for name in ("threads", "device")]
    return (*stages, add("cpu_seconds"), f"{memory:,.0f}" if memory else DASH, *words)


def _number(run: Run, stage: str, key: str) -> float:
    value = run.get(stage, key)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def in_words(seconds: float) -> str:
    """A time as people say it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def problems(cells: Cells) -> Grid:
    """Every run that did not end well, why, and where its logs are."""
    word = (cells.task.dataset_word, cells.task.row_word)
    rows = [
        (cell.dataset, cell.model, str(run.spec.seed), run.status, _why(run))
        for cell in cells
        for run in cell.runs
        if run.status != "ok"
    ]
    note = "What failed is tried again by the next call; a click on its cell leads to its logs."
    return Grid("What failed or is missing, and why", (*word, "seed", "status", "why"), rows, note)


def _why(run: Run) -> str:
    if run.status == "missing":
        return "not run yet"
    if run.status == "diverged":
        epoch = run.get("training", "diverged_at")
        return "stopped being finite" + (f" in epoch {epoch + 1}" if isinstance(epoch, int) else "")
    return run.reason or "its record says no more"


def citations(cells: Cells) -> list[tuple[str, str]]:
    """What was run and whose it is: the rows, the data, the published numbers."""
    found: dict[str, str] = {}
    for cell in cells:
        if cell.runs and cell.row:
            found.setdefault(cell.model, cell.row.about)
    for run in (run for cell in cells for run in cell.runs):
        for name in cells.task.reads(run.spec):
            if name in CATALOGUE:
                found.setdefault(name, f"{CATALOGUE[name].about} ({CATALOGUE[name].citation})")
            else:
                found.setdefault(title_of(name), "user-defined data")
    sources = dict.fromkeys(cell.paper.source for cell in cells if cell.paper)
    return [*found.items(), *(("published numbers", source) for source in sources)]
