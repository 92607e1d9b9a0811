"""How far a long step is: told to those who watch, drawn on a terminal where bars were asked for, quiet elsewhere."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator

import pytest

from dgmbench.run.progress import Step, bars, counting, each_of, note, passes, watched, watchers


class Screen(io.StringIO):
    """An error stream that may be a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], Screen]:
    """A function that puts a screen in place of the error stream."""

    def put(terminal: bool) -> Screen:
        made = Screen(terminal)
        monkeypatch.setattr("sys.stderr", made)
        monkeypatch.setenv("TERM", "xterm")
        return made

    return put


@pytest.mark.parametrize(
    ("n", "done", "noted", "told"),
    [
        (3, 0, [{}, {}, {}], [(1, {}), (2, {}), (3, {})]),
        (3, 2, [{"a": 1.0}], [(3, {"a": 1.0})]),
        (3, 0, [{"a": 1.0}, {}, {"b": 2.0, "a": 3.0}], [(1, {"a": 1.0}), (2, {}), (3, {"a": 3.0, "b": 2.0})]),
        (0, 0, [], []),
        (4, 4, [], []),
        (1, 0, [{"a": -0.5}], [(1, {"a": -0.5})]),
    ],
)
def test_those_who_watch_are_told_each_pass_and_its_values(
    n: int, done: int, noted: list[dict[str, float]], told: list[tuple[int, dict[str, float]]]
) -> None:
    steps: list[Step] = []
    note(stale=1.0)  # of something before
    with watched(steps.append):
        assert watchers() == (steps.append,)
        for values, number in zip(noted, passes("work", n, done), strict=False):
            assert number == done + len(steps)
            note(**values)
            if number == n - 1:
                break
    steps += [Step("work", n, n, noted[-1])] if noted else []  # the last one is told when the next is asked for
    assert [(step.done, step.values) for step in steps] == told
    assert {(step.what, step.total) for step in steps} <= {("work", n)}
    assert watchers() == ()


def test_items_are_given_in_order() -> None:
    steps: list[Step] = []
    with watched(steps.append):
        assert list(each_of("item", "abc")) == ["a", "b", "c"]
    assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("terminal", "asked", "n", "drawn"),
    [
        (True, True, 4, True),
        (True, False, 4, False),
        (False, True, 4, False),
        (False, False, 4, False),
        (True, True, 1, False),
        (True, True, 0, False),
    ],
)
def test_a_bar_is_drawn_on_a_terminal_alone_and_when_asked_for(
    terminal: bool, asked: bool, n: int, drawn: bool, screen: Callable[[bool], Screen]
) -> None:
    shown = screen(terminal)

    def work() -> Iterator[int]:
        return passes("work", n)

    if asked:
        with bars():
            assert list(work()) == list(range(n))
    else:
        assert list(work()) == list(range(n))
    assert (f"{n}/{n}" in shown.getvalue()) == drawn
    assert drawn or shown.getvalue() == ""


def test_a_step_within_a_step_has_a_bar_below_and_log_lines_stand_above(screen: Callable[[bool], Screen]) -> None:
    shown = screen(True)
    handler = logging.StreamHandler(shown)
    logging.getLogger().addHandler(handler)
    try:
        with bars():
            for _ in passes("outer", 2):
                for number in passes("inner", 3):
                    if number == 1:
                        logging.getLogger("dgmbench").warning("a line of the log")
        assert handler.stream is shown and sys.stderr is shown
    finally:
        logging.getLogger().removeHandler(handler)
    text = shown.getvalue()
    assert all(part in text for part in ("outer", "2/2", "inner", "3/3", "a line of the log"))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_a_bar_goes_away_when_the_step_fails(error: type[BaseException], screen: Callable[[bool], Screen]) -> None:
    shown = screen(True)
    with pytest.raises(error), bars(), counting("work", 5) as count:
        count(1, 5)
        raise error
    assert sys.stderr is shown
    before = shown.getvalue()
    assert list(passes("quiet", 3)) == [0, 1, 2]
    assert shown.getvalue() == before
