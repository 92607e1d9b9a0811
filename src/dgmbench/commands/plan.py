"""What a configuration asks for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dgmbench.errors import counted
from dgmbench.run.config import plan_of
from dgmbench.run.config_files import read_files
from dgmbench.run.plan import Plan
from dgmbench.tasks import all_tasks


def read(config: list[Path]) -> Plan:
    """The plan of configuration files laid over each other.

    Raises:
        UserError: a mistake in one of them, with the file and the line.
    """
    return plan_of(read_files(config), all_tasks())


def show(plan: Plan) -> None:
    """Print a line per run, with the settings and options that differ from the published protocol."""
    for spec in plan.runs:
        differing = spec.canonical().get("settings", {}) | dict(spec.options)
        print(spec.run_id, *(f"{key}={json.dumps(value)}" for key, value in differing.items()))
    print(f"{counted(len(plan.runs), 'run')} in preset {plan.preset}", file=sys.stderr)
