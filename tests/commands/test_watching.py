"""When there is a display, what becomes of Snakemake's output, Ctrl-C, and a pipeline that runs elsewhere."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgmbench import cli
from dgmbench.commands import watching
from dgmbench.run import provenance
from dgmbench.run.config import plan_of
from dgmbench.run.config_files import read_files
from dgmbench.run.trace import Trace
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks
from tests.commands.pipelines import planned

CORES = provenance.host()["cores"]


@pytest.mark.parametrize(
    ("arguments", "draws", "counted", "at_once"),
    [
        ("", True, 8, CORES),
        ("--cores 1", True, 8, 1),
        ("--cores=3 --keep-going", True, 8, 3),
        ("-c2 -k", True, 8, 2),
        ("-j 4 --resources gpu=0 mem_mb=9", True, 8, 4),
        ("--profile workflow/profiles/slurm", True, 8, None),
        ("density", True, 7, CORES),
        ("density --cores 1", True, 7, 1),
        ("--cores 1 density", True, 7, 1),
        ("analysis", True, None, CORES),
        ("density results/p/report.html", True, None, CORES),
        ("--forceall", True, None, CORES),
        ("-n", False, 8, None),
        ("-np", False, 8, None),
        ("--dry-run", False, 8, None),
        ("--unlock", False, 8, None),
        ("--lint", False, 8, None),
        ("--report r.html", False, None, None),
        ("--cores 1 --verbose", False, 8, 1),
    ],
)
def test_there_is_a_display_where_results_are_asked_for(
    arguments: str, draws: bool, counted: int | None, at_once: int | None, workspace: Workspace, monkeypatch: Any
) -> None:
    configuration = read_files([Path("c.yaml")])
    plan, words = plan_of(configuration, all_tasks()), arguments.split()
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert watching.can_draw(words) == draws
    found = watching.jobs_asked_for(plan, configuration.content, words)
    assert counted == (None if found is None else len(found))
    assert not draws or watching._at_once(plan, words) == at_once
    monkeypatch.setenv("TERM", "dumb")
    assert not watching.can_draw(words)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert not watching.can_draw(words)


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("print('quiet')", 0, ""),
        ("print('first'); print('the last words'); raise SystemExit(4)", 4, "first\nthe last words\n"),
        ("print('MLflow was not updated: it is away')", 0, "MLflow was not updated: it is away\n"),
        ("import sys; print(chr(233) * 3); sys.stdout.buffer.write(bytes([255]))", 0, ""),
        ("import sys; sys.exit('dgmbench: error: no')", 1, "dgmbench: error: no\n"),
    ],
)
def test_what_only_snakemake_says_is_not_lost(
    code: str, status: int, said: str, workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    configuration = read_files([Path("c.yaml")])
    plan = plan_of(configuration, all_tasks())
    assert watching.started([sys.executable, "-c", code], plan, configuration.content, ["density"]) == status
    assert capfd.readouterr().err.replace("\n\n", "\n").lstrip().endswith(said)
    assert workspace.log("snakemake").is_file()


def test_an_interrupt_is_one_line_and_waits_for_snakemake(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a terminal Ctrl-C reaches both; here the child sends it, and ends when it has done so."""
    configuration = read_files([Path("c.yaml")])
    plan = plan_of(configuration, all_tasks())
    send = f"os.kill({os.getpid()}, {int(signal.SIGINT)})"
    code = f"import os; {send}; {send}; print('its last words'); raise SystemExit(1)"
    before = signal.getsignal(signal.SIGINT)
    assert watching.started([sys.executable, "-c", code], plan, configuration.content, ["density"]) == 1
    said = capfd.readouterr().err
    assert said.count("stopping: the jobs at work keep what they have") == 1 and "its last words" not in said
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize(("locked", "ends"), [(False, 3), (True, 8)])
def test_watching_another_pipeline_ends_with_it(
    locked: bool,
    ends: int,
    workspace: Workspace,
    leave: Callable[..., Trace],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It has ended when nothing is at work and Snakemake has no lock."""
    _, jobs = planned()
    lock, sleeps = Path(".snakemake/locks/0.input.lock"), []
    lock.parent.mkdir(parents=True)
    if locked:
        lock.touch()
    leave(jobs["train", "vae"], 0, "failed", "it broke")

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 6:
            lock.unlink(missing_ok=True)

    monkeypatch.setattr("dgmbench.commands.watching.time.sleep", sleep)
    monkeypatch.setattr(watching, "can_draw", lambda: True)
    cli.app(["status", "--config", "c.yaml", "--watch"], prog_name="dgmbench", standalone_mode=False)
    assert len(sleeps) == ends
    assert capsys.readouterr().out == "results/p: 2 waiting; nothing is at work\n"


def test_watching_needs_a_terminal(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.app(["status", "--config", "c.yaml", "--watch"], prog_name="dgmbench")
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("dgmbench: error: --watch draws on a terminal, and here is none")
