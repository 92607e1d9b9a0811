"""A bar on the terminal while a sampler sweeps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int, float], None]
"""Called after each sweep with its number, the number of sweeps, and the seconds so far."""


@contextmanager
def sweep_bar(n_sweeps: int) -> Iterator[Progress | None]:
    """What draws the bar, None where the error stream is no terminal; the bar goes away at the end."""
    if not sys.stderr.isatty():
        yield None
        return
    import rich.progress as rich
    from rich.console import Console

    columns = (rich.TextColumn("sweeps"), rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeRemainingColumn())
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=n_sweeps)
        yield lambda sweep, n_sweeps, seconds: bar.update(task, completed=sweep)
