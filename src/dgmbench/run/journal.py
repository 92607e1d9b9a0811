"""The journal of a training: a line for each epoch or sweep when it is done, for those who follow it meanwhile."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgmbench.run.progress import Step

log = logging.getLogger("dgmbench")

NAME = "journal.jsonl"
"""Of the file, in the folder of a training's state."""


@dataclass(frozen=True)
class Journal:
    """Writes the lines of a training; goes to its other processes, too.

    Attributes:
        path: of the file.
        earlier: seconds that earlier processes took.
        started: of this process, in seconds since 1970.
    """

    path: Path
    earlier: float
    started: float

    def __call__(self, step: Step) -> None:
        """Note that an epoch, or a sweep, is done."""
        now = time.time()
        line = {"what": step.what, "done": step.done, "total": step.total, "values": dict(step.values)}
        self._write(line | {"at": round(1000 * now), "seconds": round(self.earlier + now - self.started, 3)})

    def end(self, status: str, error: str = "") -> None:
        """Note how it ended; a journal without this line is that of a training under way, or of one that was killed."""
        self._write({"end": status, "error": error, "at": round(1000 * time.time())})

    def _write(self, line: Mapping[str, Any]) -> None:
        # a full disk is said by the training itself
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError:
            pass


def begin(path: Path, facts: Mapping[str, Any]) -> Journal:
    """A journal that goes on with that of an interrupted training, or a new one.

    Args:
        facts: what is trained, its ``fingerprint`` among them: the journal of another one is begun anew.

    Raises:
        OSError: it cannot be written.
    """
    before, lines = read(path)
    now = time.time()
    if before.get("fingerprint") != facts["fingerprint"]:
        path.write_text(json.dumps({"started": round(1000 * now), **facts}) + "\n", encoding="utf-8")
        return Journal(path, 0.0, now)
    journal = Journal(path, max((line.get("seconds", 0.0) for line in lines), default=0.0), now)
    journal._write({"resumed": round(1000 * now)})
    return journal


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What is trained, and the lines since; empty where there is no journal, or a damaged one."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}, []
    lines = []
    for line in text.splitlines(keepends=True):
        # the last line may be half written
        if line.endswith("\n"):
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
    whole = [line for line in lines if isinstance(line, dict)]
    return (whole[0], whole[1:]) if whole and "fingerprint" in whole[0] else ({}, [])


def ended(lines: list[dict[str, Any]]) -> tuple[str, str] | None:
    """How it ended: a status and, if it failed, the error; None for one under way, or killed."""
    last = lines[-1] if lines else {}
    return (str(last["end"]), str(last.get("error", ""))) if "end" in last else None
