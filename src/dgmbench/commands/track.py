"""Show the results in MLflow. The view can be deleted and made again from the files at any time."""

from __future__ import annotations

import math
import time
from pathlib import Path

from dgmbench.commands.tracking import Store
from dgmbench.errors import UserError
from dgmbench.tasks import all_tasks

TRACK_SECONDS = 300.0
"""What a pipeline waits for at most: a server may be slow."""


def sync(results: Path, preset: str | None = None, seconds: float = math.inf) -> int:
    """Make MLflow show what the files hold: a run for each pipeline and, below it, one for each training run.

    What shows something else is replaced, of one preset or of all in the folder. Runs of users in the same database
    are left alone.

    Args:
        seconds: for which it goes on, at most; the next call goes on from there.

    Returns:
        How many training runs are shown, of the presets asked for.

    Raises:
        UserError: there is no such preset, the database or the server cannot be used, or it is too slow.
    """
    if results.exists() and not results.is_dir():
        raise UserError(f"{results} is no folder of results; give one by --results")
    presets = sorted({path.parents[2].name for path in results.glob("*/runs/*/run.json")})
    if preset is not None:
        if not (results / preset).is_dir():
            known = ", ".join(presets) or "none yet"
            raise UserError(f"no results of preset {preset!r} under {results}; there are: {known}")
        presets = [preset]
    store, tasks = Store.of(results), all_tasks().values()
    with store.client() as client:
        from dgmbench.report.mlflow_view import show
        from dgmbench.report.mlflow_words import Described

        until = time.monotonic() + seconds
        described = [Described.of(task) for task in tasks]
        return sum(show(client, store.results / name, store.artifacts(name), described, until) for name in presets)
