"""A training writes its journal and has it followed; whatever becomes of that, the training goes on."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgmbench.commands import live
from dgmbench.errors import UserError
from dgmbench.run import journal
from dgmbench.run.progress import note, passes, watchers

FACTS: dict[str, Any] = {"training_id": "here.plain.s0", "fingerprint": "abc", "spec": {"seed": 0}, "data": {}}


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    (tmp_path / "trial/state/here.plain.s0").mkdir(parents=True)
    return tmp_path / "trial"


def lines_of(preset: Path) -> list[dict[str, Any]]:
    return journal.read(preset / "state/here.plain.s0/journal.jsonl")[1]


def process_that(code: str, started: threading.Event) -> Callable[..., Any]:
    """A function that starts this code in place of what follows."""

    def start(command: list[str], **options: Any) -> Any:
        process = subprocess.Popen([sys.executable, "-c", code], **options)
        if "wait" in code:
            process.wait()
        started.set()
        return process

    return start


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (None, "finished", ""),
        (UserError("too little memory; lower batch_size"), "failed", "too little memory; lower batch_size"),
        (ArithmeticError("it broke"), "failed", "ArithmeticError: it broke"),
        (MemoryError(), "failed", "MemoryError: "),
        (KeyboardInterrupt(), None, ""),
        (SystemExit(1), None, ""),
    ],
)
def test_how_a_training_ends_stands_in_its_journal(
    error: BaseException | None, status: str | None, words: str, preset: Path
) -> None:
    """One that was interrupted leaves nothing, as one that was killed."""

    def training() -> None:
        with live.followed(preset, FACTS):
            for _ in passes("work: pass", 2):
                note(loss=0.5)
            if error is not None:
                raise error

    if error is None:
        training()
    else:
        with pytest.raises(type(error)):
            training()
    lines = lines_of(preset)
    assert [(line["done"], line["values"]) for line in lines if "done" in line] == [
        (1, {"loss": 0.5}),
        (2, {"loss": 0.5}),
    ]
    assert journal.ended(lines) == (None if status is None else (status, words))
    assert watchers() == ()


def test_a_short_training_starts_no_process(preset: Path) -> None:
    started = threading.Event()
    with live.followed(preset, FACTS, start=process_that("", started)):
        pass
    assert not started.is_set() and not (preset / "state/here.plain.s0/follower.log").exists()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.stdin.read()", ""),
        ("'wait'; raise SystemExit('the server is away')", "the server is away"),
        ("'wait'; raise SystemExit('first\\nMLflow cannot use it')", "MLflow cannot use it"),
        ("'wait'; raise SystemExit(3)", "no reason"),
        ("'wait'; raise SystemExit(0)", ""),
    ],
)
def test_a_process_that_cannot_follow_is_one_line_at_the_end(
    code: str, said: str, preset: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "SHORT_SECONDS", 0.0)
    started = threading.Event()
    with caplog.at_level(logging.INFO), live.followed(preset, FACTS, start=process_that(code, started)):
        assert started.wait(60)
    assert [record.getMessage() for record in caplog.records] == (
        [f"MLflow was not updated while this was trained: {said}"] if said else []
    )
    assert journal.ended(lines_of(preset)) == ("finished", "")


def test_a_process_that_cannot_be_started_changes_nothing(preset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SHORT_SECONDS", 0.0)
    tried = threading.Event()

    def start(command: list[str], **options: Any) -> Any:
        assert command[1:] == ["-m", "dgmbench.commands.follow", str(preset), "here.plain.s0"]
        tried.set()
        raise OSError("no memory for another process")

    with live.followed(preset, FACTS, start=start):
        assert tried.wait(60)
    assert journal.ended(lines_of(preset)) == ("finished", "")


def test_a_journal_that_cannot_be_written_is_one_line_and_the_training_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = []
    with live.followed(tmp_path / "nowhere", FACTS):
        done.append(list(passes("work", 3)))
    assert done == [[0, 1, 2]] and watchers() == ()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "here.plain.s0 is not shown in MLflow while it is trained"
    ]
