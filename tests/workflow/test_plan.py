"""``dgmbench plan`` names the jobs that Snakemake would start."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dgmbench.commands.jobs import Job, _path_of_record, jobs_of, to_start
from dgmbench.run.config import plan_of
from dgmbench.run.config_files import read_files
from dgmbench.tasks import all_tasks

Snakemake = Callable[..., "subprocess.CompletedProcess[str]"]

CONFIG = """
preset: p
analyses: true
density:
  settings: {epochs: 1}
  datasets: [mnist, ocr-letters]
  models: [vae, mem-vae, iwae-5, mem-iwae-5, iwae-50, mem-iwae-50, large-vae]
classification: {corpora: [reuters], methods: [bow, lda], analysis: {topics: {lda: [10, 50]}}}
"""
MESSAGES = {
    "fetch": "fetch (.+)",
    "train": "train (.+)",
    "evaluate": "evaluate (.+)",
    "tables": r"make the table results/p/tables/(.+)\.html",
    "page": r"make the report results/(.+)/report\.html",
    "mlflow": "(show the results) in MLflow",
    "analyse": "analyse (.+)",
    "write_config": "(write down) the configuration",
}


def asked(*files: str) -> list[Job]:
    configuration = read_files([Path(file) for file in files])
    return jobs_of(plan_of(configuration, all_tasks()), configuration.content)


def told(jobs: list[Job]) -> set[tuple[str, str]]:
    whole = {"mlflow": "show the results", "write_config": "write down"}
    return {(job.rule, whole.get(job.rule, job.of)) for job in to_start(jobs)}


def started(output: str) -> set[tuple[str, str]]:
    found = set()
    for line in re.findall(r"^Job \d+: (.+)$", output, flags=re.MULTILINE):
        found |= {(rule, match[1]) for rule, text in MESSAGES.items() if (match := re.fullmatch(text, line))}
    return found


@pytest.fixture
def done(snakemake: Snakemake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """A folder where everything was made, with what Snakemake notes of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(CONFIG)
    jobs = asked("c.yaml")
    assert {rule for rule, _ in told(jobs)} == set(MESSAGES), "at the start everything is to be done"
    for job in jobs:
        for output in map(Path, job.outputs):
            if job.rule in ("train", "evaluate") or (
                job.rule in ("page", "analyse") and "report" in output.parts and not output.suffix
            ):
                output.mkdir(parents=True)
            else:
                output.parent.mkdir(parents=True, exist_ok=True)
                output.write_text(f"{output}\n")
    touched = snakemake("--configfile", "c.yaml", "--touch", "--forceall", "--quiet", "all")
    assert touched.returncode == 0, touched.stdout
    return asked("c.yaml")


def test_it_starts_what_snakemake_would(done: list[Job], snakemake: Snakemake) -> None:
    arguments = ("--configfile", "c.yaml", "--dry-run", "--quiet", "host")
    by_name = {(job.rule, job.of): job for job in done}
    assert told(done) == set(), "nothing, where everything is done"

    def output(rule: str, model: str) -> str:
        (job,) = (job for (of, name), job in by_name.items() if of == rule and name.startswith(f"mnist.{model}.s0"))
        return job.outputs[0]

    def changed(rule: str, model: str) -> None:
        path = _path_of_record("metadata", output(rule, model))
        record = json.loads(path.read_text())
        assert record["params"] and set(record["params"]) == by_name[rule, Path(output(rule, model)).name].params
        path.chmod(0o644)
        path.write_text(json.dumps(record | {"params": ["'other'"]}))

    # one change each for the models of mnist
    os.rename(output("train", "vae"), "gone")  # what was trained is needed no more
    os.rename(output("evaluate", "mem-vae"), "gone too")
    changed("train", "iwae-5")
    changed("evaluate", "mem-iwae-5")
    later = os.stat(Path(output("evaluate", "iwae-50"), ".snakemake_timestamp")).st_mtime + 100
    os.utime(Path(output("train", "iwae-50"), ".snakemake_timestamp"), (later, later))
    incomplete = _path_of_record("incomplete", output("train", "mem-iwae-50"))
    incomplete.parent.mkdir(parents=True, exist_ok=True)
    incomplete.write_text("{}")
    # the same, written anew; and another
    for name in ("ocr-letters", "reuters"):
        os.utime(by_name["fetch", name].outputs[0], (later, later))
    Path(by_name["fetch", "reuters"].outputs[0]).write_text("other")

    found = told(asked("c.yaml"))
    expected = snakemake(*arguments)
    assert found == started(expected.stdout), expected.stdout
    assert {rule for rule, name in found if name.startswith("mnist.large-vae")} == set()
    assert {name.partition(".")[0] for rule, name in found if rule == "train"} == {"mnist", "reuters"}

    # another configuration
    Path("more.yaml").write_text("density: {models: [vae], settings: {k: 7}}\nclassification: false\ntracking: false\n")
    expected = snakemake("--dry-run", "--quiet", "host", "--configfile", "c.yaml", "more.yaml")
    assert told(asked("c.yaml", "more.yaml")) == started(expected.stdout), expected.stdout
