"""Follow the journal of a training and show it in MLflow: ``python -m dgmbench.commands.follow PRESET TRAINING``.

The standard input ends when the training does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from dgmbench.commands.tracking import Store, quiet_mlflow
from dgmbench.errors import UserError
from dgmbench.run import journal
from dgmbench.tasks import all_tasks

EVERY_SECONDS = 3.0
"""Between two looks into the journal."""
LATER_SECONDS = 60.0
"""After the end of a training MLflow has so long to take the rest."""
NICE = 16
"""Beside a busy training this process gets less than 3 % of a core (Linux: weight 29 beside 1024)."""


def follow(preset: Path, training_id: str, alive: IO[Any]) -> None:
    """Show a training until ``alive`` ends, and then how it ended.

    One that is over before MLflow has loaded is left to `dgmbench.commands.track`, which may be waiting.

    Raises:
        UserError: MLflow's database or server cannot be used.
    """
    path, store = preset / "state" / training_id / journal.NAME, Store.of(preset.parent)
    facts, _ = journal.read(path)
    if not facts:
        raise UserError(f"{path} is no journal of a training")
    with store.client(alone=False) as client:
        from dgmbench.report import mlflow_view as view
        from dgmbench.report.mlflow_shown import points_of
        from dgmbench.report.mlflow_words import Described

        with store.lock():
            if _ends(alive, 0.0):
                return
            known = [Described.of(task) for task in all_tasks().values()]
            experiment = view.open_experiment(client, preset.name, store.artifacts(preset.name), known)
            identity = view.begin(client, experiment, facts)
        shown: dict[str, set[int]] = {}
        until = None
        while True:
            over = _ends(alive, EVERY_SECONDS if until is None else 1.0)
            until = until or (time.monotonic() + LATER_SECONDS if over else None)
            again, lines = journal.read(path)
            if again.get("fingerprint") != facts["fingerprint"]:
                return  # another training has begun in its place
            try:
                points = list(points_of(lines))
                for name in {name for name, *_ in points} - shown.keys():
                    shown[name] = set(view.steps_of(client, identity, name))
                new = [point for point in points if point[3] not in shown[point[0]]]
                if new:
                    view.add_points(client, identity, new)
                for name, _, _, step in new:
                    shown[name].add(step)
                if over:
                    status, error = journal.ended(lines) or ("killed", "")
                    when = lines[-1].get("at") if lines else None
                    view.finish(client, identity, status.upper(), error, when or round(1000 * time.time()))
                    return
            except Exception:  # a database may be locked, a server away for a while
                if until is not None and time.monotonic() > until:
                    raise


def _ends(alive: IO[Any], seconds: float) -> bool:
    """Whether a stream has ended; waits so long for it."""
    ready, _, _ = select.select([alive], [], [], seconds)
    return bool(ready) and not os.read(alive.fileno(), 1024)


def load_mlflow(alive: IO[Any]) -> None:
    """Load MLflow, which takes seconds, and on a busy machine minutes; ends this process when ``alive`` ends before.

    What is over by then is left to `dgmbench.commands.track`, and nothing has been opened that would have to be closed.
    """
    loaded, deciding = threading.Event(), threading.Lock()

    def leave() -> None:
        while not loaded.is_set():
            over, _, _ = select.select([alive], [], [], 0.5)  # nothing is ever written to it
            with deciding:
                if over and not loaded.is_set():
                    os._exit(0)

    threading.Thread(target=leave, daemon=True).start()
    quiet_mlflow()
    import mlflow.tracking  # noqa: F401

    with deciding:
        loaded.set()


def main() -> None:
    """The process that `dgmbench.commands.live` starts; its last line says what went wrong."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
    logging.basicConfig(level=logging.ERROR)
    preset, training_id = sys.argv[1:]
    load_mlflow(sys.stdin.buffer)
    try:
        follow(Path(preset), training_id, sys.stdin.buffer)
    except UserError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
