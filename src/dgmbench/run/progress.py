"""How far a long step is: a bar on a terminal, else lines in the log while it takes long; others can watch, too."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

log = logging.getLogger("dgmbench")

QUIET_SECONDS = 15.0
"""Between two lines in the log at least: a short step writes none."""


@dataclass(frozen=True)
class Step:
    """One of the equal parts of a long step is done.

    Attributes:
        what: is counted, as in "LDA: sweep".
        done: how many are done.
        total: how many there are.
        values: what is known of the model then, by name.
        level: of how many longer steps it is a part.
        begins: whether no part is done by this process yet.
    """

    what: str
    done: int
    total: int
    values: Mapping[str, float]
    level: int = 0
    begins: bool = False


Watcher = Callable[[Step], None]
T = TypeVar("T")

_watchers: list[Watcher] = []
_told_beginnings: list[Watcher] = []
_under_way: list[str] = []
_noted: dict[str, float] = {}


def passes(what: str, n: int, done: int = 0) -> Iterator[int]:
    """The numbers ``done`` to n − 1; each is told when the next one is asked for, see `counting`.

    Args:
        what: is counted, as in "LDA: sweep".
        n: how many there are.
        done: those that an earlier process did.
    """
    with counting(what, n, done) as count:
        for number in range(done, n):
            yield number
            count(number + 1, n)


def each_of(what: str, items: Sequence[T]) -> Iterator[T]:
    """The items; how many are done is told as by `passes`."""
    for number in passes(what, len(items)):
        yield items[number]


def note(**values: float) -> None:
    """Numbers of the model after the pass under way, by name: whoever watches is told them with it."""
    _noted.update(values)


@contextmanager
def counting(what: str, n: int, done: int = 0) -> Iterator[Callable[[int, int], None]]:
    """A function to be called as ``count(done, n)`` whenever a part of a long step is done; see `passes`.

    Within `bars` a bar shows it. Otherwise the log says how much time is left, at most after every tenth of the n and
    every `QUIET_SECONDS`.
    """
    start = said = time.perf_counter()
    first = before = done
    _noted.clear()

    def count(finished: int, n: int = n) -> None:
        nonlocal said, before
        tell(Step(what, finished, n, dict(_noted), level))
        _noted.clear()
        now = time.perf_counter()
        if bar is not None:
            bar(finished)
        elif finished < n and 10 * finished // n > 10 * before // n and now - said >= QUIET_SECONDS:
            left = (now - start) / (finished - first) * (n - finished)
            log.info("%s %d of %d, about %.0f s left", what, finished, n, left)
            said = now
        before = finished

    level = len(_under_way)
    for watcher in _told_beginnings:
        watcher(Step(what, done, n, {}, level, begins=True))
    _under_way.append(what)
    try:
        with _bar(what, n, done) as bar:
            yield count
    finally:
        del _under_way[level:]


@contextmanager
def watched(by: Watcher, beginnings: bool = False) -> Iterator[None]:
    """Within the body this is called after each part of a step.

    Args:
        beginnings: it is called before the first part, too.
    """
    _watchers.append(by)
    if beginnings:
        _told_beginnings.append(by)
    try:
        yield
    finally:
        _watchers.remove(by)
        if beginnings:
            _told_beginnings.remove(by)


def watchers() -> tuple[Watcher, ...]:
    """Those who watch now."""
    return tuple(_watchers)


def tell(step: Step) -> None:
    """Call those who watch."""
    for watcher in _watchers:
        watcher(step)


@dataclass
class _Terminal:
    """The bars on the terminal.

    Attributes:
        asked: how often bars were asked for.
        drawn: the bars of the steps under way, if there are any.
    """

    asked: int = 0
    drawn: Any = None


_terminal = _Terminal()


@contextmanager
def bars() -> Iterator[None]:
    """Within the body, long steps draw a bar, where the error stream is a terminal; it goes away at their end."""
    _terminal.asked += 1
    try:
        yield
    finally:
        _terminal.asked -= 1


@contextmanager
def _bar(what: str, n: int, done: int) -> Iterator[Callable[[int], None] | None]:
    """What moves the bar of a step; None where none is drawn."""
    if not _terminal.asked or not sys.stderr.isatty() or n < 2:
        yield None
        return
    with contextlib.ExitStack() as stack:
        if _terminal.drawn is None:
            stack.enter_context(_drawn())
        drawn = _terminal.drawn
        bar = drawn.add_task(what, total=n, completed=done)
        stack.callback(drawn.remove_task, bar)
        stack.callback(drawn.refresh)  # a short step is seen at its end
        yield lambda finished: drawn.update(bar, completed=finished)


@contextmanager
def _drawn() -> Iterator[None]:
    """Several bars, one below the other; lines of the log stand above them."""
    import rich.progress as rich
    from rich.console import Console

    columns = (
        *(rich.TextColumn("{task.description}"), rich.BarColumn(), rich.MofNCompleteColumn()),
        rich.TimeRemainingColumn(),
    )
    handlers = [h for h in logging.getLogger().handlers if getattr(h, "stream", None) is sys.stderr]
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as _terminal.drawn:
        before = [(handler, handler.setStream(sys.stderr)) for handler in handlers]  # type: ignore[attr-defined]
        try:
            yield
        finally:
            _terminal.drawn = None
            for handler, stream in before:
                handler.setStream(stream)  # type: ignore[attr-defined]
