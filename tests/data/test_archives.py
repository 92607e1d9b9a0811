"""Untrusted archives: only named regular files, only so large, and no code."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dgmbench.data.download.archives import BROKEN, open_member, read_members, unpack_gzip

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


def _doubled(path: Path, make) -> Path:
    """Two members of one name."""
    if make is _zip:
        with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("data", b"1")
            archive.writestr("data", b"2")
    else:
        with tarfile.open(path, "w:gz") as archive:
            for content in (b"1", b"2"):
                info = tarfile.TarInfo("data")
                info.size = 1
                archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("make", [_zip, _tar])
def test_a_name_that_stands_twice_is_refused(make, tmp_path):
    with pytest.raises(ValueError, match="the archive holds 2 files data"):
        read_member(_doubled(tmp_path / "a", make), "data", 10)


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_what_is_no_regular_file_is_refused(kind, tmp_path):
    with tarfile.open(tmp_path / "a", "w") as archive:
        info = tarfile.TarInfo("data")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ValueError, match="not a regular file"):
        read_member(tmp_path / "a", "data", 10)


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar member's header, whose size the content need not have."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(compress, tmp_path, monkeypatch):
    monkeypatch.setattr("dgmbench.data.download.archives.LARGEST_SMALL", 1_000_000)
    for content in (
        _header("first", 4_000_000) + bytes(4_000_000) + _header("data", 0),
        _header("name", 4_000_000, tarfile.GNUTYPE_LONGNAME) + bytes(4_000_000) + _header("data", 0),
        _header("more", 4_000_000, tarfile.XHDTYPE) + bytes(4_000_000) + _header("data", 0),
        _header("first", 1 << 62) + _header("data", 0),
    ):
        (tmp_path / "bomb").write_bytes(compress(content))
        assert (tmp_path / "bomb").stat().st_size < 20_000
        with pytest.raises(ValueError, match=r"^the archive unpacks to more than 1,000,000 bytes$"):
            read_member(tmp_path / "bomb", "data", 10)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_every_compression_of_a_tar_archive_is_read(compress, tmp_path):
    (tmp_path / "a").write_bytes(compress(_header("data", 3) + b"abc" + bytes(509)))
    assert read_member(tmp_path / "a", "data", 3) == b"abc"


def test_a_member_of_negative_size_ends_the_search(tmp_path):
    # its size, negative in the base-256 form, leads back to its own header
    header = bytearray(_header("data", 0))
    header[124:136] = b"\xff" + (-512).to_bytes(11, "big", signed=True)
    header[148:156] = b"%06o\0 " % (256 + sum(header[:148]) + sum(header[156:512]))
    (tmp_path / "a").write_bytes(bytes(header) + bytes(1024))
    with pytest.raises(BROKEN):
        read_member(tmp_path / "a", "data", 10)


@pytest.mark.parametrize("size", [b"-60", b"-1", b"abc", b"1e5", b""])
def test_a_debian_package_with_a_size_that_is_no_number_is_refused(size, tmp_path):
    header = b"control.tar".ljust(48) + size.ljust(10) + b"`\n"
    (tmp_path / "a.deb").write_bytes(b"!<arch>\n" + header * 3)
    with pytest.raises(ValueError, match="damaged Debian package"):
        read_member(tmp_path / "a.deb", "data", 10)


def test_an_encrypted_member_is_refused(tmp_path):
    content = bytearray(_zip(tmp_path / "a", {"data": b"secret"}).read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        position = content.index(signature) + flags
        content[position : position + 2] = struct.pack("<H", 1)
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(BROKEN, match="encrypted"):
        read_member(tmp_path / "a", "data", 10)


@pytest.mark.parametrize("behind", [b"x", b"garbage" * 100, b"\x1f\x8b", gzip.compress(b"more")[:-1]])
def test_a_gzipped_file_with_garbage_behind_is_refused(behind):
    with pytest.raises(BROKEN):
        unpack_gzip(gzip.compress(CONTENT) + behind, len(CONTENT) * 2)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\3\4" * 50, b"\x1f\x8b" * 9, b"not an archive at all", bytes(5000)]
)
def test_what_is_no_archive_is_refused(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(BROKEN):
        read_member(tmp_path / "a", "data", 10)
