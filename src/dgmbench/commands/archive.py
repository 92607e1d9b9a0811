"""Results as one file, or as a folder with a manifest: written here, and read from anybody."""

from __future__ import annotations

import hashlib
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from dgmbench.data.download.archives import BROKEN, LARGEST_RATIO, LARGEST_SMALL
from dgmbench.data.formats.npy import npz_names, read_npz
from dgmbench.errors import UserError
from dgmbench.files import atomic_write
from dgmbench.run.products import problem_of
from dgmbench.run.records import FORMAT, read_json

MANIFEST = "MANIFEST.json"
_MOST_FILES, _LONGEST = 100_000, 200
_BLOCK = 1 << 20


def manifest_of(contents: Mapping[str, bytes], about: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says: size and checksum of every file."""
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(contents.items())
    }
    return {"format": FORMAT, **about, "files": files}


def write_archive(contents: Mapping[str, bytes], path: Path) -> None:
    """A zip file; the same contents are the same bytes.

    Raises:
        UserError: it cannot be written.
    """
    with atomic_write(path, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            info = zipfile.ZipInfo(name)  # without the time
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)


@contextmanager
def opened(place: Path, label: str = "", checked: bool = True) -> Iterator[Path]:
    """The folder of some results: itself, or a temporary one with the files of an archive.

    An archive is data from anybody: files alone are taken, no link, no absolute path, no ``..``, none that the manifest
    does not name, and never more than it says; arrays are never unpickled.

    Args:
        checked: whether files that are not as the manifest says are an error, see `findings_of_manifest`.

    Raises:
        UserError: it is no such archive, or not a safe one.
    """
    label = label or str(place)
    if place.is_dir():
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="dgmbench-") as folder:
        try:
            with zipfile.ZipFile(place) as archive:
                _unpack(archive, Path(folder), place.stat().st_size)
        except BROKEN as error:
            what = " ".join(str(error).split())[:200] or type(error).__name__
            raise UserError(f"{label} is no archive that dgmbench publish makes: {what}") from error
        try:
            for problem in findings_of_manifest(Path(folder)) if checked else ():
                raise UserError(f"{label}: {problem}; dgmbench verify tells all that does not agree")
            yield Path(folder)
        except UserError as error:  # speaks of the archive, not of the folder that is gone then
            raise UserError(str(error).replace(folder, label)) from error


def findings_of_manifest(folder: Path) -> Iterator[str]:
    """Which files are not as the manifest of a folder says; nothing where it has none.

    Raises:
        UserError: the manifest is broken.
    """
    if not (folder / MANIFEST).is_file():
        return
    files = _files_of(folder / MANIFEST)
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    there = {path.relative_to(folder).as_posix() for path in paths}
    yield from (f"{path.relative_to(folder).as_posix()} is a link" for path in paths if path.is_symlink())
    for name in sorted(files.keys() | (there - {MANIFEST})):
        if name not in files:
            yield f"{name} is not in the manifest"
        elif problem := problem_of(folder / name, files[name]):
            yield f"{name} is {problem}: its size or checksum is not that of the manifest"


def _files_of(manifest: Path) -> dict[str, dict[str, Any]]:
    files = read_json(manifest).get("files")
    if not isinstance(files, dict) or not all(
        isinstance(of, dict) and type(of.get("bytes")) is int and isinstance(of.get("sha256"), str)
        for of in files.values()
    ):
        raise UserError(f"{MANIFEST} is not of the form that dgmbench publish writes")
    try:
        for name in files:
            _require_safe(name)
    except ValueError as error:
        raise UserError(f"{MANIFEST}: {error}") from error
    return files


def _unpack(archive: zipfile.ZipFile, folder: Path, size: int) -> None:
    """Write the files of an archive into an empty folder.

    Raises:
        ValueError: it is not one that `write_archive` makes, or not a safe one.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    most = max(LARGEST_SMALL, LARGEST_RATIO * size)
    if len(infos) > _MOST_FILES or sum(info.file_size for info in infos) > most:
        raise ValueError(f"it unpacks to more than {_MOST_FILES:,} files or {most:,} bytes")
    names = [info.filename for info in infos]
    if len({name.casefold() for name in names}) < len(names):
        raise ValueError("a name stands in it twice")
    if MANIFEST not in names:
        raise ValueError(f"it has no {MANIFEST}")
    for info in infos:
        _require_safe(info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise ValueError(f"{info.filename} is a link, or no file")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{info.filename} is encrypted, or packed in another way")
        _write(archive, info, folder / info.filename)
    for path in folder.rglob("*.npz"):
        _require_arrays(path)


def _require_safe(name: str) -> None:
    """Raise a ValueError for a name that is no plain relative path below a folder, on any file system."""
    parts = PurePosixPath(name).parts
    plain = name == "/".join(parts) and not any(part.startswith("..") or len(part) > _LONGEST for part in parts)
    if not plain or not parts or name[0] == "/" or any(char in '\\:*?"<>|' or not char.isprintable() for char in name):
        raise ValueError(f"the name {name[:80]!r} in it is no plain path below a folder")


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as stream, path.open("xb") as file:
        left = info.file_size
        while block := stream.read(min(_BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                raise ValueError(f"{info.filename} is larger than it says")
            file.write(block)


def _require_arrays(path: Path) -> None:
    """Raise a ValueError for arrays that hold objects, or unpack to more than they should."""
    with zipfile.ZipFile(path) as inner:
        most = max(LARGEST_SMALL, LARGEST_RATIO * path.stat().st_size)
        if sum(info.file_size for info in inner.infolist()) > most:
            raise ValueError(f"{path.name} unpacks to more than {most:,} bytes")
    try:
        read_npz(path, npz_names(path))
    except UserError as error:
        raise ValueError(str(error).replace(str(path), path.name)) from error


def write_folder(contents: Mapping[str, bytes], folder: Path) -> None:
    """The same files in a folder.

    Raises:
        UserError: it cannot be written.
    """
    for name, content in contents.items():
        with atomic_write(folder / name, "wb") as file:
            file.write(content)
