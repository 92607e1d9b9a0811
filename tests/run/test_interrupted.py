"""A stage that cannot write, or is killed while it writes, says so, and the same call goes on to the same bytes."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from dgmbench import files
from dgmbench.errors import UserError
from dgmbench.run import stages
from dgmbench.run.workspace import Workspace
from tests.run.toy import spec_of, toy_task


class Killed(BaseException):
    """Stands for a signal that ends the process: nothing catches it."""


class Kill:
    """The system's calls, until the process is killed after so many files; a dead process removes nothing."""

    def __init__(self, files: int) -> None:
        self.files, self.dead = files, False
        self._replace, self._unlink = os.replace, os.unlink

    def replace(self, *paths: Any) -> None:
        self.dead = not self.files
        if self.dead:
            raise Killed
        self.files -= 1
        self._replace(*paths)

    def unlink(self, path: Any) -> None:
        if not self.dead:
            self._unlink(path)


def everything(workspace: Workspace) -> dict[str, bytes]:
    """What a run left, without the records, which note times."""
    found = [path for path in workspace.root.rglob("*") if path.is_file() and "state" not in path.parts]
    return {str(path.relative_to(workspace.root)): path.read_bytes() for path in found if path.name not in RECORDS}


RECORDS = ("training.json", "run.json")


def both(workspace: Workspace) -> dict[str, Any]:
    stages.train(toy_task(), spec_of(), workspace)
    return stages.evaluate(toy_task(), spec_of(), workspace)


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_while_a_file_is_written_is_gone_on_from(
    seed: int, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a random one of the steps at which the files of both stages are made; nothing is cleaned up after a kill."""
    reference = Workspace(tmp_path / "whole")
    expected = both(reference)
    rng, workspace, kills = random.Random(seed), Workspace(tmp_path / "killed"), 0
    for _ in range(4):
        with monkeypatch.context() as patch:
            kill = Kill(rng.randrange(3))
            patch.setattr(files.os, "replace", kill.replace)
            patch.setattr(files.os, "unlink", kill.unlink)
            try:
                both(workspace)
            except Killed:
                kills += 1
    assert kills
    found = both(workspace)
    assert found["metrics"] == expected["metrics"] and found["products"] == expected["products"]
    assert everything(workspace) == everything(reference)
    count = len(calls)
    both(workspace)
    assert len(calls) == count


@pytest.mark.parametrize("place", ["trained", "state", "runs", ""])
def test_a_file_where_a_folder_should_be_is_one_line(place: str, calls: list[str], tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "results")
    obstacle = workspace.root / place
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.write_text("")
    with pytest.raises(UserError, match=r"^cannot write .*") as caught:
        both(workspace)
    assert str(caught.value).endswith(
        f"; {obstacle} is no folder, and one has to be there: move it away or choose another folder"
    )
    obstacle.unlink()
    assert both(workspace)["metrics"] == {"mean": 0.5}


@pytest.mark.parametrize("step", ["mkdir", "lock", "mkstemp", "replace"])
def test_a_read_only_disk_is_one_line(
    step: str, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system", str(tmp_path))

    place = {
        "mkdir": (Path, "mkdir"),
        "lock": ("dgmbench.run.workspace.FileLock", "acquire"),
        "mkstemp": (files.tempfile, "mkstemp"),
        "replace": (files.os, "replace"),
    }[step]
    workspace = Workspace(tmp_path / "results")
    with monkeypatch.context() as patch:
        if isinstance(place[0], str):
            patch.setattr(".".join(place), refuse)  # type: ignore[arg-type]
        else:
            patch.setattr(*place, refuse)  # type: ignore[arg-type]
        with pytest.raises(
            UserError, match=r"^cannot write .*: Read-only file system; make it writable or choose"
        ) as caught:
            both(workspace)
    assert "\n" not in str(caught.value)
    assert both(workspace)["metrics"] == {"mean": 0.5}


def test_a_finished_run_can_be_looked_at_where_nothing_can_be_written(
    calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "results")
    both(workspace)
    monkeypatch.setattr(files.tempfile, "mkstemp", lambda **_: pytest.fail("it wrote"))
    assert both(workspace)["metrics"] == {"mean": 0.5} and calls == ["train", "evaluate"]
