"""What the tests of the workflow share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
Snakemake = Callable[..., "subprocess.CompletedProcess[str]"]
