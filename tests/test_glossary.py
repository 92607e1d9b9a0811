"""The glossary has every row of every task, in its own section, and names no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dgmbench.tasks import TASKS, all_tasks

TEXT = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")
OWN = [name for name, task in all_tasks().items() if any(address.startswith(task.package) for address in TASKS)]


@pytest.mark.parametrize("task", OWN)
def test_every_row_is_explained(task: str) -> None:
    section = TEXT.partition(f"## Rows of the {task} table")[2].partition("\n## ")[0]
    first_fields = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", section, re.MULTILINE)
    names = [name for field in first_fields for name in re.findall(r"`([^`]+)`", field)]
    assert sorted(names) == sorted(all_tasks()[task].rows)
