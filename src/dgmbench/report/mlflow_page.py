"""How MLflow's page opens on an experiment: as a list of runs with their numbers, at an address that says so."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgmbench.report.mlflow_words import Described

VIEW = "mlflow.sharedViewState.dgmbench"
"""The tag of an experiment that holds a shared view of its runs, see `view_of`; its last part is in the address."""


def address_of(server: str, experiment: str) -> str:
    """Where a browser shows the runs of an experiment.

    The address alone decides between the pages for model training and those for language models: MLflow 3.17 goes by
    it, or else by what the browser showed last, and not by the tag of the experiment.
    """
    page = f"{server.rstrip('/')}/#/experiments/{experiment}/runs"
    return f"{page}?workflowType=machine_learning&viewStateShareKey={VIEW.rpartition('.')[2]}"


def view_of(tasks: Iterable[Described]) -> str:
    """The columns and the order of the runs, as MLflow keeps a view that was shared.

    Ordered by name, the runs stand one below the other; by their times, as else, they are folded below the pipeline.
    What is published has its columns after the first number, as those of many tasks do not fit on a screen.
    """
    of_published_first = sorted(tasks, key=lambda task: not task.papers)
    mains = [task.main.name for task in of_published_first if task.main]
    beside = ["paper", "delta"] if of_published_first and of_published_first[0].papers else []
    names = dict.fromkeys([*mains[:1], *beside, *mains[1:], "training_seconds"])
    columns = [f"metrics.`{name}`" for name in names]
    view = {
        "searchFilter": "",
        "orderByKey": "attributes.`run_name`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": columns,
        "columnOrder": columns,
    }
    return json.dumps(view)
