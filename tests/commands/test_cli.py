"""The command line: what it refuses, what it passes on, and what it costs to start."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dgmbench import cli
from dgmbench.run import devices, stages
from dgmbench.run.config import read_config, read_plan
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Task
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks, find_task
from dgmbench.tasks.classification.settings import ClassificationSettings
from dgmbench.tasks.density.settings import DensitySettings

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("torch", "pandas", "mlflow", "sklearn", "numba", "gensim", "tomotopy", "snakemake", "matplotlib")


def dgmbench(*arguments: str, **keywords: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dgmbench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **keywords)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """Stands in for the stages: remembers what it was asked to do."""
    asked = SimpleNamespace()
    monkeypatch.chdir(tmp_path)

    def remember(
        task: Task, spec: RunSpec, workspace: Workspace, gpus: int, threads: int, around: object = None
    ) -> dict[str, Any]:
        assert task.name == spec.task
        asked.spec, asked.root, asked.gpus, asked.threads = spec, workspace.root, gpus, threads
        asked.around = around
        return {"evaluation": {}}

    monkeypatch.setattr(stages, "train", remember)
    monkeypatch.setattr(stages, "evaluate", remember)
    return asked


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.app(list(arguments), prog_name="dgmbench")
    return int(stop.value.code or 0)


def test_starting_imports_nothing_heavy() -> None:
    code = f"""
import sys
from dgmbench import cli
for arguments in (["--help"], ["train", "--help"], ["schema"], ["plan", "--config", "config.yaml"]):
    try:
        cli.app(arguments, prog_name="dgmbench")
    except SystemExit as stop:
        assert not stop.code, arguments
print(sorted(set({HEAVY!r}) & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
    assert done.stderr.strip().splitlines()[-1] == "[]"


USERS = RunSpec(
    "density", "mnist", "mine", DensitySettings(epochs=2), 7, "fractions:Fraction", {"numerator": [1, "a b"]}
)
BY_HAND = [
    RunSpec("density", "ocr-letters", "vae", DensitySettings(precision="32", schedule="one-cycle", decay=0.5), 3),
    RunSpec("classification", "20news", "bow", ClassificationSettings(embeddings="glove-100d", test_limit=5)),
    USERS,
]


@pytest.mark.parametrize("preset", ["", "smoke", "paper"])
def test_arguments_build_the_same_run_again(preset: str, stage: SimpleNamespace) -> None:
    overlay = [REPOSITORY / f"workflow/presets/{preset}.yaml"] if preset else []
    for spec in read_plan(read_config([REPOSITORY / "config.yaml", *overlay]), all_tasks()).runs:
        assert call("evaluate", *shlex.split(spec.to_arguments())) == 0
        assert stage.spec.run_id == spec.run_id
        assert replace(stage.spec, source=None) == replace(spec, source=None)
        if spec.source:  # how that run is evaluated is nothing to this one
            assert stage.spec.source.training_id == spec.source.training_id
        assert call("train", *shlex.split(spec.to_arguments("training"))) == 0
        assert stage.spec.training_id == spec.training_id


@pytest.mark.parametrize("spec", BY_HAND, ids=lambda spec: spec.model)
def test_arguments_build_unusual_runs_again(spec: RunSpec, stage: SimpleNamespace) -> None:
    assert call("train", *shlex.split(spec.to_arguments())) == 0
    assert (stage.spec.run_id, stage.spec.settings) == (with_the_options_of_its_row(spec).run_id, spec.settings)


def with_the_options_of_its_row(spec: RunSpec) -> RunSpec:
    """The same run with the options that its name brings along."""
    row = find_row(find_task(spec.task), spec.model, spec.factory)
    return replace(spec, options={**row.options, **row.by_dataset.get(spec.dataset, {}), **spec.options})


def test_folder_threads_and_devices_are_passed_on(stage: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in devices.THREAD_VARIABLES:
        monkeypatch.setenv(name, "9")
    monkeypatch.setattr(devices, "list_gpus", dict)
    assert call("train", "density", "mnist", "vae", "--results", "a/b", "--threads", "3", "--devices", "2") == 0
    assert (stage.root, stage.threads, stage.gpus) == (Path("a/b"), 3, 0)
    assert {os.environ[name] for name in devices.THREAD_VARIABLES} == {"3"}
    assert stage.around is None  # nothing is tracked that was not asked for
    assert call("train", "density", "mnist", "vae", "--results", "a/b", "--track") == 0
    assert stage.around.args == (Path("a/b").absolute(),)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            "density mnist vea",
            "command line: unknown model 'vea'; did you mean 'vae'? (one of your own has factory: module:Class)",
        ),
        ("density mist vae", "command line: unknown dataset 'mist'; did you mean 'mnist'?"),
        ("densty mnist vae", "unknown task 'densty'; did you mean 'density'?"),
        ("density mnist vae --set epochs=0", "command line.epochs: 0 is too small; give at least 1"),
        ("density mnist vae --set decay=NaN", "command line.decay: nan is not a finite number"),
        ("density mnist vae --set epochs", "'epochs' is not KEY=VALUE; give the value as well: epochs=..."),
        ("density mnist vae --set epoch=1", "command line.epoch: unknown setting 'epoch'; did you mean 'epochs'?"),
        (
            "density mnist vae --option hidden=a",
            '--option hidden=a: the value is not JSON; write text as "a"',
        ),
    ],
)
def test_a_mistake_ends_in_one_line(arguments: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", *arguments.split()) == 2
    assert capsys.readouterr().err == f"dgmbench: error: {line}\n"


RUN = "density mnist vae"


@pytest.mark.parametrize(
    ("arguments", "line", "command"),
    [
        (f"train {RUN} --seed -1", "Invalid value for '--seed': ", "dgmbench train"),
        (f"evaluate {RUN} --seed 4294967296", "Invalid value for '--seed': ", "dgmbench evaluate"),
        (f"train {RUN} --seed one", "Invalid value for '--seed': ", "dgmbench train"),
        (f"train {RUN} --threads 0", "Invalid value for '--threads': ", "dgmbench train"),
        (f"evaluate {RUN} --devices -1", "Invalid value for '--devices': ", "dgmbench evaluate"),
        ("analyse density --threads 0", "Invalid value for '--threads': ", "dgmbench analyse"),
        (f"train {RUN} --sed 1", "No such option: --sed", "dgmbench train"),
        (f"train {RUN} --seed", "Option '--seed' requires an argument", "dgmbench"),
        ("train density", "Missing argument 'DATASET'", "dgmbench train"),
        ("version now", "Got unexpected extra argument", "dgmbench version"),
        ("trian density", "No such command 'trian'", "dgmbench"),
        ("--verbose list", "No such option: --verbose", "dgmbench"),
    ],
)
def test_arguments_that_cannot_be_read_end_in_one_line(
    arguments: str, line: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments.split()) == 2
    written = capsys.readouterr()
    assert not written.out and written.err.startswith(f"dgmbench: error: {line}")
    assert written.err.endswith(f"; see '{command} --help'\n") and written.err.count("\n") == 1


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, status in ((["--help"], 0), (["train", "--help"], 0), ([], 2)):
        assert call(*arguments) == status
        written = capsys.readouterr()
        assert "Usage: dgmbench" in written.out + written.err and "error" not in written.err


@pytest.mark.parametrize(
    "settings", [["compile=true"], ["compile=true", "k=5"], ["compile=true", "epochs=1"], ["compile=true", "devices=2"]]
)
@pytest.mark.parametrize("command", ["train", "evaluate", "check"])
def test_what_cannot_be_trained_does_not_fit(
    command: str, settings: list[str], stage: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word for setting in ["estimator=dreg", *settings] for word in ("--set", setting)]
    assert call(command, *RUN.split(), *given) == 2
    line = "command line.compile: the estimator dreg cannot be compiled; set compile: false"
    assert capsys.readouterr().err == f"dgmbench: error: {line}\n"


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "train", broken)
    with pytest.raises(ZeroDivisionError):
        cli.app(["train", "density", "mnist", "vae"])


def test_an_interrupt_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "train", interrupted)
    assert call("train", "density", "mnist", "vae") == 130
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.network
def test_a_real_training_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dgmbench", "train", "density", "ocr-letters", "vae", "--results", str(tmp_path)]
    training = subprocess.Popen(
        [*command, "--set", "epochs=1000", "--set", "train_limit=200"],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    assert training.stderr is not None
    try:
        while "epoch" not in training.stderr.readline():
            assert training.poll() is None
        training.send_signal(signal.SIGINT)
        _, rest = training.communicate(timeout=60)
    finally:
        training.kill()
    assert training.returncode == 130
    assert rest.splitlines()[-1].startswith("dgmbench: interrupted")
    assert "Traceback" not in rest
    assert not list(tmp_path.rglob("training.json"))


def test_a_plan_names_each_run_and_how_it_departs_from_the_protocol(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("density: {datasets: [mnist], models: [mem-vae], settings: {epochs: 2}}\n")
    done = dgmbench("plan", "--config", "c.yaml", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith("1 run in preset default, 0 of them done\n")
    name, *departures = done.stdout.split(" ")
    assert name.startswith("mnist.mem-vae.s0.")
    assert "epochs=2" in departures


def test_the_list_names_everything_in_lines_when_piped() -> None:
    done = dgmbench("list", cwd=REPOSITORY)
    names = {tuple(line.split("\t")[:2]) for line in done.stdout.splitlines()}
    assert {
        ("task", "density"),
        ("density model", "mem-iwae-50"),
        ("classification method", "topicvec+mean-wv"),
        ("images", "ocr-letters"),
        ("corpus", "20news"),
        ("embeddings", "glove-50d"),
        ("preset", "smoke"),
    } <= names
    assert all(len(line.split("\t")) == 4 for line in done.stdout.splitlines())


def test_the_version_and_the_schema_are_printed() -> None:
    assert dgmbench("version").stdout.strip() == cli.__version__
    assert json.loads(dgmbench("schema").stdout)["title"] == "dgmbench configuration"


def test_a_marker_says_what_was_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.jsonl").write_text(
        "".join(json.dumps({"text": f"good number{i}", "label": i % 2}) + "\n" for i in range(20))
    )
    assert call("fetch", "file:reviews.jsonl", "--marker", "m/marker.json") == 0
    marker = json.loads((tmp_path / "m/marker.json").read_text())
    assert marker["name"] == "file:reviews.jsonl"
    assert all(len(array["sha256"]) == 64 for array in marker["arrays"].values())


class TestDoctor:
    """The report, with the machine and the network made up."""

    @pytest.fixture
    def probes(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
        """Of each dataset that a test adds, why its sources do not answer; the cache is empty."""
        from dgmbench.commands import doctor

        probes: dict[str, dict[str, str]] = {}
        monkeypatch.setattr(doctor, "probe_sources", lambda: probes)
        monkeypatch.setattr(doctor, "is_cached", lambda dataset: False)
        monkeypatch.chdir(REPOSITORY)
        return probes

    def test_data_that_cannot_be_had_is_missing(self, probes: Any, capsys: pytest.CaptureFixture[str]) -> None:
        probes["mnist"] = {"one place": "no network", "another": "refused"}
        assert call("doctor") == 1
        (line,) = (line for line in capsys.readouterr().out.splitlines() if " mnist " in line)
        assert line.startswith("missing")
        assert "one place does not answer (no network)" in line
        assert "another does not answer (refused)" in line

    def test_cached_data_needs_no_network(
        self, probes: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from dgmbench.commands import doctor

        monkeypatch.setattr(doctor, "is_cached", lambda dataset: dataset.name == "mnist")
        probes |= {"mnist": {"one place": "no network"}, "glove-300d": {"other": "no network"}}
        assert call("doctor") == 0
        assert capsys.readouterr().out.splitlines()[-1] == "ready: snakemake --cores all"

    @pytest.mark.parametrize(
        ("number", "words"),
        [(1, "1 thing is"), (2, "2 things are"), (3, "3 things are"), (9, "9 things are"), (1000, "1,000 things are")],
    )
    def test_what_is_missing_is_counted(
        self, number: int, words: str, probes: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from dgmbench.commands import doctor

        lacking = [doctor.Finding("x", "none", good=False, needed=True)] * number
        for name, found in (("_machine", lacking), ("_packages", []), ("_data", [])):
            monkeypatch.setattr(doctor, name, lambda *_, found=found: iter(found))
        monkeypatch.setattr(doctor.places, "examined", lambda: iter(()))
        assert call("doctor") == 1
        assert capsys.readouterr().out.splitlines()[-1] == f"{words} missing"

    def test_a_package_that_is_not_installed_is_missing(
        self, probes: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from dgmbench.commands import doctor

        monkeypatch.setattr(doctor, "_required", lambda: ["no-such-package"])
        assert call("doctor") == 1
        assert "no no-such-package" in capsys.readouterr().out
