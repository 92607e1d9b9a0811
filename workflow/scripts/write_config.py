"""Write down the configuration: thousands of runs are more text than an argument of a command may have."""

from pathlib import Path

job = snakemake  # noqa: F821, Snakemake defines it

Path(job.output.config).write_text(job.params.content + "\n", encoding="utf-8")
