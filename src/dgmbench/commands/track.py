"""Show the results in MLflow. The view can be deleted and made again from the files at any time."""

from __future__ import annotations

from pathlib import Path

from dgmbench.commands.tracking import Store
from dgmbench.errors import UserError
from dgmbench.tasks import all_tasks


def sync(results: Path, preset: str | None = None) -> int:
    """Make MLflow show what the files hold: a run for each pipeline and, below it, one for each training run.

    What shows something else is replaced, of one preset or of all in the folder. Runs of users in the same database
    are left alone.

    Returns:
        How many training runs are shown, of the presets asked for.

    Raises:
        UserError: there is no such preset, or the database or the server cannot be used.
    """
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

        described = [Described.of(task) for task in tasks]
        return sum(show(client, store.results / name, store.artifacts(name), described) for name in presets)
