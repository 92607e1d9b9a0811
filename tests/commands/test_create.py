"""What ``dgmbench create`` writes runs as it is, and its commands select what they say."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dgmbench import cli
from dgmbench.commands.create import create, templates
from dgmbench.commands.selection import Selection, configuration_of
from dgmbench.errors import UserError
from dgmbench.run.config import plan_of
from dgmbench.tasks import all_tasks

REPOSITORY = Path(__file__).parents[2]


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.app(list(arguments), prog_name="dgmbench")
    return int(stop.value.code or 0)


def lines_of_code(path: Path) -> int:
    """Lines that are no docstring, comment or blank."""
    tree = ast.parse(path.read_text())
    said = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(path.read_text().splitlines(), start=1)
    return sum(bool(text.strip()) and not text.strip().startswith("#") and n not in said for n, text in lines)


@pytest.mark.network
@pytest.mark.parametrize(
    ("word", "rows", "datasets"),
    [
        ("model", {"made-model"}, {"mnist", "ocr-letters"}),
        ("method", {"made-method"}, {"20news", "reuters"}),
        ("dataset", {"vae"}, {"made_dataset:load"}),
        ("corpus", {"bow"}, {"made_corpus:load"}),
    ],
)
def test_a_template_runs_as_it_is(
    word: str, rows: set[str], datasets: set[str], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("create", word, f"made-{word}") == 0
    module, config = Path(f"made_{word}.py"), Path(f"made_{word}.yaml")
    assert lines_of_code(module) <= 15
    settings = [line for line in config.read_text().splitlines() if line and not line.startswith("#")]
    assert len(settings) <= 3
    printed = capsys.readouterr().out
    commands = [line.partition("#")[0] for line in printed.splitlines() if "   # " in line]
    assert len(commands) >= 3
    check, *others = map(shlex.split, commands)
    assert call(*check[1:]) == 0, "it fits: a small run went through"
    selecting = next(command for command in others if command[1] == "run" and "smoke" not in command)
    options = dict(zip(selecting[2::2], selecting[3::2], strict=True))
    named = {"rows": options.get("-m", ""), "datasets": options.get("-d", ""), "tasks": options.get("-t", "")}
    chosen = Selection(files=[config], **{key: [value] for key, value in named.items() if value})
    plan = plan_of(configuration_of(chosen)[0], all_tasks())
    assert ({run.model for run in plan.runs}, {run.dataset for run in plan.runs}) == (rows, datasets)


@pytest.mark.network
def test_the_template_of_a_task_goes_from_its_configuration_to_its_table(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create("task", "made-task")
    project = tomllib.loads(Path("made_task/pyproject.toml").read_text())["project"]
    (points,) = project["entry-points"].values()
    # as pip would install it
    installed = checkout / "made_task/made_task-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: made-task\nVersion: 0.1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (installed / "entry_points.txt").write_text("\n".join(["[dgmbench.tasks]", *lines, ""]))
    monkeypatch.setenv("PYTHONPATH", str(checkout / "made_task"), prepend=os.pathsep)
    calls = """
import sys
from dgmbench import cli
run = ["made-task", "ocr-letters", "mean", "--set", "train_limit=50", "--results", "results/made-task"]
config = ["--config", "made_task/config.yaml", "--config", "small.yaml"]
for arguments in (["check", *run[:3]], ["train", *run], ["evaluate", *run], ["tabulate", *config], ["plan", *config]):
    try:
        cli.app(arguments, prog_name="dgmbench")
    except SystemExit as stop:
        assert not stop.code, arguments
"""
    Path("small.yaml").write_text("tracking: false\nmade-task: {settings: {train_limit: 50}}\n")
    done = subprocess.run([sys.executable, "-c", calls], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "mean fits the benchmark" in done.stdout
    table = Path("results/made-task/tables/made-task.md").read_text()
    assert re.search(r"\| mean +\| +\d+\.\d+ ± 0\.\d+", table.replace("**", ""))


@pytest.mark.parametrize(("word", "made"), [("model", "mine.py and mine.yaml"), ("task", "mine")])
def test_outside_of_the_checkout_it_is_said_where_the_files_belong(
    word: str, made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    create(word, "mine")
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"There is no Snakefile here: move {made} to the checkout of dgmbench, {REPOSITORY}, and ")
    Path("Snakefile").touch()
    create(word, "other")
    assert "no Snakefile" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "name", "line"),
    [
        ("modell", "a", "there is no template of a modell; did you mean 'model'?"),
        ("row", "a", "there is no template of a row; known: corpus, dataset, method, model, task"),
        ("model", "My-Model", "'My-Model' cannot be the name of a module; write it as my-model, with small letters"),
        ("model", "1st", "'1st' cannot be the name of a module"),
        ("model", "../a", "'../a' cannot be the name of a module"),
        ("model", "torch", "a module torch is installed already; choose another name"),
        ("model", "there-already", "there_already.py is there already; choose another name, or remove it"),
        ("task", "there-already", "there_already is there already; choose another name, or remove it"),
    ],
)
def test_a_template_that_cannot_be_written_is_one_line(
    word: str, name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there_already.py").touch()
    Path("there_already").mkdir()
    with pytest.raises(UserError) as caught:
        create(word, name)
    assert str(caught.value).startswith(line)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there_already", "there_already.py"]


def test_each_task_has_templates_of_its_words() -> None:
    words = {word for task in all_tasks().values() for word in (task.row_word, task.dataset_word)}
    assert words | {"task"} == templates().keys()
