"""Untrusted archives: only named regular files, only so large, and no code."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dgmbench.data.download.archives import BROKEN, open_member, read_members, unpack_gzip, unpickle_arrays

CONTENT = bytes(np.random.default_rng(0).integers(0, 256, 200_000, np.uint8))


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _tar(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def _deb(path: Path, members: dict[str, bytes]) -> Path:
    """A Debian package: an ar archive of its version, its control files and its data, each at an even address."""
    parts = {"debian-binary": b"2.0\n", "control.tar.gz": b"odd", "data.tar.gz": _tar(path, members).read_bytes()}
    content = b"!<arch>\n"
    for name, part in parts.items():
        content += (
            f"{name:16}{0:<12}{0:<6}{0:<6}{'100644':8}{len(part):<10}`\n".encode() + part + b"\n" * (len(part) % 2)
        )
    path.write_bytes(content)
    return path


def read_member(archive: Path, member: str, limit: int) -> bytes:
    return read_members(archive, [member], limit)[0]


@pytest.mark.parametrize("make", [_zip, _tar, _deb])
def test_members_come_in_the_order_in_which_they_are_asked_for(make, tmp_path):
    archive = make(tmp_path / "a", {"first": b"1", "second": b"2", "third": b"3"})
    assert read_members(archive, ["third", "first"], 1) == [b"3", b"1"]
    with open_member(archive, "second", 1) as stream:
        assert stream.read() == b"2"


def test_a_debian_package_without_data_is_refused(tmp_path):
    path = tmp_path / "a.deb"
    path.write_bytes(_deb(path, {"a": b"1"}).read_bytes()[:100])
    with pytest.raises(BROKEN):
        read_member(path, "a", 10)


@pytest.mark.parametrize("make", [_zip, _tar, _deb])
def test_a_member_is_read_by_its_exact_name(make, tmp_path):
    archive = make(tmp_path / "a", {"a/b.bin": CONTENT, "b.bin": b"another"})
    assert read_member(archive, "a/b.bin", len(CONTENT)) == CONTENT
    with pytest.raises(ValueError, match=r"holds no a/c\.bin"):
        read_member(archive, "a/c.bin", 10)


@pytest.mark.parametrize("make", [_zip, _tar])
def test_members_that_point_out_of_the_folder_write_nothing(make, tmp_path):
    inside = tmp_path / "x" / "y"
    inside.mkdir(parents=True)
    archive = make(inside / "a", {"../../evil": b"out", str(tmp_path / "evil"): b"out", "good": b"in"})
    assert read_member(archive, "good", 10) == b"in"
    assert read_member(archive, "../../evil", 10) == b"out"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "x", "y"]


def test_a_link_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    archive = _tar(tmp_path / "a", {"real": b"1"}, links={"data": str(secret), "inner": "real"})
    with pytest.raises(ValueError, match="not a regular file"):
        read_member(archive, "data", 100)
    with pytest.raises(ValueError, match="not a regular file"):
        read_member(archive, "inner", 100)


@pytest.mark.parametrize("make", [_zip, _tar])
def test_a_member_larger_than_expected_is_refused(make, tmp_path):
    archive = make(tmp_path / "bomb", {"zeros": bytes(5_000_000)})
    assert archive.stat().st_size < 20_000
    with pytest.raises(ValueError, match="unpacks to 5,000,000 bytes"):
        read_member(archive, "zeros", 1_000_000)


def test_gzip_is_unpacked_up_to_its_limit():
    packed = gzip.compress(CONTENT)
    assert unpack_gzip(packed, len(CONTENT)) == CONTENT
    with pytest.raises(ValueError, match="more than 199,999 bytes"):
        unpack_gzip(packed, len(CONTENT) - 1)


@pytest.mark.parametrize("make", [_zip, _tar])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_never_taken_for_whole(make, share, tmp_path):
    archive = make(tmp_path / "a", {"first": b"1", "data": CONTENT})
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    with pytest.raises(BROKEN):
        read_member(archive, "data", len(CONTENT))


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_come_back_from_a_pickle(protocol):
    content = {"a": [np.arange(6, dtype=np.int8).reshape(2, 3)], "b": (np.float64(0.5), "text", 3, None, True)}
    found = unpickle_arrays(pickle.dumps(content, protocol))
    np.testing.assert_array_equal(found["a"][0], content["a"][0])
    assert found["a"][0].dtype == np.int8
    assert found["b"] == content["b"]


class _Runs:
    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.system, eval, open, np.fromfile, np.load, getattr, __import__])
def test_a_pickle_that_calls_anything_else_is_refused(function, protocol, tmp_path):
    mark = tmp_path / "ran"
    argument = {os.system: f"touch {mark}", eval: f"open({str(mark)!r}, 'w')"}.get(function, str(mark))
    arguments = (argument, "w") if function is open else (argument,)
    poisoned = pickle.dumps([0, _Runs(function, *arguments)], protocol)
    with pytest.raises(pickle.UnpicklingError, match=rf"refused to load \S+\.{function.__name__}:"):
        unpickle_arrays(poisoned)
    assert not mark.exists()


def test_a_class_smuggled_into_an_array_of_objects_is_refused():
    with pytest.raises(pickle.UnpicklingError, match="getcwd"):
        unpickle_arrays(pickle.dumps(np.array([_Runs(os.getcwd)], dtype=object), 3))
