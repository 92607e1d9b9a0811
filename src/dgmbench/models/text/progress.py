"""How far a fit is: lines in the log while it takes long, and a bar on the terminal while LDA sweeps."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger("dgmbench")

Progress = Callable[[int, int, float], None]
"""Called after each sweep with its number, the number of sweeps, and the seconds so far."""
QUIET_SECONDS = 15.0
"""Between two lines in the log at least: a short fit writes none."""


def passes(what: str, n: int, done: int = 0) -> Iterator[int]:
    """The numbers ``done`` to n − 1; the log says how much time is left, at most after every tenth of the n.

    Args:
        what: is counted, as in "LDA: sweep".
        n: how many there are.
        done: those that an earlier process did.
    """
    start = said = time.perf_counter()
    for number in range(done, n):
        yield number
        finished, now = number + 1, time.perf_counter()
        if finished < n and 10 * finished // n > 10 * number // n and now - said >= QUIET_SECONDS:
            left = (now - start) / (finished - done) * (n - finished)
            log.info("%s %d of %d, about %.0f s left", what, finished, n, left)
            said = now


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
