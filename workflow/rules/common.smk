# What the rules share: the plan, where its products lie, and functions that look a job up in the plan.
import re
import shlex
import sys
from pathlib import Path

from dgmbench.commands.jobs import code_of_analysis, code_of_page, code_of_table, description_of_rows
from dgmbench.errors import UserError
from dgmbench.names import file_name
from dgmbench.run.config import plan_of
from dgmbench.run.fingerprint import code_hash, data_hash
from dgmbench.tasks import all_tasks

try:
    PLAN = plan_of(CONFIGURATION, all_tasks())
except UserError as error:
    sys.exit(f"dgmbench: error: {error}")

# so that the commands are found where the environment was not activated; braces are doubled, as in every shell text
COMMANDS = shlex.quote(str(Path(sys.executable).parent)).replace("{", "{{").replace("}", "}}")
shell.prefix(f"PATH={COMMANDS}:$PATH; ")

RESULTS = "results"
ROOT = f"{RESULTS}/{PLAN.preset}"
LOGS = f"{ROOT}/logs"
BENCHMARKS = f"{ROOT}/benchmarks"
TABLES = f"{ROOT}/tables"

ANALYSES = {name: task.analysis for name, task in PLAN.tasks.items() if task.analysis}
# those of the tables, and those that these or an analysis need beside them
ANALYSED = [run for name in PLAN.tasks for runs in PLAN.runs_before(name).values() for run in runs]
RUNS = [*PLAN.runs, *PLAN.parts, *ANALYSED]
BY_ID = {name: run for run in RUNS for name in (run.training_id, run.run_id)}
DATA = {file_name(name): name for run in RUNS for name in PLAN.task_of(run).reads(run)}


wildcard_constraints:
    run="[^/]+",
    data="[^/]+",
    task="|".join(map(re.escape, PLAN.tasks)),


def run_of(wildcards):
    """The run of a job; a file that belongs to none is not made by these rules."""
    if wildcards.run not in BY_ID:
        raise ValueError(f"{wildcards.run} is no run of preset {PLAN.preset}: the configuration has changed since")
    return BY_ID[wildcards.run]


def data_name(wildcards):
    """The dataset of a marker."""
    return DATA[wildcards.data]


def data_identity(wildcards):
    """A hash of what that dataset is."""
    return data_hash((DATA[wildcards.data],))


def data_markers(wildcards):
    """The markers of the data that a run reads."""
    run = run_of(wildcards)
    return [f"{ROOT}/data/{file_name(name)}.json" for name in PLAN.task_of(run).reads(run)]


def arguments(stage):
    """The arguments of ``dgmbench train`` or ``evaluate``, which change only when its result does."""

    def of_run(wildcards):
        return run_of(wildcards).to_arguments(stage)

    return of_run


def code(stage):
    """A hash of the code that a stage executes: changed code means that the work is done again."""

    known = {}  # runs that differ in seeds and settings have the same code

    def of_run(wildcards):
        run = run_of(wildcards)
        key = (run.task, run.model, run.factory, PLAN.task_of(run).reads(run))
        return known.get(key) or known.setdefault(key, code_hash(PLAN.task_of(run), run, stage))

    return of_run


def trained(wildcards):
    """What the training of a run leaves; runs with other evaluation settings share it."""
    return f"{ROOT}/trained/{run_of(wildcards).training_id}"


def folder_above(wildcards, output):
    """The folder of the preset, from what a run leaves."""
    return Path(output[0]).parents[1]


def folder_of_presets(wildcards, output):
    """The folder above the preset's, from a table or a marker."""
    return Path(output[0]).parents[2]


def gpus(wildcards):
    """GPUs for one training."""
    return PLAN.task_of(run_of(wildcards)).devices(run_of(wildcards))


def evaluation_gpus(wildcards):
    """GPUs for one evaluation."""
    return min(1, gpus(wildcards))


def cores(wildcards):
    """Processor threads for one training: each of its GPUs has a process."""
    return max(PLAN.threads, gpus(wildcards))


def memory(wildcards):
    """What a job of this run needs, in MB."""
    return PLAN.memory_mb(run_of(wildcards))


TRAINING_ORDER = {
    run.training_id: rank for rank, run in enumerate(sorted(RUNS, key=lambda run: PLAN.task_of(run).cost(run)))
}


def training_rank(wildcards):
    """The longest training first: on few cores a long one that starts last decides when all is done."""
    return TRAINING_ORDER[wildcards.run]
