"""The commands that select a part of the benchmark: ``run``, ``plan`` and ``status``."""

from __future__ import annotations

from typing import Annotated

import typer

from dgmbench.commands import plan as plans
from dgmbench.commands import run as runs
from dgmbench.commands import status as statuses
from dgmbench.commands.parameters import (
    InsteadFiles,
    Name,
    OverlayFiles,
    PresetName,
    Seeds,
    SelectedDatasets,
    SelectedRows,
    SelectedTasks,
    Settings,
)
from dgmbench.commands.selection import Selection, configuration_of
from dgmbench.commands.watching import elsewhere
from dgmbench.run.config import plan_of
from dgmbench.tasks import all_tasks


def run(
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


def plan(
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


def status(
    configfile: OverlayFiles,
    config: InsteadFiles,
    preset: PresetName = "",
    watch: Annotated[bool, typer.Option("--watch", help="draw what is at work until all is done, or Ctrl-C")] = False,
) -> None:
    """Tell which runs of a configuration are done, at work or failed, from their records and locks."""
    selection = Selection(preset, configfile)
    if watch:
        configuration, _ = configuration_of(selection, config)
        elsewhere(plan_of(configuration, all_tasks()), configuration.content)
        return
    statuses.show(selection, config)
