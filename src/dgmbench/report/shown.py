"""What there is to show of a results folder, read from its files; knows nothing of MLflow."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dgmbench.run import records
from dgmbench.run.config import Plan
from dgmbench.errors import UserError

log = logging.getLogger("dgmbench")

# Of what lies among tables and figures; a workflow leaves markers there too.
_SHOWN = frozenset({".csv", ".md", ".html", ".tex", ".png", ".pdf"})


class Epoch(NamedTuple):
    """A line of a training curve: the bound and the learning rate at an epoch, and seconds since the start."""

    number: int
    values: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class ShownRun:
    """One training run as it is shown.

    Attributes:
        run_id: names it.
        status: ``ok``, ``diverged`` or ``failed``.
        content: a hash of all that is shown: another one replaces what is there.
        files: shown with it.
        started, finished: seconds since 1970.
    """

    run_id: str
    name: str
    status: str
    content: str
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float] = field(default_factory=dict)
    curve: list[Epoch] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    started: float = 0.0
    finished: float = 0.0


@dataclass(frozen=True)
class Pipeline:
    """What a preset's configuration asked for, and what came out: the tables and figures.

    Attributes:
        digest: names the plan; another configuration is another pipeline.
        run_ids: its runs.
        content: a hash of the files.
        files: the tables and figures, shown with it in folders of those names.
    """

    digest: str
    run_ids: frozenset[str]
    content: str
    files: list[Path]


def write_plan(plan: Plan, path: Path) -> None:
    """Note which runs a configuration asks for, so that the files tell it later without the configuration."""
    runs = [{"run_id": r.run_id, "training_id": r.training_id, "spec": r.to_dict()} for r in plan.runs]
    records.write_json(path, {"format": records.FORMAT, "preset": plan.preset, "runs": runs})


def find_presets(results: Path) -> list[str]:
    """The folders of ``results`` that hold runs."""
    return sorted({path.parents[2].name for path in results.glob("*/runs/*/run.json")})


def _planned(folder: Path) -> list[dict[str, Any]]:
    path = folder / "plan.json"
    return records.read_json(path)["runs"] if path.is_file() else []


def shown_pipeline(folder: Path) -> Pipeline:
    """The pipeline of a preset's folder; without a note of the plan, all runs that are there."""
    run_ids = [run["run_id"] for run in _planned(folder)] or [p.parent.name for p in folder.glob("runs/*/run.json")]
    files = sorted(path for each in ("tables", "figures") for path in folder.glob(f"{each}/*") if path.suffix in _SHOWN)
    return Pipeline(records.canonical_hash(sorted(run_ids)), frozenset(run_ids), _hash(files), files)


def shown_runs(folder: Path) -> list[ShownRun]:
    """Every finished run of a preset's folder, and every planned one that failed. Broken records are left out, said."""
    runs = {}
    for path in sorted(folder.glob("runs/*/run.json")):
        try:
            run = _finished_run(path, folder)
        except UserError as error:
            log.warning("%s", error)
            continue
        runs[run.run_id] = run
    for planned in _planned(folder):
        note = folder / "state" / planned["training_id"] / "failure.json"
        if planned["run_id"] not in runs and note.is_file():
            runs[planned["run_id"]] = _failed_run(planned, note)
    return list(runs.values())


def _finished_run(path: Path, folder: Path) -> ShownRun:
    record = records.read_json(path)
    try:
        training, evaluation, spec = record["training"], record["evaluation"], record["spec"]
        curve_file = folder / "trained" / record["training_id"] / "curve.csv"
        files = [path] + ([curve_file] if curve_file.is_file() else [])
        numbers = {**_numbers(record["metrics"]), **_numbers(training, ("parameters", "train_seconds", "fit_seconds"))}
        numbers |= {"peak_memory_mb": max(training["peak_memory_mb"], evaluation["peak_memory_mb"])}
        numbers |= _numbers(evaluation, ("measure_seconds",))
        words = {k: str(v) for k, v in record["metrics"].items() if isinstance(v, str | bool) or v is None}
        code = evaluation["code"]
        tags = {
            **words,
            "fingerprint": record["fingerprint"],
            "code.version": str(code["version"]),
            "code.commit": str(code["commit"]),
            "data.source": str(record["data"]["source"]),
        }
        return ShownRun(
            record["run_id"],
            _name(spec),
            record["status"],
            _hash(files),
            _params(spec),
            tags,
            numbers,
            _read_curve(curve_file) if curve_file.is_file() else [],
            files,
            datetime.fromisoformat(training["started"]).timestamp(),
            datetime.fromisoformat(evaluation["finished"]).timestamp(),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is broken ({error!r}); remove its folder and run again") from error


def _failed_run(planned: dict[str, Any], note: Path) -> ShownRun:
    failure = records.read_json(note)
    when = datetime.fromisoformat(failure["at"]).timestamp()
    tags = {"error": str(failure["error"])[:5000], "failed.stage": str(failure["stage"])}
    spec = planned["spec"]
    return ShownRun(
        planned["run_id"], _name(spec), "failed", _hash([note]), _params(spec), tags, started=when, finished=when
    )


def _name(spec: dict[str, Any]) -> str:
    return f"{spec['dataset']} {spec['model']} seed {spec['seed']}"


def _params(spec: dict[str, Any]) -> dict[str, str]:
    """The specification, flat."""
    plain = {key: spec[key] for key in ("task", "dataset", "model", "seed", "factory") if spec[key] != ""}
    options = {f"options.{key}": value for key, value in spec["options"].items()}
    return {key: str(value) for key, value in {**plain, **spec["settings"], **options}.items()}


def _numbers(values: dict[str, Any], names: Iterable[str] | None = None) -> dict[str, float]:
    chosen = values.items() if names is None else ((name, values.get(name)) for name in names)
    return {
        name: float(value)
        for name, value in chosen
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _read_curve(path: Path) -> list[Epoch]:
    columns = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
    table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    epochs = []
    for line in table:
        values = dict(zip(columns, map(float, line), strict=True))
        number, seconds = int(values.pop("epoch")), values.pop("seconds", 0.0)
        epochs.append(Epoch(number, {k: v for k, v in values.items() if math.isfinite(v)}, seconds))
    return epochs


def _hash(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
