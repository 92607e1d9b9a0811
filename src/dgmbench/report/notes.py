"""What stands under a table: why a cell has no number, where data and published numbers are from, which code ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dgmbench.errors import counted
from dgmbench.report.cells import Cells
from dgmbench.report.sheet import DAGGER


def variants(pairs: Iterable[tuple[str, object]]) -> str:
    """What several rows have in common, or which row has what: ``80`` or ``80 (first, second), 40 (third)``."""
    names = _grouped((str(content), name) for name, content in pairs)
    return ", ".join(_in_brackets(names)) if len(names) > 1 else next(iter(names), "")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, None]]:
    """The second words that go with each first one, in order, each once."""
    found: dict[str, dict[str, None]] = {}
    for first, second in pairs:
        found.setdefault(first, {})[second] = None
    return found


def _in_brackets(grouped: dict[str, dict[str, None]]) -> list[str]:
    return [f"{first} ({', '.join(others)})" for first, others in grouped.items()]


def notes_on_gaps(cells: Cells, metric: str) -> list[str]:
    """Why a cell has no number of a metric, or not the usual one; what is not comparable with the paper."""
    notes = []
    parts = dict.fromkeys(cell.part for cell in cells if cell.part)
    if parts:
        notes.append(
            f"{DAGGER} On a part of the data ({'; '.join(parts)}): not comparable with the published numbers, nor "
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
                finite = run.get("metrics", metric) is not None
                state = "what is shown was measured on the last good state" if finite else "nothing finite was measured"
                notes.append(f"Diverged: {where}{after}; {state}.")
    there = {(cell.model, cell.dataset) for cell in cells}
    not_asked = [(model, name) for model in cells.models for name in cells.datasets if (model, name) not in there]
    if not_asked:
        notes.append(f"Not asked for by this configuration: {'; '.join(_in_brackets(_grouped(not_asked)))}.")
    if cells.left_out:
        notes.append(f"Published, but not in this configuration: {', '.join(cells.left_out)}.")
    for word, absent in (
        ("not run yet", [c for c in cells if c.runs and c.status == "missing"]),
        ("not in this configuration", [c for c in cells.shown if not c.runs]),
    ):
        if absent:
            by_model = _in_brackets(_grouped((cell.model, cell.dataset) for cell in absent))
            notes.append(f"Missing, {word}: {'; '.join(by_model)}.")
    return notes


def _shorten(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def notes_on_sources(cells: Cells) -> list[str]:
    """Where the data came from and where the published numbers stand."""
    pairs = [(c.dataset, run.get("data", "source")) for c in cells for run in c.runs if run.get("data", "source")]
    data = "; ".join(f"{dataset} from {source}" for dataset, source in dict.fromkeys(pairs))
    papers = "; ".join(dict.fromkeys(cell.paper.source for cell in cells if cell.paper))
    return [f"{what}: {found}." for what, found in (("Data", data), ("Published numbers", papers)) if found]


def notes_on_code(cells: Cells) -> list[str]:
    """Which code, libraries and machines made the numbers."""
    runs = [(run, run.get("evaluation") or {}) for cell in cells for run in cell.runs if run.record]
    if not runs:
        return []
    codes = dict.fromkeys(
        code_in_words(stage.get("code") or {}) for run, e in runs for stage in (run.get("training") or {}, e)
    )
    libraries = dict.fromkeys(", ".join(f"{k} {v}" for k, v in (e.get("libraries") or {}).items()) for _, e in runs)
    hosts = dict.fromkeys(host_in_words(e.get("host") or {}) for _, e in runs)
    devices = dict.fromkeys(str(d) for run, _ in runs if (d := run.get("training", "device")) is not None)
    lines = [f"Code: {'; '.join(codes)}.", f"Libraries: {'; '.join(libraries)}."]
    return [*lines, f"Machine: {'; '.join(hosts)}" + (f"; trained on {', '.join(devices)}." if devices else ".")]


def code_in_words(code: Mapping[str, object]) -> str:
    """Version and commit, and whether files differed from it."""
    commit = f"commit {str(code['commit'])[:10]}" if code.get("commit") else "no commit known"
    return f"dgmbench {code.get('version', '?')}, {commit}" + (" with uncommitted changes" if code.get("dirty") else "")


def host_in_words(host: Mapping[str, object]) -> str:
    """Processor, cores and system."""
    number = host.get("cores")
    cores = counted(number, "core") if isinstance(number, int) else "? cores"
    return f"{host.get('processor', 'unknown processor')}, {cores}, {host.get('system', '?')}"
