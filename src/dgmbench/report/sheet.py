"""A table as people read it, before it becomes Markdown, HTML or LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dgmbench.report.cells import Cell, of_planned_datasets

DASH = "–"
DAGGER = "†"


@dataclass(frozen=True)
class Value:
    """One cell: our number, or the word that stands for it, and the paper's.

    Attributes:
        ours: the number as printed, or ``missing``, ``failed``, ``diverged``.
        error: its standard error as printed, if it has one.
        paper: the paper's number as printed, or a dash.
        difference: ours minus the paper's, with its sign, where both exist.
        remark: what else must be known about this number.
        best: better than every other of its column, beyond the interval of the difference.
        comparable: measured on the data that the paper measured on.
    """

    ours: str
    error: str = ""
    paper: str = DASH
    difference: str = ""
    remark: str = ""
    best: bool = False
    comparable: bool = True
    status: str = "ok"


@dataclass(frozen=True)
class Grid:
    """A plain table below the main one."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """The main table, what was measured how, and the smaller tables below it.

    Attributes:
        name: of its files.
        corner: what the rows are.
        groups: each dataset, with what its columns are.
        rows: a model and its cells, group by group; None where the table has no such cell.
    """

    name: str
    title: str
    corner: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    rows: list[tuple[str, list[Value | None]]]
    notes: list[str]
    grids: list[Grid] = field(default_factory=list)


def value(
    cell: Cell,
    ours: float | None,
    paper: float | None,
    digits: int,
    *,
    error: float | None = None,
    best: bool = False,
) -> Value:
    """A number of a cell, with ``digits`` decimals, beside the paper's; the cell's status where there is no number."""
    status, printed = cell.status, DASH if paper is None else f"{paper:.{digits}f}"
    if ours is None:
        return Value(status, paper=printed, remark=_count(cell), status=status, comparable=not cell.subset())
    return Value(
        f"{ours:.{digits}f}",
        f"{error:.{digits}f}" if error is not None else "",
        printed,
        f"{ours - paper:+.{digits}f}" if paper is not None else "",
        "" if status == "ok" else cell.remark or status,
        best,
        not cell.subset(),
        status,
    )


def _count(cell: Cell) -> str:
    return f"{len(cell.runs)} seeds" if len(cell.runs) > 1 else ""


def variants(pairs: Iterable[tuple[str, object]]) -> str:
    """What several rows have in common, or which row has what: ``80`` or ``80 (vae, iwae-5), 40 (iwae-50)``."""
    names: dict[str, list[str]] = {}
    for name, content in pairs:
        rows = names.setdefault(str(content), [])
        if name not in rows:
            rows.append(name)
    if len(names) <= 1:
        return next(iter(names), "")
    return ", ".join(f"{content} ({', '.join(rows)})" for content, rows in names.items())


def seeds(cell: Cell) -> str:
    """The seeds of a cell: ``0``, ``0 to 4`` or ``0, 3, 7``."""
    numbers = sorted(run.spec.seed for run in cell.runs)
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


def notes_on_code(cells: list[Cell]) -> list[str]:
    """Which code, libraries and machines made the numbers."""
    runs = [(run, run.get("evaluation") or {}) for cell in cells for run in cell.runs if run.record]
    if not runs:
        return []
    codes = dict.fromkeys(_code(stage.get("code") or {}) for run, e in runs for stage in (run.get("training") or {}, e))
    libraries = dict.fromkeys(", ".join(f"{k} {v}" for k, v in (e.get("libraries") or {}).items()) for _, e in runs)
    hosts = dict.fromkeys(_host(e.get("host") or {}) for _, e in runs)
    devices = dict.fromkeys(str(d) for run, _ in runs if (d := run.get("training", "device")) is not None)
    lines = [f"Code: {'; '.join(codes)}.", f"Libraries: {'; '.join(libraries)}."]
    return [*lines, f"Machine: {'; '.join(hosts)}" + (f"; trained on {', '.join(devices)}." if devices else ".")]


def _code(code: dict[str, object]) -> str:
    commit = f"commit {str(code['commit'])[:10]}" if code.get("commit") else "no commit known"
    return f"dgmbench {code.get('version', '?')}, {commit}" + (" with uncommitted changes" if code.get("dirty") else "")


def _host(host: dict[str, object]) -> str:
    return f"{host.get('processor', 'unknown processor')}, {host.get('cores', '?')} cores, {host.get('system', '?')}"


def notes_on_gaps(cells: list[Cell]) -> list[str]:
    """Why a cell has no number, or not the usual one; what is not comparable with the paper."""
    if not any(cell.runs for cell in cells):
        return ["Missing: this configuration asks for nothing of this table; it shows the published numbers alone."]
    notes = []
    subsets = dict.fromkeys(part for cell in cells if (part := cell.subset()))
    if subsets:
        notes.append(
            f"{DAGGER} On a part of the data ({'; '.join(subsets)}): not comparable with the published numbers, nor "
            "with runs on all of it."
        )
    for cell in cells:
        for run in cell.runs:
            where = f"{cell.model} on {cell.dataset}, seed {run.spec.seed}"
            if run.status == "failed":
                notes.append(f"Failed: {where}: {_shorten(run.reason or 'its record says no more')}")
            if run.status == "diverged":
                epoch = run.get("training", "diverged_at")
                after = f" in epoch {epoch + 1}" if isinstance(epoch, int) else ""
                finite = run.get("metrics", "log_likelihood") is not None
                state = "what is shown was measured on the last good state" if finite else "nothing finite was measured"
                notes.append(f"Diverged: {where}{after}; {state}.")
    shown = of_planned_datasets(cells)
    left_out = {cell.dataset for cell in cells} - {cell.dataset for cell in shown}
    if left_out:
        notes.append(f"Not in this configuration: {', '.join(sorted(left_out))}.")
    for word, absent in (
        ("not run yet", [c for c in cells if c.runs and c.status == "missing"]),
        ("not in this configuration", [c for c in shown if not c.runs]),
    ):
        if absent:
            notes.append(f"Missing, {word}: {_by_model(absent)}.")
    return notes


def _by_model(cells: list[Cell]) -> str:
    datasets: dict[str, list[str]] = {}
    for cell in cells:
        datasets.setdefault(cell.model, []).append(cell.dataset)
    return "; ".join(f"{model} ({', '.join(names)})" for model, names in datasets.items())


def _shorten(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def notes_on_sources(cells: list[Cell]) -> list[str]:
    """Where the data came from and where the published numbers stand."""
    pairs = [(c.dataset, run.get("data", "source")) for c in cells for run in c.runs if run.get("data", "source")]
    data = "; ".join(f"{dataset} from {source}" for dataset, source in dict.fromkeys(pairs))
    papers = dict.fromkeys(cell.paper.source for cell in cells if cell.paper)
    return [*([f"Data: {data}."] if data else []), f"Published numbers: {'; '.join(papers)}."]
