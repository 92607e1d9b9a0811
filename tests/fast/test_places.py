"""Where compiled code is kept when a folder cannot be written. A file in the way stands for it: root may write all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dgmbench.errors import UserError
from dgmbench.fast import places
from dgmbench.fast.places import VARIABLE, is_writable, keep_compiled_code


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A package folder and a cache that cannot be written, and a folder for temporary files that can."""
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(places, "_BESIDE", blocked / "__pycache__")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("DGMBENCH_CACHE", str(blocked / "cache"))
    monkeypatch.setenv(VARIABLE, "")
    if "numba" in sys.modules:
        monkeypatch.setattr("numba.config.CACHE_DIR", "")
    return tmp_path


def test_the_modules_folder_is_left_to_numba(elsewhere, monkeypatch, caplog):
    monkeypatch.setattr(places, "_BESIDE", elsewhere / "package" / "__pycache__")
    assert keep_compiled_code() == elsewhere / "package" / "__pycache__"
    assert os.environ[VARIABLE] == ""
    assert not caplog.text


def test_the_cache_comes_next(elsewhere, monkeypatch, caplog):
    import numba

    monkeypatch.setenv("DGMBENCH_CACHE", str(elsewhere / "cache"))
    assert keep_compiled_code() == elsewhere / "cache" / "numba"
    assert os.environ[VARIABLE] == numba.config.CACHE_DIR == str(elsewhere / "cache" / "numba")
    assert "cannot be written: compiled code is kept in" in caplog.text
    caplog.clear()
    keep_compiled_code()  # as in a process that this one starts
    assert not caplog.text


def test_then_a_private_folder_among_the_temporary_files(elsewhere):
    found = keep_compiled_code()
    assert found.parent == elsewhere / "temporary"
    assert found.stat().st_mode & 0o777 == 0o700


def test_a_chosen_folder_is_taken_and_made(elsewhere, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(elsewhere / "mine" / "numba"))
    assert keep_compiled_code() == elsewhere / "mine" / "numba"


def test_a_chosen_folder_that_is_a_file_is_said(elsewhere, monkeypatch, caplog):
    monkeypatch.setenv(VARIABLE, str(elsewhere / "blocked"))
    assert keep_compiled_code().parent == elsewhere / "temporary"
    assert f"{VARIABLE}={elsewhere / 'blocked'} cannot be written" in caplog.text


@pytest.mark.parametrize("kind", ["open to others", "a link", "a file"])
def test_a_temporary_folder_that_others_could_fill_is_not_trusted(kind, elsewhere):
    place = elsewhere / "temporary" / f"dgmbench-numba-{os.getuid()}"
    if kind == "open to others":
        place.mkdir(mode=0o700)
        place.chmod(0o777)
    elif kind == "a link":
        (elsewhere / "theirs").mkdir(mode=0o700)
        place.symlink_to(elsewhere / "theirs")
    else:
        place.write_text("")
    with pytest.raises(UserError, match="no place for compiled code") as caught:
        keep_compiled_code()
    assert "\n" not in str(caught.value)
    assert VARIABLE in str(caught.value)


@pytest.mark.parametrize("folder", ["blocked", "blocked/below", "/proc/nowhere", "/dev/null"])
def test_what_is_no_folder_cannot_be_written(folder, elsewhere):
    assert not is_writable(elsewhere / folder)


def test_versions_that_are_saved_at_once_keep_their_own_code(tmp_path, monkeypatch):
    from numba.core.caching import IndexDataCacheFile

    real = IndexDataCacheFile._load_index

    def slow(self):
        found = real(self)
        time.sleep(0.1)  # long enough for another to read the same
        return found

    def index() -> IndexDataCacheFile:
        return IndexDataCacheFile(cache_path=str(tmp_path), filename_base="f", source_stamp="s")

    versions = [f"version {i}" for i in range(4)]
    with monkeypatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setattr(IndexDataCacheFile, "_load_index", slow)
        list(pool.map(lambda version: index().save(version, {"code": version}), versions))
    assert [index().load(version) for version in versions] == [{"code": version} for version in versions]


def test_code_that_cannot_be_saved_is_said_and_nothing_ends(tmp_path, caplog):
    from numba.core.caching import IndexDataCacheFile

    folder = tmp_path / "cache"
    folder.mkdir()
    index = IndexDataCacheFile(cache_path=str(folder), filename_base="f", source_stamp="s")
    folder.rmdir()
    folder.write_text("in the way")
    index.save("version", {})
    assert "compiled code is not kept in" in caplog.text


COMPILES = """
import sys
import numpy as np
from dgmbench.fast.special import digamma
print(float(digamma(np.float64(float(sys.argv[1])))))
"""


def test_processes_that_compile_into_one_cache_at_once(tmp_path, monkeypatch):
    cache = tmp_path / "numba"
    environment = {**os.environ, VARIABLE: str(cache)}
    command = [sys.executable, "-c", COMPILES, "2.5"]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=100)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0]
    (value,) = said
    assert float(value) == pytest.approx(0.7031566406452432, abs=1e-6)
    assert list(cache.rglob("*.nbc"))
    assert not [path for path in cache.rglob("*") if path.name.startswith("tmp")]
