"""Files that are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dgmbench import files
from dgmbench.errors import UserError
from dgmbench.run import records


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "record.json"
    records.write_json(path, {"value": np.float64(1), "list": np.arange(2)})
    with pytest.raises(ValueError):
        records.write_json(path, {"value": float("nan")})
    with pytest.raises(RuntimeError), files.atomic_write(path) as file:
        file.write("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"value": 1.0, "list": [0, 1]}
    assert [p.name for p in path.parent.iterdir()] == ["record.json"]


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device; free some space"):
        records.write_json(tmp_path / "x.json", {})
    assert not list(tmp_path.iterdir())


def test_records_of_another_version_and_broken_ones_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"format": 99}')
    with pytest.raises(UserError, match="another version"):
        records.read_json(path)
    path.write_text('{"format": 1, ')
    with pytest.raises(UserError, match="broken"):
        records.read_json(path)
