"""Whether the numbers of a results folder follow from its values by example; nothing is trained or loaded for it."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.commands.archive import findings_of_manifest
from dgmbench.commands.kept import Kept, read_kept, table_of, understood, without_warnings
from dgmbench.errors import UserError, counted
from dgmbench.report.cells import Cells
from dgmbench.report.formats import to_csv, to_markdown
from dgmbench.report.table import MetricTable
from dgmbench.report.values import RELATIVE_ERROR, rounded, same_values
from dgmbench.run.products import problem_of
from dgmbench.run.records import read_arrays, read_json
from dgmbench.run.spec import RunSpec, canonical_hash

_NUMBER = re.compile(r"[+-]?(?:\d[\d,]*)(?:\.(\d+))?(?:e[+-]?\d+)?|nan", re.IGNORECASE)
_CSV = 2e-6  # of numbers with six decimals, computed in another order


def verify(folder: Path, label: str = "") -> tuple[list[str], str]:
    """What does not agree in a results folder, a line each, and in words what was checked.

    Of a published folder: size and checksum of every file. Of every run: its id against its settings, its values by
    example against the checksum of its record, and the metrics of its record against these values. Of every table:
    each number of the CSV file and of the Markdown tables, intervals of paired differences included, computed again;
    and the values kept beside it.

    Raises:
        UserError: there is no such folder, or no run in it.
    """
    label = label or str(folder)
    kept = read_kept(folder, label)
    found = [*findings_of_manifest(folder)]
    with without_warnings():
        for spec in kept.plan.runs:
            found += findings_of_run(kept, spec)
        tables = 0
        for name in kept.plan.tasks:
            path = folder / "tables" / f"{name}.csv"
            if not path.is_file():
                found.append(f"tables/{name}.csv is not there, and cannot be checked; make it by dgmbench tabulate")
                continue
            tables += 1
            try:
                with understood(label):
                    found += _of_table(kept, name)
            except UserError as error:
                found.append(str(error))
    runs = sum((kept.workspace.run(spec) / "run.json").is_file() for spec in kept.plan.runs)
    found = [line.replace(f"{folder}/", "") for line in found]
    rounded_ones = sum(bool(kept.rounded(spec)) for spec in kept.plan.runs)
    by = f", {rounded_ones} by rounded values" if rounded_ones else ""
    return found, f"{counted(runs, 'run')} of {len(kept.plan.runs)}{by} and {counted(tables, 'table')}"


def findings_of_run(kept: Kept, spec: RunSpec) -> Iterator[str]:
    """What does not agree in a run's record."""
    folder = kept.workspace.run(spec)
    place = f"runs/{spec.run_id}"
    if not (folder / "run.json").is_file():
        return  # missing or failed, which the table has to say
    try:
        with understood(f"{place}/run.json"):
            yield from _of_record(kept, spec, folder, place)
    except UserError as error:
        yield str(error)


def _spec_as_now(recorded: Any, spec: RunSpec) -> Any:
    """What a record says of its run; settings that its version of the program did not have are at their defaults."""
    if not isinstance(recorded, Mapping) or not isinstance(recorded.get("settings"), Mapping):
        return recorded
    defaults = type(spec.settings)().model_dump(mode="json")
    return {**recorded, "settings": defaults | recorded["settings"]}


def _of_record(kept: Kept, spec: RunSpec, folder: Path, place: str) -> Iterator[str]:
    record, approximate = read_json(folder / "run.json"), kept.rounded(spec)
    follow: dict[str, object] = {
        "run_id": spec.run_id,
        "spec_hash": canonical_hash(spec.canonical()),
        "seed": spec.seed,
    }
    for key, expected in follow.items():
        if record.get(key) != expected:
            yield f"{place}: its {key} is {record.get(key)!r}, its settings give {expected!r}"
    if _spec_as_now(record.get("spec"), spec) != spec.to_dict():
        yield f"{place}: its settings are not those of this run"
    if approximate:
        arrays: Mapping[str, np.ndarray] = approximate
    else:
        for name, product in record.get("products", {}).items():
            if Path(name).name == name and (problem := problem_of(folder / name, product)):
                yield f"{place}/{name} is {problem}: its checksum is not that of the record"
        if not (folder / "per_example.npz").is_file():
            yield f"{place} has no values by example: its metrics cannot be computed again"
            return
        arrays = read_arrays(folder / "per_example.npz")
    table = table_of(kept.plan.tasks[spec.task])
    computed = table.from_examples(arrays) if isinstance(table, MetricTable) else {}
    for name, value in computed.items():
        said = record["metrics"].get(name, value)
        slack = 1e-6 * (1 + abs(value)) + (_error_of(arrays) if approximate else 0)
        if not _same(math.nan if said is None else said, value, slack):
            yield f"{place}: its {name} is {said}, its values by example give {value:.6g}"


def _error_of(arrays: Mapping[str, np.ndarray]) -> float:
    """By how much a mean of rounded values may be wrong, at most."""
    finite = [np.abs(values[np.isfinite(values)]) for values in arrays.values() if values.dtype.kind == "f"]
    return RELATIVE_ERROR * max((float(values.max()) for values in finite if values.size), default=0.0)


def _same(one: float, other: float, slack: float) -> bool:
    if not (math.isfinite(one) and math.isfinite(other)):
        return math.isfinite(one) == math.isfinite(other)
    return abs(one - other) <= slack


def _of_table(kept: Kept, name: str) -> Iterator[str]:
    """What does not agree in the files of a table."""
    table, cells, tables = table_of(kept.plan.tasks[name]), kept.cells(name), kept.workspace.tables
    approximate = [run for cell in cells for run in cell.runs if kept.rounded(run.spec)]
    slack = max((_error_of(run.arrays) for run in approximate), default=0.0)
    place = f"tables/{name}.csv"
    said, computed = (
        _lines_of_csv((tables / f"{name}.csv").read_text("utf-8")),
        _lines_of_csv(to_csv(table.rows(cells))),
    )
    yield from _different(place, said, computed, slack + _CSV)
    for key in said.keys() - computed.keys():
        if kept.planned or said[key].get("status") != "missing":
            yield f"{place}: there is no run of {' on '.join(reversed(key))}"
    if (tables / f"{name}.md").is_file():
        sheet, text = table.sheet(cells), (tables / f"{name}.md").read_text("utf-8")
        computed = _lines_of_markdown(to_markdown(sheet))
        if not kept.planned:  # what is missing is not known: the intervals alone can be compared
            intervals = {grid.title for grid in sheet.grids if grid.in_latex}
            computed = {key: fields for key, fields in computed.items() if key[0] in intervals}
        yield from _different(f"tables/{name}.md", _lines_of_markdown(text), computed, slack)
    if (tables / f"{name}.npz").is_file():
        yield from _of_values(kept, name, cells)


def _of_values(kept: Kept, name: str, cells: Cells) -> Iterator[str]:
    """Where the values kept beside a table are not those of the runs."""
    there = {(cell.dataset, cell.model, run.spec.seed): run.arrays for cell in cells for run in cell.runs if run.arrays}
    beside = kept.values[name]
    for key in there.keys() | beside.keys():
        own = {array: rounded(exact) for array, exact in there.get(key, {}).items()}
        if not same_values(own, beside.get(key, {})):
            dataset, model, seed = key
            yield f"tables/{name}.npz has other values than the run of {model} on {dataset}, seed {seed}"


Lines = dict[tuple[str, ...], dict[str, str]]
"""Fields of a table by their headings, by what the line is about."""


def _different(place: str, said: Lines, computed: Lines, slack: float) -> Iterator[str]:
    """What a table says otherwise than it was computed again."""
    for key, fields in computed.items():
        about = ", ".join(filter(None, key))
        if key not in said:
            yield f"{place} has no line {about}"
            continue
        for heading, field in fields.items():
            if (other := said[key].get(heading)) is None:
                yield f"{place}: {about} has no {heading}"
            elif not _agree(other, field, slack):
                yield f"{place}: {about}: {heading} is {other or 'empty'}, computed again it is {field or 'empty'}"


def _agree(one: str, other: str, slack: float) -> bool:
    """Whether two fields have the same words, and numbers that differ by less than a unit of the last decimal shown."""
    if one == other:
        return True
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return False
    for mine, theirs in zip(_NUMBER.finditer(one), _NUMBER.finditer(other), strict=True):
        unit = 1.01 * 10.0 ** -len(mine[1] or "") if mine[1] else 0.0
        if not _same(float(mine[0].replace(",", "")), float(theirs[0].replace(",", "")), unit + slack):
            return False
    return True


def _lines_of_csv(text: str) -> Lines:
    header, *rows = csv.reader(io.StringIO(text))
    return {(row[0], row[1]): dict(zip(header, row, strict=False)) for row in rows}


def _lines_of_markdown(text: str) -> Lines:
    """The tables of a Markdown file: a line of the first by its first field, of those with a heading by two."""
    found: Lines = {}
    title, header = "", list[str]()
    for line in text.splitlines():
        if line.startswith("## "):
            title, header = line.removeprefix("## "), []
        elif line.startswith("| "):
            fields = [field.strip() for field in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not header:
                header = fields
            elif set(line) - set("|-: "):
                found[(title, *fields[: 2 if title else 1])] = dict(zip(header, fields, strict=False))
    return found
