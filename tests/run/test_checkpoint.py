"""Checkpoints of a fit: whole or not there, of this fit alone, rare, and never code."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from dgmbench.errors import UserError
from dgmbench.run import checkpoint as module
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module.time, "perf_counter", clock)
    monkeypatch.setattr(module.time, "process_time", lambda: clock.now / 2)
    return clock


def saved(folder: Path, clock: Clock, fingerprint: str = "mine", **arrays: Any) -> Path:
    """The file of a checkpoint that was saved when it was due."""
    checkpoint = Checkpoint(folder, fingerprint)
    clock.now += module.CHECKPOINT_SECONDS
    checkpoint.save(**arrays)
    return folder / "fit.npz"


VALUES: dict[str, Any] = {
    "float64": np.array([[1.5, np.nan], [np.inf, -0.0]]),
    "float32, by columns": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "uint16": np.array([1, 65535], np.uint16),
    "switches": np.array([True, False]),
    "a number": 7,
    "a list": [0.1, 0.2],
    "nothing yet": [],
    "text": np.array(["café", ""]),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_is_saved_comes_back_to_the_bit(name: str, clock: Clock, tmp_path: Path) -> None:
    saved(tmp_path, clock, values=VALUES[name])
    (found,) = Checkpoint(tmp_path, "mine").load().values()
    expected = np.asarray(VALUES[name])
    assert found.dtype == expected.dtype and found.shape == expected.shape and found.flags.writeable
    assert found.tobytes("A") == expected.tobytes("A") and found.flags.c_contiguous == expected.flags.c_contiguous


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"NUMPY") + 200] ^= 1
    path.write_bytes(content)


def with_code(path: Path) -> None:
    facts = {module._FINGERPRINT: np.array("mine"), module._TIMES: np.array([1.0, 1.0])}
    np.savez(path, values=np.array([Path("/")], object), **facts)  # type: ignore[arg-type]


def without_facts(path: Path) -> None:
    np.savez(path, values=np.ones(3))


def of_something_else(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("letter.txt", "hello")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncated, altered, with_code, without_facts, of_something_else, empty])
def test_a_damaged_file_is_logged_and_the_fit_starts_afresh(
    damage: Callable[[Path], None], clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = saved(tmp_path, clock, values=np.arange(1000))
    damage(path)
    assert Checkpoint(tmp_path, "mine").load() == {}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "starting afresh" in record.message and str(path) in record.message
    saved(tmp_path, clock, values=np.arange(3))
    assert Checkpoint(tmp_path, "mine").load()["values"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("other", ["", "min", "mine ", "Mine", "mine, 2 threads"])
def test_the_state_of_another_fit_is_not_taken_up(
    other: str, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved(tmp_path, clock, values=1)
    with caplog.at_level(logging.INFO, logger="dgmbench"):
        assert Checkpoint(tmp_path, other).load() == {}
    assert "belongs to other settings" in caplog.text


def test_it_is_written_at_most_every_15_seconds_by_all_parts_together(clock: Clock, tmp_path: Path) -> None:
    whole = Checkpoint(tmp_path, "mine")
    parts = [whole, whole.part("first"), whole.part("second")]
    written = []
    for number in range(1, 61):
        clock.now = float(number)
        parts[number % 3].save(number=number)
        for part in parts:
            found = Checkpoint.load(part)
            if found and int(found["number"]) == number:
                written.append(number)
    assert written == [15, 30, 45, 60]


@pytest.mark.parametrize(("seconds", "wait"), [(0.01, 15), (0.1, 15), (0.15, 15), (1.0, 100), (3.0, 300)])
def test_writing_takes_a_hundredth_of_the_time_at_most(
    seconds: float, wait: float, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = []

    def slow(path: Path, **arrays: np.ndarray) -> None:
        clock.now += seconds
        times.append(clock.now)

    monkeypatch.setattr(module, "write_arrays", slow)
    checkpoint = Checkpoint(tmp_path, "mine")
    while len(times) < 3:
        checkpoint.save(values=0)
        clock.now += 0.01
    assert np.diff(times) == pytest.approx(wait + seconds, abs=0.05)


def test_the_seconds_of_all_processes_are_added(clock: Clock, tmp_path: Path) -> None:
    first = Checkpoint(tmp_path, "mine")
    clock.now = 20.0
    first.part("a").save(done=1)
    second = Checkpoint(tmp_path, "mine")  # the first was killed
    second.load()
    assert second.earlier_seconds == 0.0
    second.part("a").load()
    assert second.earlier_seconds == 20.0
    clock.now = 50.0
    second.save(done=2)
    third = Checkpoint(tmp_path, "mine")
    assert third.load()["done"] == 2 and third.earlier_seconds == 50.0
    assert third.earlier_cpu_seconds == pytest.approx(25.0)
    assert third.part("a").load()["done"] == 1 and third.earlier_seconds == 50.0


@pytest.mark.parametrize(
    "value", [sparse.csr_matrix(np.eye(2)), {"a": 1}, [np.ones(2), None], np.array([print]), Checkpoint()]
)
def test_what_is_no_plain_array_is_refused_in_one_line(value: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"checkpoint: counts is .*; give arrays of numbers or text") as raised:
        Checkpoint(tmp_path, "mine").save(done=1, counts=value)
    assert "\n" not in str(raised.value)


def test_what_cannot_be_written_does_not_end_the_fit(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    saved(tmp_path / "file", clock, values=1)
    assert "no checkpoint: cannot write" in caplog.text


def test_removing_leaves_what_is_beside_it(clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    saved(tmp_path / "fit", clock, values=1)
    Checkpoint(tmp_path / "fit", "mine").remove()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    Checkpoint(tmp_path / "fit", "mine").remove()


def test_without_a_folder_nothing_is_kept(clock: Clock) -> None:
    clock.now += 1000
    NOT_KEPT.save(values=1)
    assert NOT_KEPT.load() == NOT_KEPT.part("a").load() == {}
    NOT_KEPT.remove()
