"""When jobs that wait for each other are done, on so many places: how long a pipeline still takes."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping

from dgmbench.commands.jobs import Job

_FIRST = {"fetch": 0, "train": 1}


def seconds_left(
    jobs: Collection[Job], seconds: Mapping[Job, float], running: Mapping[Job, float], at_once: int
) -> float:
    """Seconds until all of these jobs are done, started as Snakemake starts them: the longest training first.

    Args:
        jobs: that have not started.
        seconds: what each of them takes; 0 where it is not there.
        running: what is left of those that have started.
        at_once: how many run side by side.
    """
    made_by = {output: job for job in (*jobs, *running) for output in job.outputs}
    before = {job: {made_by[path] for path in job.inputs if path in made_by} - {job} for job in jobs}
    after: dict[Job, list[Job]] = {}
    for job, those in before.items():
        for each in those:
            after.setdefault(each, []).append(job)
    waiting = {job: len(those) for job, those in before.items()}
    numbers = {job: number for number, job in enumerate((*jobs, *running))}

    def rank(job: Job) -> tuple[int, float, int, Job]:
        return (_FIRST.get(job.rule, 2), -seconds.get(job, 0.0), numbers[job], job)

    ready = [rank(job) for job, count in waiting.items() if not count]
    heapq.heapify(ready)
    ends = [(left, numbers[job], job) for job, left in running.items()]
    heapq.heapify(ends)
    now = 0.0
    while ready or ends:
        while ready and len(ends) < max(1, at_once):
            *_, job = heapq.heappop(ready)
            heapq.heappush(ends, (now + seconds.get(job, 0.0), numbers[job], job))
        now, _, done = heapq.heappop(ends)
        for job in after.get(done, ()):
            waiting[job] -= 1
            if not waiting[job]:
                heapq.heappush(ready, rank(job))
    return now
