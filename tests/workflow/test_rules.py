"""The workflow as it is parsed: every preset has its jobs, and a mistake ends before any of them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dgmbench.run.config import read_config, read_plan
from dgmbench.tasks import all_tasks

REPOSITORY = Path(__file__).parents[2]
Snakemake = Callable[..., subprocess.CompletedProcess[str]]

DEFAULT = REPOSITORY / "config.yaml"
PRESETS = [[DEFAULT], *([DEFAULT, path] for path in sorted((REPOSITORY / "workflow/presets").glob("*.yaml")))]


def job_counts(output: str) -> dict[str, int]:
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", output, flags=re.MULTILINE)}


@pytest.mark.parametrize("configs", PRESETS, ids=lambda paths: paths[-1].stem)
def test_every_preset_has_a_job_for_each_step(configs: list[Path], snakemake: Snakemake) -> None:
    done = snakemake("--dry-run", "--configfile", *configs)
    assert done.returncode == 0, done.stdout
    plan = read_plan(read_config(configs), all_tasks())
    jobs = job_counts(done.stdout)
    others = plan.parts  # trained, too, and in no table
    further = {run.run_id for run in plan.for_analyses["evaluation"]} - {run.run_id for run in plan.runs}
    assert (jobs["train"], jobs["evaluate"]) == (len(plan.whole), len(plan.runs) + len(further))
    assert len(plan.whole) == len(plan.runs) + len(others) + len(further)
    analysed = {name for name, task in plan.tasks.items() if task.analysis} if plan.analysed else set()
    assert jobs.get("analyse", 0) == len(analysed)
    data = {name for run in plan.runs for name in plan.task_of(run).reads(run)}
    assert (jobs["tables"], jobs["page"], jobs["mlflow"], jobs["fetch"]) == (len(plan.tasks), 1, 1, len(data))


@pytest.mark.parametrize("section", ["density", "classification"])
def test_one_task_alone_is_a_benchmark(section: str, snakemake: Snakemake, tmp_path: Path) -> None:
    names = {"density": "datasets: [mnist], models: [vae]", "classification": "corpora: [reuters], methods: [bow]"}
    (tmp_path / "one.yaml").write_text(f"{section}: {{{names[section]}}}\ntracking: false\n")
    done = snakemake("--dry-run", "--printshellcmds", "--configfile", "one.yaml")
    assert done.returncode == 0, done.stdout
    jobs = job_counts(done.stdout)
    assert "mlflow" not in jobs and "--track" not in done.stdout
    assert (jobs["train"], jobs["evaluate"], jobs["tables"], jobs["page"]) == (1, 1, 1, 1)


def test_trainings_are_tracked_unless_the_configuration_says_no(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("density: {datasets: [mnist], models: [vae]}\n")
    done = snakemake("--dry-run", "--printshellcmds", "--configfile", "one.yaml")
    assert re.search(r"dgmbench train .* --track 2> \S+", done.stdout), done.stdout


def test_the_name_of_a_task_is_its_table_alone(snakemake: Snakemake, tmp_path: Path) -> None:
    text = "density: {datasets: [mnist], models: [vae, iwae-5]}\nclassification: {corpora: [reuters], methods: [bow]}\n"
    (tmp_path / "two.yaml").write_text(text)
    (tmp_path / "one.yaml").write_text("classification: false\n")
    done = snakemake("--dry-run", "--configfile", "two.yaml", "--", "classification")
    jobs = job_counts(done.stdout)
    assert jobs == {
        "fetch": 2,
        "train": 1,
        "evaluate": 1,
        "tables": 1,
        "write_config": 1,
        "classification": 1,
        "total": 7,
    }
    done = snakemake("--dry-run", "--configfile", "two.yaml", "one.yaml", "--", "classification")
    assert done.returncode != 0
    line = "preset 'default' has no table of classification: ask for it in the configuration"
    assert done.stdout.splitlines()[-1] == f"dgmbench: error: {line}"
    for folder in ("trained", "runs"):
        done = snakemake("--dry-run", "--configfile", "two.yaml", "--", f"results/default/{folder}/mnist.vea")
        assert done.returncode != 0
        line = "mnist.vea is no run of preset 'default'; 'dgmbench status' names its runs"
        assert done.stdout.splitlines()[-1] == f"dgmbench: error: {line}"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            "density: {models: {vea: {}}}",
            "config.density.models.vea: unknown model 'vea'; did you mean 'vae'? (one of your own has factory: "
            "module:Class)",
        ),
        (
            "density: {datasets: {minst: {}}}",
            "config.density.datasets.minst: unknown dataset 'minst'; did you mean 'mnist'?",
        ),
        (
            "density: {models: {vae: {options: {hiden: [9]}}}}",
            "config.density.models.vae.options.hiden: unknown option 'hiden'; did you mean 'hidden'?",
        ),
        (
            "density: {datasets: {mnist: {epochs: 0}}}",
            "config.density.datasets.mnist.epochs: 0 is too small; give at least 1",
        ),
        ("presett: a", "config.presett: unknown key 'presett'; did you mean 'preset'?"),
    ],
)
def test_a_mistake_ends_in_one_line_before_any_job(
    change: str, line: str, snakemake: Snakemake, tmp_path: Path
) -> None:
    (tmp_path / "overlay.yaml").write_text(change + "\n")
    (tmp_path / "base.yaml").write_text("density: {datasets: {mnist: {}}, models: {vae: {}}}\n")
    done = snakemake("--configfile", "base.yaml", "overlay.yaml")
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1] == f"dgmbench: error: overlay.yaml, line 1: {line}"
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()


def test_a_task_without_an_analysis_has_no_rule_for_one(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("preset: one\ntext-likelihood: {corpora: [reuters], models: [unigram]}\n")
    done = snakemake("--dry-run", "--configfile", "one.yaml", "--", "results/one/analysis/text-likelihood")
    assert done.returncode != 0
    assert "No rule to produce results/one/analysis/text-likelihood" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.yaml", b"preset: caf\xe9\n", "a.yaml, line 1: this is not UTF-8; save the file as UTF-8"),
        ("a.yaml", b"preset: a\npreset: b\n", "a.yaml, line 2: 'preset' stands twice, first in line 1"),
        ("a.yaml", b"", "a.yaml: a configuration is a mapping of keys to values; this file says nothing"),
        ("config.yaml", b"\xff", "config.yaml, line 1: this is not UTF-8; save the file as UTF-8"),
        ("config.yaml", b"density:\n\tmodels: [vae]\n", "config.yaml, line 2: this is not valid YAML: while scanning"),
    ],
)
def test_a_file_that_cannot_be_read_ends_in_one_line(
    name: str, content: bytes, line: str, snakemake: Snakemake, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    done = snakemake(*(() if name == "config.yaml" else ("--configfile", name)))
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1].startswith(f"dgmbench: error: {line}")
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "folder", "epochs"),
    [
        (("--config", "preset=smoke"), "smoke", "2"),
        (("--config", "preset=smoke", "tracking=false"), "smoke", "2"),
        (("--config", "preset=mine"), "mine", "3"),
        (("--config", "preset=smoke", "--configfile", "one.yaml"), "smoke", "3"),
        (("--config", "density={datasets: [mnist]}", "seeds=[4]"), "default", "3"),
    ],
)
def test_a_presets_name_alone_is_the_preset(
    arguments: tuple[str, ...], folder: str, epochs: str, snakemake: Snakemake, tmp_path: Path
) -> None:
    one = "density: {datasets: {mnist: {epochs: 3}, ocr-letters: {epochs: 3}}, models: [vae]}\n"
    (tmp_path / "config.yaml").write_text(one)
    (tmp_path / "one.yaml").write_text(one)
    done = snakemake("--dry-run", "--printshellcmds", *arguments)
    assert done.returncode == 0, done.stdout
    commands = re.findall(r"dgmbench train (density mnist .*) --devices", done.stdout)
    assert commands and all(f"--set epochs={epochs} " in line for line in commands)
    assert all(line.endswith(f"--results results/{folder}") for line in commands)
    said = "dgmbench: " in done.stdout
    assert said == (folder == "smoke"), done.stdout


def test_a_gpu_is_asked_for_unless_there_are_none_to_give(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("density: {datasets: [mnist], models: [vae]}\n")
    arguments = ("--dry-run", "--printshellcmds", "--configfile", "one.yaml")

    def devices(output: str) -> list[str]:
        return re.findall(r"dgmbench (?:train|evaluate) density mnist vae .* --devices (\d)", output)

    assert devices(snakemake(*arguments).stdout) == ["1", "1"]
    assert devices(snakemake(*arguments, "--resources", "gpu=0").stdout) == ["0", "0"]
    # what a rule's own resources say besides stays
    both = ("--resources", "gpu=0", "--set-resources", "train:runtime=7", "evaluate:gpu=1")
    assert devices(snakemake(*arguments, *both).stdout) == ["0", "0"]


def test_a_training_on_several_devices_asks_for_as_many_gpus_and_cores(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("density: {datasets: [mnist], models: [vae], settings: {devices: 2}}\n")
    done = snakemake("--dry-run", "--printshellcmds", "--configfile", "two.yaml")
    asked = re.findall(r"dgmbench (train|evaluate) density mnist vae .* --devices (\d) --threads (\d)", done.stdout)
    assert asked == [("train", "2", "2"), ("evaluate", "1", "1")]


def test_the_command_of_a_job_can_be_pasted(snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "preset: p\ndensity: {datasets: [mnist], models: [vae], settings: {epochs: 2}}\n"
    )
    (run,) = read_plan(read_config([tmp_path / "one.yaml"]), all_tasks()).runs
    done = snakemake("--dry-run", "--printshellcmds", "--configfile", "one.yaml")
    assert f"dgmbench train {run.to_arguments('training')} --results results/p --devices 1 --threads 1 " in done.stdout
    assert f"dgmbench evaluate {run.to_arguments()} --results results/p --devices 1 --threads 1 " in done.stdout


@pytest.mark.parametrize("name", ["{x}", "a b", "it's", "$(touch x)"])
def test_names_and_options_reach_no_shell_and_no_formatter(name: str, snakemake: Snakemake, tmp_path: Path) -> None:
    (tmp_path / "classes.py").write_text("class Model:\n    def __init__(self, word=''): ...\n")
    models = {name: {"factory": "classes:Model", "options": {"word": "{wildcards} $(touch y) 'z'"}}}
    preset = name.strip("{}")  # which no preset may have in its name
    config = {"preset": preset, "density": {"datasets": ["mnist"], "models": models}}
    (tmp_path / "one.json").write_text(json.dumps(config))
    done = snakemake("--dry-run", "--printshellcmds", "--configfile", "one.json")
    assert done.returncode == 0, done.stdout
    (command,) = re.findall(r"dgmbench (train density mnist .*) --devices", done.stdout)
    words = shlex.split(command)
    assert words[3] == name
    assert words[-1] == f"results/{preset}"
    assert json.loads(words[words.index("--option") + 1].partition("=")[2]) == "{wildcards} $(touch y) 'z'"
    written = snakemake("--configfile", "one.json", "--quiet", "all", "--", f"results/{preset}/config.json")
    assert written.returncode == 0, written.stdout
    assert json.loads((tmp_path / "results" / preset / "config.json").read_text()) == config
    assert not (tmp_path / "x").exists()


def test_the_workflow_passes_the_linter() -> None:
    command = [sys.executable, "-m", "snakemake", "--lint"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
