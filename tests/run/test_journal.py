"""The journal of a training: whole lines, that of the same training goes on, any other one is begun anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dgmbench.run import journal
from dgmbench.run.progress import Step

FACTS: dict[str, Any] = {"training_id": "here.plain.s0", "fingerprint": "abc", "spec": {"seed": 0}, "data": {}}


def written(path: Path, *epochs: int, facts: dict[str, Any] = FACTS) -> journal.Journal:
    notes = journal.begin(path, facts)
    for epoch in epochs:
        notes(Step("epoch", epoch, 9, {"loss": 1.0 / epoch}))
    return notes


def test_it_holds_what_is_trained_and_what_was_done(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path, 1, 2)
    facts, lines = journal.read(path)
    assert {name: facts[name] for name in FACTS} == FACTS and facts["started"] > 1.7e12
    assert [(line["what"], line["done"], line["total"], line["values"]) for line in lines] == [
        ("epoch", 1, 9, {"loss": 1.0}),
        ("epoch", 2, 9, {"loss": 0.5}),
    ]
    assert journal.ended(lines) is None


@pytest.mark.parametrize(
    ("fingerprint", "before", "goes_on"),
    [
        ("abc", "", True),
        ("other", "", False),
        ("abc", "no journal\n", False),
        ("abc", '{"fingerprint": "abc"', False),  # cut off
        ("abc", "[1, 2]\n", False),
        ("abc", "\x00\x00", False),
    ],
)
def test_the_journal_of_the_same_training_goes_on(tmp_path: Path, fingerprint: str, before: str, goes_on: bool) -> None:
    path = tmp_path / "journal.jsonl"
    written(path, 1, 2).end("failed", "it broke")
    if before:
        path.write_text(before)
    written(path, 3, facts=FACTS | {"fingerprint": fingerprint})
    facts, lines = journal.read(path)
    assert facts["fingerprint"] == fingerprint
    assert [line["done"] for line in lines if "done" in line] == ([1, 2, 3] if goes_on else [3])
    assert journal.ended(lines) is None  # it is under way again


def test_seconds_go_on_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path, 1)
    line = {"what": "epoch", "done": 2, "total": 9, "values": {}, "at": 1, "seconds": 1000.0}
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    assert written(path, 3).earlier == 1000.0
    assert journal.read(path)[1][-1]["seconds"] >= 1000.0


@pytest.mark.parametrize("tail", ['{"what": "ep', '{"what": "epoch", "done": 3}', "\xff", "{", "[]\n"])
def test_a_line_that_is_not_whole_is_left_out(tmp_path: Path, tail: str) -> None:
    path = tmp_path / "journal.jsonl"
    written(path, 1, 2)
    with path.open("a", encoding="utf-8") as file:
        file.write(tail)
    assert [line["done"] for line in journal.read(path)[1]] == [1, 2]


@pytest.mark.parametrize(
    ("status", "error"), [("finished", ""), ("failed", "out of memory"), ("failed", "a\nb"), ("failed", 'a "b"')]
)
def test_how_it_ended(tmp_path: Path, status: str, error: str) -> None:
    path = tmp_path / "journal.jsonl"
    written(path, 1).end(status, error)
    assert journal.ended(journal.read(path)[1]) == (status, error)


def test_a_journal_that_cannot_be_written_any_more_does_not_end_the_training(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    notes = written(folder / "journal.jsonl", 1)
    (folder / "journal.jsonl").unlink()
    folder.rmdir()
    notes(Step("epoch", 2, 9, {}))
    notes.end("finished")
    assert journal.read(folder / "journal.jsonl") == ({}, [])
