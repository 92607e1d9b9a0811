"""The command line: one command per step of the benchmark. Each works without the workflow around it.

Libraries that take seconds to import are imported when a command needs them, after threads and GPUs are settled.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from dgmbench.commands import check as checks
from dgmbench.commands import completion, finished, listing, selecting
from dgmbench.commands import create as creation
from dgmbench.commands import doctor as doctors
from dgmbench.commands import plan as plans
from dgmbench.commands.arguments import parse_run
from dgmbench.commands.at_work import at_work, keep, kind_of_job
from dgmbench.commands.fetch import fetch as fetch_dataset
from dgmbench.commands.group import Commands
from dgmbench.commands.live import followed
from dgmbench.commands.parameters import (
    ConfigFiles,
    DatasetName,
    Devices,
    Factory,
    ModelName,
    Options,
    PresetFolder,
    Results,
    Seed,
    Settings,
    Source,
    TaskName,
    Threads,
)
from dgmbench.commands.track import TRACK_SECONDS, sync
from dgmbench.errors import UserError, counted
from dgmbench.names import load_object
from dgmbench.run import stages
from dgmbench.run.devices import limit_threads, reserve_gpus
from dgmbench.run.progress import bars
from dgmbench.run.schema import json_schema
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks, find_task
from dgmbench.version import __version__

log = logging.getLogger("dgmbench")

app = typer.Typer(
    cls=Commands,
    help="Benchmarks for deep generative models and topic models, on real data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="a dataset, corpus or embeddings, see 'dgmbench list'", autocompletion=completion.everything_with_data
        ),
    ],
    marker: Annotated[
        Path | None, typer.Option(help="write what the data is, and where from, to this JSON file")
    ] = None,
) -> None:
    """Download a dataset into the cache, or check the one there."""
    if marker is None or marker.parent.name != "data":
        fetch_dataset(name, marker)
        return
    with at_work(Workspace(marker.parents[1]), "fetch", marker.stem, kind_of_job("fetch", name)):
        fetch_dataset(name, marker)


@app.command()
def train(
    task: TaskName,
    dataset: DatasetName,
    model: ModelName,
    settings: Settings,
    options: Options,
    seed: Seed = 0,
    factory: Factory = "",
    source: Source = "",
    results: PresetFolder = Path("results/default"),
    devices: Devices = 0,
    threads: Threads = 1,
    tracked: Annotated[bool, typer.Option("--track", help="show it in MLflow while it trains")] = False,
) -> None:
    """Train, or fit, a model."""
    spec = parse_run(task, dataset, model, seed, factory, settings, options, source)
    around = partial(followed, results.absolute()) if tracked else None
    workspace = Workspace(results)
    with at_work(workspace, "train", spec.training_id) as trace, _compute(threads, devices) as found:
        record = stages.train(find_task(task), spec, workspace, gpus=found, threads=threads, around=around)
    keep(trace, spec, "training", record)


@app.command()
def evaluate(
    task: TaskName,
    dataset: DatasetName,
    model: ModelName,
    settings: Settings,
    options: Options,
    seed: Seed = 0,
    factory: Factory = "",
    source: Source = "",
    results: PresetFolder = Path("results/default"),
    devices: Devices = 0,
    threads: Threads = 1,
) -> None:
    """Measure a trained model, and leave the record that the tables are made from."""
    spec = parse_run(task, dataset, model, seed, factory, settings, options, source)
    workspace = Workspace(results)
    with at_work(workspace, "evaluate", spec.run_id) as trace, _compute(threads, devices) as found:
        record = stages.evaluate(find_task(task), spec, workspace, gpus=found, threads=threads)
    keep(trace, spec, "evaluation", record["evaluation"])


@app.command()
def check(
    task: TaskName, dataset: DatasetName, model: ModelName, settings: Settings, options: Options, factory: Factory = ""
) -> None:
    """Check that a user-defined model fits the benchmark, and say what is missing; a small run is a part of it."""
    spec = parse_run(task, dataset, model, 0, factory, settings, options)
    with _compute(1, 0):
        found = checks.findings(find_task(task), spec)
    for finding in found:
        print(f"- {finding}")
    print(f"{model}: {counted(len(found), 'finding')}" if found else f"{model} fits the benchmark")
    if found:
        raise SystemExit(1)


@app.command()
def create(
    what: Annotated[
        str,
        typer.Argument(metavar="WORD", help="model, method, dataset, corpus or task", autocompletion=completion.words),
    ],
    name: Annotated[str, typer.Argument(help="its name, for instance my-model")],
) -> None:
    """Write a template of your own model, method, dataset, corpus or task that runs as it is, and say how."""
    creation.create(what, name)


@app.command()
def tabulate(
    config: ConfigFiles,
    results: Results = Path("results"),
    task: Annotated[
        str | None, typer.Option(help="make the table of this task alone", autocompletion=completion.tasks)
    ] = None,
) -> None:
    """Make the tables and figures of a configuration from the run records."""
    from dgmbench.commands.tabulate import tabulate as make_tables

    plan = plans.read(config)
    workspace = Workspace(results / plan.preset)
    if task is None:
        make_tables(plan, workspace)
        return
    with at_work(workspace, "tables", task, kind_of_job("tables", task)):
        make_tables(plan, workspace, task)


@app.command()
def report(config: ConfigFiles, results: Results = Path("results")) -> None:
    """Make the report of a configuration, a page with every table and figure, and the page of all presets."""
    from dgmbench.commands.report import report as make_report

    plan = plans.read(config)
    workspace = Workspace(results / plan.preset)
    with at_work(workspace, "page", kind=kind_of_job("page", plan.preset)):
        make_report(plan, workspace)


@app.command()
def analyse(
    config: ConfigFiles, task: TaskName, results: Results = Path("results"), devices: Devices = 0, threads: Threads = 1
) -> None:
    """Run the analysis of a task, and show it in the report; 'dgmbench list' says what it holds."""
    from dgmbench.commands.report import show_analysis

    with _compute(threads, devices) as found:
        plan, analysis = plans.read(config), find_task(task).analysis
        if analysis is None:
            raise UserError(f"{task} has no analysis; see 'dgmbench list'")
        if task not in plan.tasks:
            raise UserError(f"preset {plan.preset!r} has no runs of {task}: there is nothing to analyse")
        workspace = Workspace(results / plan.preset)
        with at_work(workspace, "analyse", task, kind_of_job("analyse", f"{plan.preset}.{task}")):
            load_object(analysis.run)(plan, workspace, gpus=found, threads=threads)
            show_analysis(plan, workspace, task)


@app.command()
def track(config: ConfigFiles, results: Results = Path("results")) -> None:
    """Show the results of a configuration in MLflow."""
    plan = plans.read(config)
    with at_work(Workspace(results / plan.preset), "mlflow", kind=kind_of_job("mlflow", plan.preset)):
        shown = sync(results, plan.preset, TRACK_SECONDS)
    log.info("MLflow shows %s of %s", counted(shown, "run"), plan.preset)


@app.command("sync-mlflow")
def sync_mlflow(
    presets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PRESET]...", help="all of them by default", autocompletion=completion.presets_with_results
        ),
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Rebuild MLflow's view from the files."""
    chosen: list[str | None] = [*presets] if presets else [None]
    for preset in chosen:
        log.info("MLflow shows %s of %s", counted(sync(results, preset), "run"), preset or "all presets")


@app.command("list")
def list_everything() -> None:
    """List tasks, their rows, datasets and presets, and where each comes from."""
    listing.show()


@app.command()
def doctor() -> None:
    """Tell what this machine has, what is missing, and which data sources answer."""
    if not doctors.examine():
        raise SystemExit(1)


_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command("run", context_settings=_PASSED_ON)(selecting.run)
app.command()(selecting.plan)
app.command()(selecting.status)
app.command()(finished.verify)
app.command()(finished.compare)
app.command()(finished.merge)
app.command()(finished.publish)
app.command()(finished.cite)


@app.command()
def schema() -> None:
    """Print the JSON schema of a configuration."""
    print(json.dumps(json_schema(all_tasks()), indent=1))


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@contextmanager
def _compute(threads: int, devices: int) -> Iterator[int]:
    """Threads and GPUs for the body, settled before torch is imported, and bars; yields the GPUs to use."""
    limit_threads(threads)
    with reserve_gpus(devices) as found, bars():
        yield found


def main() -> None:
    """Run the command line."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    log.setLevel(logging.INFO)
    app(prog_name="dgmbench")
