"""A small configuration and its jobs, for tests of what is shown of a pipeline."""

from __future__ import annotations

from pathlib import Path

from dgmbench.commands.jobs import Job, jobs_of
from dgmbench.commands.pipeline import UNSEEN
from dgmbench.run.config import plan_of
from dgmbench.run.config_files import read_files
from dgmbench.run.plan import Plan
from dgmbench.tasks import all_tasks

CONFIG = """
preset: p
tracking: false
density: {datasets: {mnist: {epochs: 8}}, models: [vae, iwae-5]}
"""


def planned() -> tuple[Plan, dict[tuple[str, str], Job]]:
    """The plan, and its jobs by rule and model, or rule alone."""
    configuration = read_files([Path("c.yaml")])
    plan = plan_of(configuration, all_tasks())
    models = {name: run.model for run in plan.runs for name in (run.run_id, run.training_id)}
    jobs = jobs_of(plan, configuration.content)
    return plan, {(job.rule, models.get(job.of, "")): job for job in jobs if job.rule not in UNSEEN}
