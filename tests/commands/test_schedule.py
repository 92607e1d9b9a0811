"""How long jobs take that wait for each other, on so many places: closed forms."""

from __future__ import annotations

import pytest

from dgmbench.commands.jobs import Job
from dgmbench.commands.schedule import seconds_left


def chain(rule: str, name: str, *before: str) -> Job:
    return Job(rule, name, (name,), before)


TWO = (chain("train", "a"), chain("evaluate", "A", "a"), chain("train", "b"), chain("evaluate", "B", "b"))
TABLE = chain("tables", "t", "A", "B")
THREE = (chain("train", "short"), chain("train", "long"), chain("train", "short too"))


@pytest.mark.parametrize(
    ("jobs", "seconds", "running", "at_once", "expected"),
    [
        ((), {}, {}, 1, 0),
        (TWO, {"a": 5, "A": 1, "b": 3, "B": 2}, {}, 1, 11),
        (TWO, {"a": 5, "A": 1, "b": 3, "B": 2}, {}, 2, 6),
        ((*TWO, TABLE), {"a": 5, "A": 1, "b": 3, "B": 2, "t": 4}, {}, 2, 10),
        ((*TWO, TABLE), {"a": 5, "A": 1, "b": 3, "B": 2, "t": 4}, {}, 9, 10),
        (TWO, {}, {}, 2, 0),  # nothing is known
        (TWO[1:], {"A": 1, "b": 3, "B": 2}, {"a": 4}, 2, 5),  # the evaluation waits for what is running
        (TWO[1:], {"A": 1, "b": 3, "B": 2}, {"a": 4}, 1, 10),
        (THREE, {"long": 6, "short": 3, "short too": 3}, {}, 2, 6),  # the longest first
        ((TABLE,), {"t": 4}, {}, 1, 4),  # what it needs is there
    ],
)  # fmt: skip
def test_the_end_of_the_last_job(
    jobs: tuple[Job, ...], seconds: dict[str, float], running: dict[str, float], at_once: int, expected: float
) -> None:
    known = {job: seconds[job.of] for job in jobs if job.of in seconds}
    at_work = {job: running[job.of] for job in (*TWO, TABLE) if job.of in running}
    assert seconds_left(jobs, known, at_work, at_once) == pytest.approx(expected)
