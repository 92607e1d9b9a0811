"""What jobs took, in the cache: kept in order, of limited size, and nothing that can stop a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgmbench.run import timings


@pytest.mark.parametrize("kept", [[], [1.5], [1.0, 2.0, 3.0]])
def test_the_last_one_is_last(kept: list[float]) -> None:
    for seconds in kept:
        timings.note("train.a.b.c", {"seconds": seconds})
    timings.note("train.a.b.d", {"seconds": 9.0})
    assert [line["seconds"] for line in timings.noted("train.a.b.c")] == kept


@pytest.mark.parametrize("broken", ["", "{", "[1]", "null", "\x00\x00"])
def test_broken_lines_are_left_out(broken: str) -> None:
    timings.note("a", {"seconds": 1.0})
    with timings._path("a").open("a") as file:
        file.write(broken + "\n")
    timings.note("a", {"seconds": 2.0})
    assert [line["seconds"] for line in timings.noted("a")] == [1.0, 2.0]


def test_a_file_that_grows_is_made_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timings, "_LARGEST", 2000)
    monkeypatch.setattr(timings, "KEPT", 10)
    for number in range(300):
        timings.note("a", {"seconds": number})
    assert [line["seconds"] for line in timings.noted("a")] == list(range(290, 300))
    assert timings._path("a").stat().st_size <= 2020


def test_a_cache_that_cannot_be_written_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(timings, "cache_folder", lambda: tmp_path / "file")
    timings.note("a", {"seconds": 1.0})
    assert timings.noted("a") == []
