"""What ``dgmbench doctor`` says about the places that are written."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from dgmbench.commands.places import Finding, can_be_written, examined
from dgmbench.fast import places as compiled


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with every place below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DGMBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    (tmp_path / "blocked").write_text("in the way")
    return tmp_path


def found() -> dict[str, Finding]:
    return {finding.about: finding for finding in examined()}


def test_places_that_can_be_written_are_named_and_not_made(here):
    findings = found()
    assert list(findings) == ["cache", "results", "MLflow", "compiled code", "matplotlib", "temporary"]
    assert all(finding.good for finding in findings.values())
    assert findings["cache"].text == f"{here}/cache, 0 MB"
    assert findings["compiled code"].text == f"{here}/numba"
    assert {path.name for path in here.iterdir()} == {"blocked", "numba"}


@pytest.mark.parametrize(
    ("variable", "about", "needed", "advice"),
    [
        ("DGMBENCH_CACHE", "cache", True, "set DGMBENCH_CACHE"),
        ("MPLCONFIGDIR", "matplotlib", False, "MPLCONFIGDIR names"),
    ],
)
def test_a_place_that_cannot_be_written_is_said(variable, about, needed, advice, here, monkeypatch):
    monkeypatch.setenv(variable, str(here / "blocked" / "below"))
    finding = found()[about]
    assert not finding.good
    assert finding.needed == needed
    assert "blocked/below" in finding.text
    assert "cannot be written" in finding.text
    assert advice in finding.text


def test_results_that_cannot_be_written_are_missing(here):
    (here / "results").write_text("in the way")
    findings = found()
    assert (findings["results"].good, findings["results"].needed) == (False, True)
    assert (findings["MLflow"].good, findings["MLflow"].needed) == (False, False)


def test_no_place_for_compiled_code_is_missing(here, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setenv("DGMBENCH_CACHE", str(here / "blocked"))
    monkeypatch.setattr(compiled, "_BESIDE", here / "blocked" / "__pycache__")
    monkeypatch.setattr(compiled, "_temporary", lambda: None)
    finding = found()["compiled code"]
    assert (finding.good, finding.needed) == (False, True)
    assert "set NUMBA_CACHE_DIR or DGMBENCH_CACHE" in finding.text


def test_no_folder_for_temporary_files_is_missing(here, monkeypatch):
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert found()["temporary"] == Finding(
        "temporary", "No usable temporary directory found; set TMPDIR to a folder that exists", False, True
    )


@pytest.mark.parametrize("state", ["sound", "locked", "no database", "damaged", "a folder"])
def test_mlflows_database_is_tried(state, here):
    database = here / "results" / "mlflow.db"
    database.parent.mkdir()
    if state == "a folder":
        database.mkdir()
    elif state == "no database":
        database.write_text("something else, long enough to have a header of a hundred bytes" * 9)
    else:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute("create table runs (name text)")
        connection.execute("create index names on runs (name)")
        connection.executemany("insert into runs values (?)", [(str(i) * 99,) for i in range(500)])
        if state == "locked":
            connection.execute("begin exclusive")
    if state == "damaged":
        connection.close()
        content = bytearray(database.read_bytes())
        content[9000:40000] = os.urandom(31000)
        database.write_bytes(content)
    finding = found()["MLflow"]
    assert finding.good == (state == "sound")
    assert not finding.needed
    assert "mlflow.db" in finding.text
    assert "\n" not in finding.text


@pytest.mark.parametrize("folder", ["blocked", "blocked/below", "/proc/nowhere", "/proc", "/dev/null"])
def test_what_is_no_folder_cannot_be_written(folder, here):
    assert not can_be_written(here / folder)


def test_a_folder_below_one_that_can_be_written_can_be_made(here):
    assert can_be_written(here / "a" / "b" / "c")
    assert not (here / "a").exists()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("http://box:5000", "http://box:5000, as MLFLOW_TRACKING_URI says"),
        ("https://me:secret@box/ml", "https://box/ml, as MLFLOW_TRACKING_URI says"),
        (" http://box ", "http://box, as MLFLOW_TRACKING_URI says"),
        ("", "{here}/results/mlflow.db: made by the first run"),
        ("  ", "{here}/results/mlflow.db: made by the first run"),
    ],
)
def test_a_server_that_takes_the_runs_is_named(variable, text, here, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    assert found()["MLflow"] == Finding("MLflow", text.format(here=here))
