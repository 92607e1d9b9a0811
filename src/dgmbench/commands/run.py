"""``dgmbench run``: Snakemake on what a command line selects, a display on a terminal, and a summary at the end."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dgmbench.commands import watching
from dgmbench.commands.passed_on import check_files, understood
from dgmbench.commands.plan import RESULTS, duration
from dgmbench.commands.selection import Selection, selected
from dgmbench.commands.status import states, tally
from dgmbench.commands.tracking import Store
from dgmbench.errors import UserError, counted
from dgmbench.files import write_text, writing
from dgmbench.run.checkout import checkout, has_workflow
from dgmbench.run.config import plan_of, without_effect
from dgmbench.run.config_files import read_files
from dgmbench.run.plan import Plan
from dgmbench.run.presets import notice
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks

_SAY_HOW_MANY = ("--cores", "-c", "--jobs", "-j", "--profile", "--executor", "-e")


def run(selection: Selection, arguments: Sequence[str]) -> int:
    """Call Snakemake with all other arguments, and say in the end where the tables are and what failed.

    Returns:
        Snakemake's exit status.

    Raises:
        UserError: there is no workflow here, or a mistake in a file or on the command line.
    """
    if not has_workflow() and not _names_one(arguments):
        raise UserError(f"there is no Snakefile in this folder; change to {checkout()}")
    if any(word == "--config" or word.startswith("--config=") for word in arguments):
        raise UserError("--config is Snakemake's; here give --preset NAME, --configfile FILE or --set KEY=VALUE")
    laid_over = selection.laid_over()
    files = [*selection.default(), *laid_over]
    above, remarks = selected(selection, files)
    configuration = read_files(files, above, "command line")
    plan = plan_of(configuration, all_tasks())
    workspace = Workspace(RESULTS / plan.preset)
    draws = watching.can_draw(arguments)
    said_by_snakemake = [notice(configuration), *without_effect(configuration, plan, all_tasks())]
    for remark in [*(said_by_snakemake if draws else []), *remarks]:
        if remark:
            print(f"dgmbench: {remark}", file=sys.stderr)
    selection_file = workspace.root / "selection.json"
    dry = bool(arguments) and _checked(arguments, laid_over, above, plan, configuration.content).dryrun
    if above:
        with writing(selection_file):
            write_text(selection_file, json.dumps(above, indent=1) + "\n")
    command = _command([*laid_over, *([selection_file] if above else [])], arguments)
    print(f"dgmbench: {shlex.join(['snakemake', *command])}", file=sys.stderr)
    started, snakemake = time.time(), [sys.executable, "-m", "snakemake", *command]
    if draws:
        status = watching.started(snakemake, plan, configuration.content, arguments)
    else:
        status = _wait(subprocess.Popen(snakemake))
    if not dry:
        lines = summary(plan, workspace, started)
        print("\n".join([*lines, f"Snakemake's log: {watching.log_of(workspace)}"] if draws else lines))
    return status


def _command(files: Sequence[Path], arguments: Sequence[str]) -> list[str]:
    """Snakemake's arguments.

    Args:
        files: laid over the default configuration.
    """
    words = [] if any(word.startswith(_SAY_HOW_MANY) for word in arguments) else ["--cores", "all"]
    if files:
        words += ["--configfile", *map(str, files)]
    # an option ends the list of files, so that a target is not taken for one
    options = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    return [*words, *arguments[options:], *(["--", *arguments[:options]] if options else [])]


def _checked(
    arguments: Sequence[str], files: Sequence[Path], above: Mapping[str, Any], plan: Plan, content: Mapping[str, Any]
) -> Namespace:
    """What Snakemake reads in its arguments; a mistake in them is said before there is a folder of results."""
    with tempfile.TemporaryDirectory() as folder:
        selection_file = Path(folder, "selection.json")
        write_text(selection_file, json.dumps(above))
        command = _command([*files, *([selection_file] if above else [])], arguments)
        words = understood(command, plan)
        check_files(words.targets, plan, content, command)
    return words


def _names_one(arguments: Sequence[str]) -> bool:
    return any(word.startswith(("--snakefile", "-s")) for word in arguments)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """The exit status; Ctrl-C reaches Snakemake too, which ends by itself when its jobs have."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def summary(plan: Plan, workspace: Workspace, started: float) -> list[str]:
    """How long it took, what failed, with the log to read, and where tables, report and MLflow's page are.

    Args:
        started: seconds since the epoch.
    """
    found = states(plan, workspace)
    lines = [f"{tally(found)} of {counted(len(found), 'run')}, after {duration(time.time() - started)}"]
    lines += [f"{state.word} {state.run.run_id}: {state.detail}" for state in found if state.word == "failed"]
    made = [("table", workspace.tables / f"{name}.html") for name in plan.tasks]
    for what, path in [*made, ("report", workspace.root / "report.html")]:
        if path.is_file():
            lines.append(f"{what}: {path}{'' if path.stat().st_mtime >= started else ', as it was'}")
    if plan.tracking and (workspace.tables / "tracked").is_file():
        store, database = Store.of(workspace.root.parent), workspace.root.parent / "mlflow.db"
        lines.append(f"MLflow: {store.name if store.server else f'mlflow ui --backend-store-uri sqlite:///{database}'}")
        if page := store.page(plan.preset):
            lines.append(f"  then {page}")
    return lines
