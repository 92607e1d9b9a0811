"""All analyses of a preset write into one folder: none may take a name that another has."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import dgmbench.tasks

WRITTEN = re.compile(r'(?:figures|tables) / f?"([a-z_]+)')


def test_no_two_tasks_write_a_file_of_one_name() -> None:
    found = defaultdict(set)
    for folder in Path(dgmbench.tasks.__file__).parent.iterdir():
        for path in folder.glob("analysis/analyse.py"):
            for name in WRITTEN.findall(path.read_text(encoding="utf-8")):
                found[name].add(folder.name)
    assert len(found) > 10, "the pattern finds what is written"
    assert {name: tasks for name, tasks in found.items() if len(tasks) > 1} == {}
