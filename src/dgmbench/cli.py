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
from dgmbench.commands import create as creation
from dgmbench.commands import doctor as doctors
from dgmbench.commands import finished, listing
from dgmbench.commands import plan as plans
from dgmbench.commands import run as runs
from dgmbench.commands import status as statuses
from dgmbench.commands.arguments import parse_run
from dgmbench.commands.fetch import fetch as fetch_dataset
from dgmbench.commands.group import Commands
from dgmbench.commands.live import followed
from dgmbench.commands.parameters import (
    ConfigFiles,
    DatasetName,
    Devices,
    Factory,
    InsteadFiles,
    ModelName,
    Name,
    Options,
    OverlayFiles,
    PresetFolder,
    PresetName,
    Results,
    Seed,
    Seeds,
    SelectedDatasets,
    SelectedRows,
    SelectedTasks,
    Settings,
    Source,
    TaskName,
    Threads,
)
from dgmbench.commands.selection import Selection
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
    name: Annotated[str, typer.Argument(help="a dataset, corpus or embeddings, see 'dgmbench list'")],
    marker: Annotated[
        Path | None, typer.Option(help="write what the data is, and where from, to this JSON file")
    ] = None,
) -> None:
    """Download a dataset into the cache, or check the one there."""
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
    with _compute(threads, devices) as found:
        stages.train(find_task(task), spec, Workspace(results), gpus=found, threads=threads, around=around)


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
    with _compute(threads, devices) as found:
        stages.evaluate(find_task(task), spec, Workspace(results), gpus=found, threads=threads)


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
    what: Annotated[str, typer.Argument(metavar="WORD", help="model, method, dataset, corpus or task")],
    name: Annotated[str, typer.Argument(help="its name, for instance my-model")],
) -> None:
    """Write a template of your own model, method, dataset, corpus or task that runs as it is, and say how."""
    creation.create(what, name)


@app.command()
def tabulate(
    config: ConfigFiles,
    results: Results = Path("results"),
    task: Annotated[str | None, typer.Option(help="make the table of this task alone")] = None,
) -> None:
    """Make the tables and figures of a configuration from the run records."""
    from dgmbench.commands.tabulate import tabulate as make_tables

    plan = plans.read(config)
    make_tables(plan, Workspace(results / plan.preset), task)


@app.command()
def report(config: ConfigFiles, results: Results = Path("results")) -> None:
    """Make the report of a configuration, a page with every table and figure, and the page of all presets."""
    from dgmbench.commands.report import report as make_report

    plan = plans.read(config)
    make_report(plan, Workspace(results / plan.preset))


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
        load_object(analysis.run)(plan, Workspace(results / plan.preset), gpus=found, threads=threads)
    show_analysis(plan, Workspace(results / plan.preset), task)


@app.command()
def track(config: ConfigFiles, results: Results = Path("results")) -> None:
    """Show the results of a configuration in MLflow."""
    plan = plans.read(config)
    shown = sync(results, plan.preset, TRACK_SECONDS)
    log.info("MLflow shows %s of %s", counted(shown, "run"), plan.preset)


@app.command("sync-mlflow")
def sync_mlflow(
    presets: Annotated[list[str] | None, typer.Argument(metavar="[PRESET]...", help="all of them by default")] = None,
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


@app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_selected(
    context: typer.Context,
    configfile: OverlayFiles,
    task: SelectedTasks,
    dataset: SelectedDatasets,
    model: SelectedRows,
    settings: Settings,
    preset: PresetName = "",
    seeds: Seeds = "",
    name: Name = "",
) -> None:
    """Run a part of the benchmark, or all of it, by Snakemake; other options and targets are passed on to it.

    The tables are those of what is selected. Results of all selections of a preset are kept and used again.
    """
    chosen = Selection(preset, configfile, task, dataset, model, seeds, settings, name)
    if code := runs.run(chosen, context.args):
        raise SystemExit(code)


@app.command("plan")
def show_plan(
    configfile: OverlayFiles,
    task: SelectedTasks,
    dataset: SelectedDatasets,
    model: SelectedRows,
    settings: Settings,
    config: InsteadFiles,
    preset: PresetName = "",
    seeds: Seeds = "",
    name: Name = "",
) -> None:
    """Tell what snakemake would do: the runs of a configuration, which are done, and what the rest takes.

    Times and memory are estimated from records of runs like these on this machine. Each line has the settings and
    options that differ from the published protocol.
    """
    chosen = Selection(preset, configfile, task, dataset, model, seeds, settings, name)
    plans.show(chosen, config)


@app.command("status")
def show_status(
    configfile: OverlayFiles,
    config: InsteadFiles,
    preset: PresetName = "",
) -> None:
    """Tell which runs of a configuration are done, at work or failed, from their records and locks."""
    statuses.show(Selection(preset, configfile), config)


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
