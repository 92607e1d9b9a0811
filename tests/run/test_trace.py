"""The trace of a job: what others read while it runs, how it ended, and what is read of a damaged one."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest

from dgmbench.errors import UserError
from dgmbench.files import is_locked
from dgmbench.run import trace as traces
from dgmbench.run.progress import Step, counting, note, passes
from dgmbench.run.trace import SIZE, Part, Trace, read, traced


def steps_of(path: Path) -> list[tuple[str, int, int]]:
    found = read(path)
    assert found is not None
    return [(part.what, part.done, part.total) for part in found.parts]


def test_others_read_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "EVERY_SECONDS", 0.0)
    path, seen = tmp_path / "logs/train/a.json", []
    with traced(path, time.time()):
        assert is_locked(path) and steps_of(path) == []
        for outer in passes("model", 2):
            for inner in passes("sweep", 3, done=1):
                seen.append(steps_of(path))
                note(bound=outer + inner / 10)
    assert seen == [
        [("model", 0, 2), ("sweep", 1, 3)],
        [("model", 0, 2), ("sweep", 2, 3)],
        [("model", 1, 2), ("sweep", 1, 3)],
        [("model", 1, 2), ("sweep", 2, 3)],
    ]
    found = read(path)
    assert found is not None and found.end == "finished" and found.ended >= found.started
    assert not is_locked(path)


def test_values_of_the_model_stand_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "EVERY_SECONDS", 0.0)
    with traced(tmp_path / "a.json", time.time()):
        for number in passes("epoch", 2):
            note(loss=1.5 + number)
    found = read(tmp_path / "a.json")
    assert found is not None and found.parts[0].values == {"loss": 2.5}


@pytest.mark.parametrize(
    ("error", "end", "words"),
    [
        (None, "finished", ""),
        (UserError("too little memory"), "failed", "too little memory"),
        (ValueError("it\nbroke"), "failed", "ValueError: it broke"),
        (ValueError("long " * 200), "failed", ("ValueError: " + "long " * 200)[:200]),
        (KeyboardInterrupt(), "interrupted", ""),
        (SystemExit(1), "interrupted", ""),
    ],
)
def test_how_it_ended(error: BaseException | None, end: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"

    def work() -> None:
        with traced(path, time.time()):
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            work()
    else:
        work()
    found = read(path)
    assert found is not None and (found.end, found.error) == (end, words)
    assert not is_locked(path)


def test_one_that_was_killed_has_no_end_and_nobody_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.touch()
    Trace(path, 1.0).write()
    found = read(path)
    assert found is not None and found.end == "" and not is_locked(path)


def test_a_second_process_notes_nothing_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces.time, "sleep", lambda _: None)
    path = tmp_path / "a.json"
    with traced(path, 1.0):
        with traced(path, 2.0):
            assert list(passes("work", 2)) == [0, 1]
        found = read(path)
        assert found is not None and (found.started, found.end) == (1.0, "")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"parts": [{"what": 1}]}', '{"parts": 3}', "\x00" * 20])
def test_a_damaged_trace_says_nothing(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert read(path) is None and not is_locked(path)
    path.write_text(content)
    assert read(path) is None


@pytest.mark.parametrize("what", ["a" * 100, "a" * 3000, "é" * 3000, '"' * 5000])
def test_it_is_of_one_size_and_can_be_read_whatever_the_names_are(what: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with traced(path, 1.0), counting(what, 2) as count:
        note(**{f"value {number}": 1.0 for number in range(200)})
        count(1, 2)
    assert path.stat().st_size == SIZE
    found = read(path)
    assert found is not None and found.end == "finished" and what.startswith(found.parts[0].what)


def test_a_folder_that_cannot_be_made_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    with traced(tmp_path / "logs/train/a.json", 1.0):
        assert list(passes("work", 3)) == [0, 1, 2]


def test_it_goes_to_another_process(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with traced(path, 1.0) as trace:
        pickle.loads(pickle.dumps(trace))(Step("epoch", 4, 9, {"loss": 2.0}))
        assert steps_of(path) == [("epoch", 4, 9)]


@pytest.mark.parametrize(
    ("first", "done", "total", "took", "ago", "left"),
    [
        (0, 0, 10, 0.0, 5.0, None),
        (4, 4, 10, 0.0, 5.0, None),
        (0, 5, 10, 20.0, 0.0, 20.0),
        (0, 5, 10, 20.0, 3.0, 17.0),
        (0, 5, 10, 20.0, 90.0, 0.0),
        (4, 5, 10, 2.0, 0.0, 10.0),
        (0, 10, 10, 20.0, 0.0, 0.0),
    ],
)
def test_what_is_left_follows_from_the_pace(
    first: int, done: int, total: int, took: float, ago: float, left: float | None
) -> None:
    """A training that was resumed has the pace of this process."""
    part = Part("epoch", done, total, first, 100.0, 100.0 + took)
    assert part.left(100.0 + took + ago) == (None if left is None else pytest.approx(left))


def told(*steps: tuple[float, Step]) -> Trace:
    """A trace of steps that were told at these seconds after its beginning."""
    trace = Trace(Path("a.json"), 1000.0)
    for at, step in steps:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(traces.time, "time", lambda at=at: 1000.0 + at)
            trace(step)
    return trace


def begins(what: str, total: int, done: int = 0, level: int = 0) -> Step:
    return Step(what, done, total, {}, level, begins=True)


def part(what: str, done: int, total: int, level: int = 0) -> Step:
    return Step(what, done, total, {}, level)


TWO_EPOCHS = [(15, part("e", 1, 4)), (16, part("e", 2, 4)), (18, part("e", 4, 4))]
ONE = [(1, begins("a", 2)), (4, part("a", 1, 2)), (5, part("a", 2, 2))]
OTHER = [(6, begins("b", 3)), (10, part("b", 1, 3)), (12, part("b", 2, 3)), (14, part("b", 3, 3))]
AGAIN = [(5, begins("a", 3)), (6, part("a", 1, 3)), (7, part("a", 2, 3)), (8, part("a", 3, 3))]
NESTED = [begins("a", 2), begins("s", 9, level=1), part("s", 9, 9, level=1), part("a", 1, 2), part("a", 2, 2)]


@pytest.mark.parametrize(
    ("steps", "seconds", "expected"),
    [
        # loads for 5 s, the first of four epochs takes 9 s more than the others: it compiles; 1 s to write
        ([(5, begins("e", 4)), *TWO_EPOCHS], 19, (14, 4 + 1)),
        (TWO_EPOCHS, 19, (14, 4 + 1)),  # only ends of epochs are told
        ([(5, begins("e", 4, 2)), (15, part("e", 3, 4)), (16, part("e", 4, 4))], 16, (14, 4)),  # resumed
        ([*ONE, *OTHER], 14, (1 + 2 + 1 + 2, 2 + 6)),
        ([*ONE, *AGAIN], 8, (1 + 2, 5)),  # begun twice
        ([*enumerate(NESTED)], 4, (2, 2)),  # parts of parts are no steps of their own
        ([(2, begins("a", 1)), (5, part("a", 1, 1))], 6, (2, 3 + 1)),  # one part is all there is
        # nothing to go by
        ([], 6, None),
        ([(2, begins("a", 3))], 6, None),
        ([(2, begins("a", 3)), (3, part("a", 1, 3))], 6, None),
    ],
)
def test_what_grows_with_the_work_and_what_does_not(
    steps: list[tuple[float, Step]], seconds: float, expected: tuple[float, float] | None
) -> None:
    found = told(*steps).divided(seconds)
    assert found == (None if expected is None else pytest.approx(expected))
