"""Files that are whole or not there."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from dgmbench import files
from dgmbench.errors import UserError
from dgmbench.report.formats import write_frame
from dgmbench.run import records
from dgmbench.training.checkpoint import write_state


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


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_takes_no_more_is_one_line(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UserError, match=os.strerror(code)) as caught:
        records.write_json(tmp_path / "new" / "x.json", {})
    line = str(caught.value)
    assert line.startswith(f"cannot write {tmp_path / 'new' / 'x.json'}: ") and "\n" not in line
    no_room = code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    assert bool(re.search(r"free some space \([\d,.]+ MB are left in ", line)) == no_room
    assert ("make it writable or choose another folder" in line) == (not no_room)
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize(
    ("closed", "named"), [("results", "results"), ("results/old.json", "results/old.json"), (".", "this folder")]
)
def test_what_is_not_writable_is_named(
    closed: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    Path("results/old.json").touch()
    monkeypatch.setattr(files.os, "access", lambda path, mode: path != Path(closed))  # root may write everywhere
    path = Path("results/old.json" if closed.endswith(".json") else "results/deeper/x.json")
    with pytest.raises(UserError) as caught, files.writing(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    advice = f"make {named} writable or choose another folder"
    assert str(caught.value) == f"cannot write {path}: Permission denied; {advice}"


def test_a_file_in_place_of_a_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    for path in (tmp_path / "results/x.json", tmp_path / "results/deeper/x.json", tmp_path / "results/a/b/c"):
        with pytest.raises(UserError, match=r"^cannot write .*") as caught:
            records.write_json(path, {})
        advice = (
            f"; {tmp_path / 'results'} is no folder, and one has to be there: move it away or choose another folder"
        )
        assert str(caught.value).endswith(advice)
    assert (tmp_path / "results").read_text() == ""


WRITTEN = {
    "model.pt": lambda path: write_state(path, {"weights": torch.zeros(3)}),
    "features.npz": lambda path: records.write_arrays(path, a=np.zeros(3)),
    "run.json": lambda path: records.write_json(path, {}),
    "table.md": lambda path: files.write_text(path, "x"),
    "table.csv": lambda path: write_frame(pd.DataFrame({"a": [1]}), path),
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("filled", [False, True])
def test_a_folder_in_place_of_a_file_is_one_line(name: str, filled: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    path.mkdir()
    if filled:
        (path / "kept").touch()
    with pytest.raises(UserError) as caught:
        WRITTEN[name](path)
    reason = "is a folder, and a file has to be there: move it away or remove it"
    assert str(caught.value) == f"cannot write {path}: Is a directory; {path} {reason}"
    assert [each.name for each in tmp_path.iterdir()] == [name]
    path.rename(tmp_path / "away")
    WRITTEN[name](path)
    assert path.is_file()


WRITERS = {
    "state": lambda path: write_state(path, {"weights": torch.zeros(500_000)}),
    "arrays": lambda path: records.write_arrays(path, a=np.zeros(300_000), b=np.ones(300_000)),
    "record": lambda path: records.write_json(path, {"a": ["x" * 100] * 30_000}),
    "text": lambda path: files.write_text(path, "x" * 2_000_000),
    "frame": lambda path: write_frame(pd.DataFrame({"a": np.random.default_rng(0).random(200_000)}), path),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_may_grow_no_further_is_one_line_and_can_be_written_later(writer: str, tmp_path: Path) -> None:
    """The system's own limit for files stands for a full disk: the writers fail in the middle."""
    path, (_, hard) = tmp_path / "product", resource.getrlimit(resource.RLIMIT_FSIZE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(UserError, match=r"product: .*; free some space") as caught:
            WRITERS[writer](path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
    WRITERS[writer](path)
    assert [file.name for file in tmp_path.iterdir()] == ["product"] and path.stat().st_size > 1_000_000


def test_the_same_arrays_are_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {
        "a": np.arange(6.0).reshape(2, 3).T,
        "b": np.array(["x", "yz"]),
        "c": np.zeros(0, np.int8),
        "d": np.array(1),
    }
    records.write_arrays(tmp_path / "one.npz", **arrays)
    monkeypatch.setattr("time.localtime", lambda *_: (2030, 1, 1, 0, 0, 0, 0, 1, 0))
    records.write_arrays(tmp_path / "two.npz", **arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    for name, found in records.read_arrays(tmp_path / "one.npz").items():
        np.testing.assert_array_equal(found, arrays[name], strict=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        records.write_arrays(tmp_path / "one.npz", objects=np.array([{}]))


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    script = f"""
import os
from pathlib import Path
from dgmbench.files import atomic_write
with atomic_write(Path({str(tmp_path)!r}) / "model.pt", "wb") as file:
    file.write(b"half")
    file.flush()
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == 9
    for name in ("kept.part", ".gitignore", "model.pt"):
        (tmp_path / name).touch()
    assert len(list(tmp_path.iterdir())) == 4
    files.remove_unfinished(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"kept.part", ".gitignore", "model.pt"}
    files.remove_unfinished(tmp_path / "none")


def test_records_of_another_version_and_broken_ones_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"format": 99}')
    with pytest.raises(UserError, match="another version"):
        records.read_json(path)
    path.write_text('{"format": 1, ')
    with pytest.raises(UserError, match="broken"):
        records.read_json(path)
