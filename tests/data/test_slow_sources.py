"""Servers and clients that take for ever: given up after a while, said in the log, and the next source is asked."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from dgmbench.data.dataset import Dataset, Origin, SourceError
from dgmbench.data.download import clients, sources, transfer
from dgmbench.data.download.clients import run_client
from dgmbench.data.download.sources import Debian, Npm, PyPI, Web, WebFile
from dgmbench.data.download.store import stored
from dgmbench.data.download.transfer import answer_within

FILE = bytes(range(256)) * 100


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setattr(transfer, "PATIENCE", 1.0)
    monkeypatch.setattr(sources, "PATIENCE", 0.2)
    monkeypatch.setattr(sources, "PROBE_PATIENCE", 0.2)
    monkeypatch.setattr(clients, "START", 0.3)
    monkeypatch.setattr(clients, "SAID_EVERY", 0.1)


def web(server, name: str = "data.bin") -> Web:
    return Web(f"a page with {name}", (WebFile(f"{server.url}/{name}", None, 1_000_000),))


@pytest.mark.parametrize(
    ("part", "complaint"), [("answer", "no answer in 1 s"), ("content", r"only \d+ bytes in the last 1 s")]
)
def test_a_server_that_sends_byte_by_byte_is_given_up(part, complaint, server, tmp_path):
    server.files["/data.bin"] = FILE
    server.slow["/data.bin"] = (part, 0.02)
    with pytest.raises(SourceError, match=complaint):
        web(server).obtain(tmp_path)
    assert server.asked["/data.bin"] == 1
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_a_probe_that_is_answered_byte_by_byte_is_given_up(server):
    server.slow["/data.bin"] = ("answer", 0.02)
    with pytest.raises(SourceError, match="no answer in"):
        web(server).probe()


def test_a_download_has_a_limit_in_all(server, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "SLOWEST", 1)
    monkeypatch.setattr(transfer, "PATIENCE", 20.0)
    monkeypatch.setattr(transfer, "LONGEST", 0.5)
    server.files["/data.bin"] = FILE
    server.slow["/data.bin"] = ("content", 0.01)
    with pytest.raises(SourceError, match=r"not whole after \d s, \d+ bytes"):
        web(server).obtain(tmp_path)


def test_a_slow_download_that_goes_on_is_waited_for_and_logged(server, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(transfer, "SLOWEST", 1)
    server.files["/data.bin"] = FILE[:60]
    server.slow["/data.bin"] = ("content", 0.025)
    with caplog.at_level(logging.INFO, "dgmbench"):
        assert web(server).obtain(tmp_path)["data.bin"].read_bytes() == FILE[:60]
    assert "bytes after 1 s" in caplog.text


def test_the_next_source_is_asked_and_the_log_says_why(server, cache, caplog):
    server.files |= {"/slow.bin": FILE, "/good.bin": FILE}
    server.slow["/slow.bin"] = ("content", 0.02)

    def parse(files):
        (path,) = files.values()
        return {"numbers": np.frombuffer(path.read_bytes(), np.uint8)}

    origins = tuple(Origin(web(server, name), parse) for name in ("slow.bin", "good.bin"))
    manifest, found = stored(Dataset("numbers", "images", "", "", origins, dict))
    assert found["numbers"].tobytes() == FILE
    assert manifest["source"] == "a page with good.bin"
    assert "a page with slow.bin failed: only " in caplog.text


def test_a_package_index_that_hangs_is_given_up(server, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    server.slow["/simple/some-data/"] = ("answer", 0.02)
    package = PyPI("some-data", "1.0", "some-data-1.0.tar.gz", "0" * 64, limit=1000)
    for ask in (package.probe, lambda: package.obtain(tmp_path)):
        with pytest.raises(SourceError, match="no answer in"):
            ask()


def test_an_npm_registry_that_hangs_is_given_up_without_npm(server, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setenv("npm_config_registry", server.url)
    server.slow["/some-data"] = ("answer", 0.02)
    with pytest.raises(SourceError, match="no answer in"):
        Npm("some-data", "1.0.0", "some-data-1.0.0.tgz", "0" * 64, limit=1000).obtain(tmp_path)


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """A registry's client that does what the script says."""
    path = tmp_path / "bin" / name
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_an_npm_that_hangs_is_ended_with_what_it_started(tmp_path, monkeypatch, caplog):
    program(tmp_path, monkeypatch, "npm", f"sleep 60 & echo $! > {tmp_path}/child; wait")
    package = Npm("some-data", "1.0.0", "some-data-1.0.0.tgz", "0" * 64, limit=1000)
    with caplog.at_level(logging.INFO, "dgmbench"), pytest.raises(SourceError, match="npm view gave no answer in 0 s"):
        package.obtain(tmp_path / "archives")
    assert "npm view: still at work after 0 s" in caplog.text
    child = int((tmp_path / "child").read_text())
    for _ in range(200):  # a signal takes effect when the process is scheduled
        if not runs(child):
            break
        time.sleep(0.05)
    assert not runs(child)


def test_an_npm_that_answers_and_then_hangs_is_ended(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, "npm", 'test "$1" = view && echo http://nowhere || exec sleep 60')
    with pytest.raises(SourceError, match="npm pack gave no answer in 0 s"):
        Npm("some-data", "1.0.0", "some-data-1.0.0.tgz", "0" * 64, limit=1000).obtain(tmp_path / "archives")


def test_an_apt_that_hangs_is_ended(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, "apt-get", "exec sleep 60")
    with pytest.raises(SourceError, match="apt-get download gave no answer in 0 s"):
        Debian("some-data", "1.0-1", "some-data_1.0-1.deb", "0" * 64, limit=1000).obtain(tmp_path / "archives")


def test_a_client_that_cannot_be_started_or_prints_no_text(tmp_path, monkeypatch):
    path = tmp_path / "client"
    path.write_text("no program")
    with pytest.raises(SourceError, match="client now: Permission denied"):
        run_client((str(path), "now"), 1)
    program(tmp_path, monkeypatch, "other", r"printf '\377'")
    assert run_client(("other",), 5) == "\ufffd"


def test_an_answer_in_time_is_given_on_and_so_is_an_error():
    assert answer_within(5, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        answer_within(5, lambda: 1 // 0)
    began = time.monotonic()
    with pytest.raises(SourceError, match="no answer"):
        answer_within(0.1, lambda: time.sleep(2))
    assert time.monotonic() - began < 1.5
