"""What differs between the runs of two results beside their numbers: settings, data, code, libraries, machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dgmbench.report.cells import Cell, Run
from dgmbench.report.notes import code_in_words, host_in_words
from dgmbench.report.sheet import DASH, Grid

_MOST = 6  # rows that are named one by one
_CODE = "code that ran"  # its hashes, different for every row, tell a reader nothing


def changes(pairs: Sequence[tuple[Cell, Cell]], labels: tuple[str, str]) -> Grid:
    """What differs, on both sides, and in which rows; of several runs of a row every value that there is."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for first, second in pairs:
        one, other = facts(first), facts(second)
        for what in dict.fromkeys([*one, *other]):
            if one.get(what) != other.get(what):
                values = (one.get(what) or DASH, other.get(what) or DASH)
                key = (what, *(("one version", "another") if what.startswith(_CODE) else values))
                found.setdefault(key, []).append(f"{first.model} on {first.dataset}")
    order = list(dict.fromkeys(what for pair in pairs for cell in pair for what in facts(cell)))
    rows = [(*key, _where(rows, len(pairs))) for key, rows in sorted(found.items(), key=lambda e: order.index(e[0][0]))]
    note = "" if rows else "Nothing: settings, data, code, libraries and machine are the same."
    return Grid("What else differs", ("what", *labels, "where"), rows or [("nothing", "", "", "all rows")], note)


def _where(rows: list[str], of: int) -> str:
    if len(rows) == of:
        return "all rows"
    return ", ".join(rows[:_MOST]) + (f" and {len(rows) - _MOST} more" if len(rows) > _MOST else "")


def facts(cell: Cell) -> dict[str, str]:
    """How the runs of a cell came about, by what it is."""
    specs = [run.spec.to_dict() for run in cell.runs]
    found: dict[str, str] = {}
    for kind in ("settings", "options"):
        for name in dict.fromkeys(name for spec in specs for name in spec[kind]):
            found[f"{kind.removesuffix('s')} {name}"] = _joined(_word(spec[kind].get(name)) for spec in specs)
    found["class"] = _joined(spec["factory"] for spec in specs)
    found["seeds"] = cell.seeds
    done = [run for run in cell.runs if run.record]
    found["status"] = _joined(run.status for run in cell.runs)
    found["data"] = _joined(_data(run) for run in done)
    found["source of the data"] = _joined(_word(run.get("data", "source")) for run in done)
    for stage in ("training", "evaluation"):
        for name in dict.fromkeys(name for run in done for name in run.get(stage, "libraries") or {}):
            found[f"{name} of the {stage}"] = _joined(_word(run.get(stage, "libraries", name)) for run in done)
        found |= {f"{what} of the {stage}": _joined(tell(run.get(stage) or {}) for run in done) for what, tell in _TOLD}
    return found


def _joined(values: Any) -> str:
    return "; ".join(dict.fromkeys(value for value in values if value))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _data(run: Run) -> str:
    """The arrays by the first digits of their checksums."""
    checksums = run.get("data", "checksums") or {}
    return ", ".join(
        f"{name.removeprefix('array:')} {str(value)[:8]}"
        for name, value in sorted(checksums.items())
        if name.startswith("array:")
    )


_TOLD: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("commit", lambda stage: code_in_words(stage.get("code") or {})),
    (_CODE, lambda stage: _word((stage.get("code") or {}).get("source_hash"))),
    ("machine", lambda stage: host_in_words(stage["host"]) if stage.get("host") else ""),
    ("device", lambda stage: _word(stage.get("device"))),
    ("threads", lambda stage: _word(stage.get("threads"))),
)
