"""A training is shown in MLflow while it runs, by another process: MLflow takes seconds to load, and may be slow."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dgmbench.errors import UserError
from dgmbench.run import journal
from dgmbench.run.progress import watched

log = logging.getLogger("dgmbench")

SHORT_SECONDS = 15.0
"""A training that is over by then is not shown before the pipeline ends: to load MLflow takes some four seconds of a
core, which many short trainings would pay each time."""


@contextmanager
def followed(preset: Path, facts: Mapping[str, Any], start: Callable[..., Any] = subprocess.Popen) -> Iterator[None]:
    """Within the body, a training writes a journal, which another process follows and shows in MLflow.

    Nothing here waits for that process: it reads the journal, and knows by the end of a pipe that this one has ended,
    however that was. It may outlive this one by seconds.

    Args:
        preset: the folder of a preset.
        facts: ``training_id``, ``fingerprint``, ``spec`` and ``data`` of the training.
    """
    state = preset / "state" / facts["training_id"]
    try:
        notes = journal.begin(state / journal.NAME, facts)
    except OSError as error:
        log.warning("%s is not shown in MLflow while it is trained: %s", facts["training_id"], error)
        yield
        return
    follower = _Follower(preset, facts["training_id"], state / "follower.log", start)
    timer = threading.Timer(SHORT_SECONDS, follower.start)
    timer.daemon = True
    timer.start()
    try:
        with watched(notes):
            yield
        notes.end("finished")
    except Exception as error:
        notes.end("failed", str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}")
        raise
    finally:
        timer.cancel()
        timer.join()  # it may just be starting
        follower.leave()


class _Follower:
    """The process that follows.

    Attributes:
        said: the file that has what it says.
    """

    def __init__(self, preset: Path, training_id: str, said: Path, start: Callable[..., Any]) -> None:
        self._command = [sys.executable, "-m", "dgmbench.commands.follow", str(preset), training_id]
        self.said, self._start, self._process = said, start, None

    def start(self) -> None:
        with contextlib.suppress(OSError), self.said.open("wb") as said:
            # a group of its own: Ctrl-C is for the training
            self._process = self._start(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, process_group=0
            )

    def leave(self) -> None:
        """Close the pipe; say why it has ended, if it has."""
        process: Any = self._process
        if process is None:
            return
        process.stdin.close()
        if process.poll():
            with contextlib.suppress(OSError):
                lines = self.said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                log.warning("MLflow was not updated while this was trained: %s", lines[-1] if lines else "no reason")
        process.returncode = process.returncode or 0  # it may go on for seconds, which nobody waits for
