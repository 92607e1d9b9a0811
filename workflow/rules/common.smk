# What the rules share: the plan, where its products lie, and functions that look a job up in the plan.
import json
import re
import shlex
import sys
from pathlib import Path

from dgmbench.run.config import read_plan
from dgmbench.errors import UserError
from dgmbench.run.provenance import data_hash, package_hash, source_hash
from dgmbench.run.registry import find_entry
from dgmbench.run.spec import slug
from snakemake.utils import validate

try:
    PLAN = read_plan(config)
except UserError as error:
    sys.exit(f"dgmbench: error: {error}")

validate(config, workflow.source_path("../schemas/config.schema.json"), set_default=False)

# so that the commands are found where the environment was not activated
shell.prefix(f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")

RESULTS = "results"
ROOT = f"{RESULTS}/{PLAN.preset}"
LOGS = f"{ROOT}/logs"
BENCHMARKS = f"{ROOT}/benchmarks"
TABLES = f"{ROOT}/tables"
# those of the table, and those whose F1 the topic models' analysis draws
DOCUMENT_RUNS = PLAN.of("classification") + PLAN.topic_curve()
BY_ID = {name: run for run in PLAN.of("density") + DOCUMENT_RUNS for name in (run.training_id, run.run_id)}


def one_of(names):
    """A pattern for exactly these names; for none, one that nothing matches."""
    return "|".join(sorted({re.escape(name) for name in names})) or "(?!)"


def data_of(run):
    """The data that a run reads: its dataset, and the embeddings of a document method."""
    return [run.dataset] + ([run.settings.embeddings] if run.task == "classification" else [])


DATA = {slug(name): name for run in PLAN.runs for name in data_of(run)}


def data_name(wildcards):
    """The dataset of a marker."""
    return DATA[wildcards.data]


def data_identity(wildcards):
    """A hash of what that dataset is."""
    return data_hash(DATA[wildcards.data])


def data_markers(wildcards):
    """The markers of the data that a run reads."""
    return [f"{ROOT}/data/{slug(name)}.json" for name in data_of(BY_ID[wildcards.run])]


def arguments(stage):
    """The arguments of ``dgmbench train`` or ``evaluate``, which change only when its result does."""

    def of_run(wildcards):
        return BY_ID[wildcards.run].to_arguments(stage)

    return of_run


def code(stage):
    """A hash of the code that a stage runs: changed code means that the work is done again."""

    def of_run(wildcards):
        run = BY_ID[wildcards.run]
        return source_hash(run.task, stage, find_entry(run.task, run.model, run.factory).factory)

    return of_run


def trained_file(run, name):
    """A file that the training of a run leaves; runs with other evaluation settings share it."""
    return f"{ROOT}/trained/{run.training_id}/{name}"


def trained(name):
    """The same for the run of a job."""

    def of_run(wildcards):
        return trained_file(BY_ID[wildcards.run], name)

    return of_run


def run_records():
    """What tables and figures are made from: every run's record and values, and every training's curve."""
    records = [f"{ROOT}/runs/{run.run_id}/{name}" for run in PLAN.runs for name in ("run.json", "per_example.npz")]
    return records + [trained_file(run, "curve.csv") for run in PLAN.of("density")]


def folder_above(wildcards, output):
    """The folder two above an output's: of all presets for a table, of the preset for a run's file."""
    return Path(output[0]).parents[2]


def gpus(wildcards):
    """GPUs for one training."""
    return BY_ID[wildcards.run].settings.devices


def cores(wildcards):
    """Processor threads for one training: each of its GPUs has a process."""
    return max(PLAN.threads, gpus(wildcards))


def training_cost(run):
    """What a density training costs, up to a factor: samples, epochs, images, weights."""
    images, weights = {"mnist": (60_000, 1.44), "ocr-letters": (32_152, 0.16)}.get(run.dataset, (60_000, 1.0))
    settings = run.settings
    return settings.importance_samples * settings.epochs * (settings.train_limit or images) * weights


TRAINING_ORDER = [run.training_id for run in sorted(PLAN.of("density"), key=training_cost)]


def training_rank(wildcards):
    """The longest training first: on few cores a long one that starts last decides when all is done."""
    return TRAINING_ORDER.index(wildcards.run)
