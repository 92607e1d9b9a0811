"""What a results folder holds, as MLflow is to show it: runs with their parameters, metrics, words and files."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dgmbench.data.catalogue import title_of
from dgmbench.errors import UserError
from dgmbench.report.curves import read_curve
from dgmbench.report.mlflow_words import Described
from dgmbench.run import journal
from dgmbench.run.records import read_json
from dgmbench.run.spec import canonical_hash

log = logging.getLogger("dgmbench")

PLACES = ("tables", "figures")
_SUFFIXES = (".csv", ".md", ".html", ".tex", ".png", ".pdf")  # a workflow leaves markers there too
# of a stage's record, what is no property of the run, or stands elsewhere
_ELSEWHERE = {
    *("format", "fingerprint", "stage", "started", "finished", "training_id", "status"),
    *("resumed_after_seconds", "resumed_after_cpu_seconds"),  # a part of the seconds
}

Point = tuple[str, float, int, int]
"""A value of a curve: its name, the value, milliseconds since 1970, the epoch or sweep."""


@dataclass(frozen=True)
class Shown:
    """One run as MLflow shows it.

    Attributes:
        key: names it among those of its folder.
        training: the training that it evaluates; empty for the pipeline.
        fingerprint: of that training; empty where it is not known.
        status: ``ok``, ``diverged``, ``failed`` or ``missing``.
        started, finished: milliseconds since 1970.
        trained: when the training ended, likewise: what MLflow calls the duration is then that of the training, without
            the wait for the evaluation; 0 where it is not known.
        planned: whether the configuration asked for it; it stands below the pipeline then.
        about: its description, Markdown.
        data: name, checksum and source of the dataset that it read.
        curve: metrics by epoch or sweep.
        metrics: what was measured at the end.
        files: its artifacts.
    """

    key: str
    name: str
    params: Mapping[str, Any]
    status: str
    started: int
    finished: int
    planned: bool
    tags: Mapping[str, Any]
    training: str = ""
    fingerprint: str = ""
    about: str = ""
    data: tuple[str, str, str] | None = None
    curve: Sequence[Point] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: Sequence[Path] = ()
    trained: int = 0

    @property
    def content(self) -> str:
        """A hash of all that is shown."""
        files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in self.files]
        return canonical_hash(repr((sorted(vars(self).items(), key=lambda item: item[0]), files)))


def pipeline(folder: Path, plan: Sequence[Mapping[str, Any]], runs: Sequence[Shown], tasks: list[Described]) -> Shown:
    """What a configuration asked for, and what came out: its best values, tables and figures."""
    files = [path for place in PLACES for path in sorted(folder.glob(f"{place}/*")) if path.suffix in _SUFFIXES]
    planned = [run for run in runs if run.planned]
    count = {status: sum(run.status == status for run in planned) for status in ("ok", "diverged", "failed")}
    count["missing"] = max(0, len(plan) - len(planned))
    status = next((status for status in ("failed", "missing") if count[status]), "ok")
    tags: dict[str, Any] = {f"runs.{name}": number for name, number in count.items()}
    best = {}
    for name, (row, value) in sorted(_best(planned, tasks).items()):
        best[name], tags[name] = value, row
    started, finished = min((run.started for run in planned), default=0), max((r.finished for r in planned), default=0)
    tables = [_main_table(folder / "tables" / f"{known.task.name}.md") for known in tasks]
    about = "\n\n".join(
        [
            f"All runs of preset {folder.name}. Ours beside the published numbers in brackets; the notes, paired "
            "differences and figures are among the artifacts (`tables/*.html`).",
            *filter(None, tables),
        ]
    )
    return Shown(
        *("pipeline", "pipeline", {}, status, started, finished, False, tags),
        about=about,
        metrics=best,
        files=files,
    )


def _best(runs: Iterable[Shown], tasks: list[Described]) -> dict[str, tuple[str, float]]:
    """The best row of each dataset, by its mean over the seeds, and that mean."""
    values: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for run in runs:
        known = next((each for each in tasks if each.task.name == run.params["task"]), None)
        if known and known.main and known.main.name in run.metrics:
            key = known.task.name, str(run.params["dataset"]), known.main.name
            values.setdefault(key, {}).setdefault(str(run.params["model"]), []).append(run.metrics[known.main.name])
    found = {}
    for (task, dataset, metric), rows in values.items():
        main = next(each.main for each in tasks if each.task.name == task)
        means = {row: sum(numbers) / len(numbers) for row, numbers in rows.items()}
        assert main is not None
        row = (max if main.higher_is_better else min)(means, key=means.__getitem__)
        found[metric_name(f"best {title_of(dataset)} {metric}")] = row, means[row]
    return found


def metric_name(text: str) -> str:
    """A text as MLflow takes it for the name of a metric."""
    return re.sub(r"[^\w/. -]+", "", text, flags=re.ASCII)[:250].strip() or "unnamed"


def _main_table(path: Path) -> str:
    """Title and first table of a table's Markdown; empty where there is none."""
    if not path.is_file():
        return ""
    return "\n\n".join(path.read_text(encoding="utf-8").replace("# ", "### ", 1).split("\n\n")[:2])


def read_runs(folder: Path, plan: Sequence[Mapping[str, Any]], tasks: list[Described]) -> list[Shown]:
    """Every finished run of a folder, and every planned one that failed. Broken records are left out, said."""
    planned, runs = {run["run_id"] for run in plan}, {}
    for path in sorted(folder.glob("runs/*/run.json")):
        try:
            found = _finished_run(path, folder, not plan or path.parent.name in planned, tasks)
            name = found.name if found.planned else found.name + _unlike(found.params, plan)
            runs[path.parent.name] = replace(found, name=name)
        except UserError as error:
            log.warning("%s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("%s is broken (%r); remove its folder and run again", path, error)
    for run in plan:
        note = folder / "state" / run["training_id"] / "failure.json"
        if run["run_id"] not in runs and note.is_file():
            runs[run["run_id"]] = _failed_run(run, note)
    return list(runs.values())


def _finished_run(path: Path, folder: Path, planned: bool, tasks: list[Described]) -> Shown:
    record = read_json(path)
    spec, training, evaluation, metrics = (record[name] for name in ("spec", "training", "evaluation", "metrics"))
    known = next((each for each in tasks if each.task.name == spec["task"]), None)
    curve = folder / "trained" / record["training_id"] / "curve.csv"
    started, finished = _milliseconds(training["started"]), _milliseconds(evaluation["finished"])
    times = {name: numbers(training)[name] for name in ("seconds", "cpu_seconds") if name in numbers(training)}
    values = {f"training_{name}": value for name, value in times.items()}
    values["peak_memory_mb"] = max(training["peak_memory_mb"], evaluation["peak_memory_mb"])
    values["measure_seconds"] = evaluation["measure_seconds"]
    params, tags = dict(told_by(spec)), {"fingerprint": record["fingerprint"], "data.source": record["data"]["source"]}
    measured = {metric.name for metric in known.metrics} if known else set()
    for name, value in [*training.items(), *metrics.items()]:
        if name in _ELSEWHERE or name in values or name in ("seconds", "cpu_seconds"):
            continue
        if isinstance(value, float) or (name in measured and not isinstance(value, bool)):
            values |= numbers({name: value})
        elif isinstance(value, int | str | None) and name not in training:
            # what a metric says in words, or counts
            (params if isinstance(value, int) and not isinstance(value, bool) else tags).setdefault(name, value)
        elif isinstance(value, int | str):
            params.setdefault(name if params.get(name, value) == value else f"training.{name}", value)
    if known:
        values |= known.beside_the_paper(spec["dataset"], spec["model"], metrics)
    tags |= {f"code.{name}": evaluation["code"][name] for name in ("version", "commit")}
    tags["mlflow.source.git.commit"] = evaluation["code"]["commit"]
    checksums = {name: value for name, value in record["data"]["checksums"].items() if name.startswith("array:")}
    points = list(_curve(curve, started)) or list(
        journal_points(folder, record["training_id"], training["fingerprint"])
    )
    return Shown(
        *(record["run_id"], name_of(spec), params, record["status"], started, finished, planned, tags),
        training=record["training_id"],
        fingerprint=training["fingerprint"],
        about=known.about(spec, metrics | values) if known else "",
        data=(title_of(spec["dataset"]), canonical_hash(checksums), str(record["data"]["source"])),
        curve=points,
        metrics=values,
        files=[path, curve] if curve.is_file() else [path],
        trained=_milliseconds(training["finished"]),
    )


def _unlike(params: Mapping[str, Any], plan: Sequence[Mapping[str, Any]]) -> str:
    """What tells a run from the planned one of its row, as ' (n_topics=20)'; empty where there is no such one."""
    same = ("task", "dataset", "model", "seed")
    for planned in plan:
        theirs = told_by(planned["spec"])
        if all(theirs.get(name) == params.get(name) for name in same):
            others = [
                f"{key.rpartition('.')[2]}={params[key]}"
                for key in theirs
                if params.get(key, theirs[key]) != theirs[key]
            ]
            return f" ({', '.join(others)})" if others else ""
    return ""


def _failed_run(planned: Mapping[str, Any], note: Path) -> Shown:
    failure = read_json(note)
    when, spec = _milliseconds(failure["at"]), planned["spec"]
    tags = {"error": str(failure["error"])[:5000], "failed.stage": failure["stage"]}
    about = f"Failed while it was {'trained' if failure['stage'] == 'training' else 'evaluated'}: {tags['error']}"
    return Shown(
        *(planned["run_id"], name_of(spec), told_by(spec), "failed", when, when, True, tags),
        training=planned["training_id"],
        about=about,
    )


def name_of(spec: Mapping[str, Any]) -> str:
    """The name of a run."""
    return f"{title_of(spec['dataset'])} {spec['model']} seed {spec['seed']}"


def told_by(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a run: its specification, flat."""
    plain = {key: spec[key] for key in ("task", "dataset", "model", "seed", "factory") if spec[key] != ""}
    options = {f"options.{key}": value for key, value in spec["options"].items()}
    return {**plain, **spec["settings"], **options}


def _curve(path: Path, started: int) -> Iterator[Point]:
    for line in read_curve(path).to_dict("records"):
        epoch, seconds = round(line.pop("epoch")), line.pop("seconds", 0)
        for name, value in numbers(line).items():
            yield metric_name(name), value, started + round(1000 * seconds), epoch


def journal_points(folder: Path, training_id: str, fingerprint: str) -> Iterator[Point]:
    """The curves of a training that leaves none, from its journal."""
    facts, lines = journal.read(folder / "state" / training_id / journal.NAME)
    if facts.get("fingerprint") == fingerprint:
        yield from points_of(lines)


def points_of(lines: Iterable[Mapping[str, Any]]) -> Iterator[Point]:
    """The values that lines of a journal tell; the seconds so far where a line has none."""
    seen = set()
    for line in lines:
        if "done" not in line or (line["what"], line["done"]) in seen:
            continue
        seen.add((line["what"], line["done"]))  # a resumed training repeats what it did after its last checkpoint
        values = numbers(line["values"]) or {f"{line['what'].replace(':', '')} seconds": line["seconds"]}
        for name, value in values.items():
            yield metric_name(name), float(value), int(line["at"]), int(line["done"])


def numbers(values: Mapping[Any, Any]) -> dict[str, float]:
    """The finite numbers among some values."""
    found = {name: value for name, value in values.items() if isinstance(value, int | float)}
    return {n: float(v) for n, v in found.items() if not isinstance(v, bool) and math.isfinite(v)}


def _milliseconds(time: str) -> int:
    return round(1000 * datetime.fromisoformat(time).timestamp())
