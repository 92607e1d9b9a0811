"""The cache: whole or rebuilt, built once, sources in order, one line for what went wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from dgmbench.data.dataset import Dataset, Origin, SourceError
from dgmbench.data.download import store
from dgmbench.data.download.store import array_sha256, is_cached, stored
from dgmbench.data.download.transfer import keep
from dgmbench.errors import UserError

NUMBERS = np.arange(1000, dtype=np.int32).reshape(100, 10)
LABELS = np.arange(100, dtype=np.uint8)
FULL = Path("/dev/full")


@dataclass(frozen=True)
class Given:
    """A source that has what the test gives it."""

    label: str
    content: bytes = b""
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def obtain(self, folder: Path) -> dict[str, Path]:
        def get(file: IO[bytes]) -> None:
            file.write(self.content)

        self.asked.append(self.label)
        if self.error:
            raise self.error
        return {"numbers.bin": keep(folder, f"{self.label}.bin", None, get)}

    def probe(self) -> None:
        if self.error:
            raise self.error


def parse(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
    (path,) = files.values()
    return {"numbers": np.frombuffer(path.read_bytes(), np.int32).reshape(100, 10), "labels": LABELS}


SUMS = {"numbers": array_sha256(NUMBERS), "labels": array_sha256(LABELS)}


def dataset(*sources: Given, parse=parse) -> Dataset:
    origins = tuple(Origin(source, parse) for source in sources)
    return Dataset("numbers", "images", "a hundred rows", "nobody", origins, make=dict, sha256=SUMS)


GOOD = NUMBERS.tobytes()


def test_arrays_are_built_once_then_read(cache):
    source = Given("first", GOOD)
    data = dataset(source)
    assert not is_cached(data)
    manifest, found = stored(data)
    assert manifest["downloaded"] and manifest["source"] == "first"
    np.testing.assert_array_equal(found["numbers"], NUMBERS)
    assert is_cached(data)
    manifest, found = stored(data)
    assert not manifest["downloaded"]
    np.testing.assert_array_equal(found["labels"], LABELS)
    assert source.asked == ["first"]
    assert manifest["arrays"]["numbers"]["sha256"] == SUMS["numbers"]


def test_large_arrays_are_mapped_and_checked_on_request(cache, monkeypatch, caplog):
    monkeypatch.setattr(store, "CHECKED_WHOLE", 1000)
    data = dataset(Given("first", GOOD))
    assert isinstance(stored(data)[1]["numbers"], np.memmap)
    assert not isinstance(stored(data)[1]["labels"], np.memmap)
    path = cache / "datasets" / "numbers" / "numbers.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert not np.array_equal(stored(data)[1]["numbers"], NUMBERS)
    np.testing.assert_array_equal(stored(data, check=True)[1]["numbers"], NUMBERS)
    assert "wrong checksum" in caplog.text


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["numbers.npy", "labels.npy"])
@pytest.mark.parametrize(
    "damage",
    [
        _flip,
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.unlink(),
    ],
    ids=["flipped", "truncated", "empty", "longer", "missing"],
)
def test_a_damaged_cache_is_found_and_rebuilt(cache, caplog, name, damage):
    source = Given("first", GOOD)
    stored(dataset(source))
    path = cache / "datasets" / "numbers" / name
    damage(path)
    found = stored(dataset(source))[1]
    np.testing.assert_array_equal(found["numbers"], NUMBERS)
    np.testing.assert_array_equal(found["labels"], LABELS)
    assert len(source.asked) == 2
    assert f"{name} in the cache is damaged" in caplog.text


def test_whatever_bit_of_the_manifest_flips_the_arrays_are_right(cache):
    data = dataset(Given("first", GOOD))
    stored(data)
    path = cache / "datasets" / "numbers" / "manifest.json"
    sound = path.read_bytes()
    for position in range(0, len(sound), 3):
        path.write_bytes(sound[:position] + bytes([sound[position] ^ 1 << position % 7]) + sound[position + 1 :])
        found = stored(data)[1]
        np.testing.assert_array_equal(found["numbers"], NUMBERS)
        np.testing.assert_array_equal(found["labels"], LABELS)


def test_an_older_format_or_other_pins_are_rebuilt(cache, monkeypatch):
    source = Given("first", GOOD)
    stored(dataset(source))
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    stored(dataset(source))
    assert len(source.asked) == 2
    with pytest.raises(UserError, match=r"expected 0{64}"):
        stored(replace(dataset(source), sha256={"numbers": "0" * 64}))


def test_the_next_source_is_asked_and_the_detour_recorded(cache, caplog):
    first, second = Given("first", error=SourceError("HTTP 503")), Given("second", GOOD)
    manifest, _ = stored(dataset(first, second))
    assert manifest["source"] == "second"
    assert manifest["failed_before"] == ["first: HTTP 503"]
    assert "first failed: HTTP 503" in caplog.text


@pytest.mark.parametrize("content", [GOOD[:-4], GOOD[:-4] + b"0000", b""])
def test_damaged_data_is_removed_and_the_next_source_asked(cache, caplog, content):
    first, second = Given("first", content), Given("second", GOOD)
    manifest, _ = stored(dataset(first, second))
    assert manifest["source"] == "second"
    assert not (cache / "archives" / "first.bin").exists()
    assert "first failed: cannot be read" in caplog.text


def test_when_every_source_fails_one_line_says_each_reason(cache):
    first, second = Given("first", error=SourceError("HTTP 503")), Given("second", GOOD[:-4] + b"0000")
    with pytest.raises(UserError) as caught:
        stored(dataset(first, second))
    line = str(caught.value)
    assert line.startswith("numbers: no source gave it (first: HTTP 503; second: cannot be read: array numbers has")
    assert f"expected {SUMS['numbers']}" in line
    assert "DGMBENCH_CACHE" in line
    assert "\n" not in line
    assert not is_cached(dataset(first))


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here to stand for a full disk")
def test_a_full_disk_is_said(cache):
    def fill(file: IO[bytes]) -> None:
        with FULL.open("wb") as stream:
            stream.write(bytes(100_000))

    class Fills(Given):
        def obtain(self, folder: Path) -> dict[str, Path]:
            return {"numbers.bin": keep(folder, "numbers.bin", None, fill)}

    with pytest.raises(UserError, match=r"^numbers: no space left in the cache .*DGMBENCH_CACHE") as caught:
        stored(dataset(Fills("first"), Given("second", GOOD)))
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DGMBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"^numbers: cannot write to the cache .*Not a directory"):
        stored(dataset(Given("first", GOOD)))


def test_a_build_that_is_interrupted_leaves_nothing_half_done(cache):
    class Stop(BaseException):
        pass

    def interrupted(files: Mapping[str, Path]) -> dict[str, np.ndarray]:
        raise Stop

    source = Given("first", GOOD)
    with pytest.raises(Stop):
        stored(dataset(source, parse=interrupted))
    assert not is_cached(dataset(source))
    np.testing.assert_array_equal(stored(dataset(source))[1]["numbers"], NUMBERS)


TWO_PROCESSES = """
import sys, time
import numpy as np
from dgmbench.data.dataset import Dataset, Origin
from dgmbench.data.download.sources import Web, WebFile
from dgmbench.data.download.store import stored

def parse(files):
    return {"numbers": np.frombuffer(files["data.bin"].read_bytes(), np.int32)}

web = Web("page", (WebFile(sys.argv[1], None, 10_000_000),))
manifest, found = stored(Dataset("numbers", "images", "", "", (Origin(web, parse),), dict))
print(manifest["downloaded"], found["numbers"].sum())
"""


def test_processes_that_ask_at_once_fetch_once(cache, server):
    content = np.arange(1_000_000, dtype=np.int32)
    server.files["/data.bin"] = content.tobytes()
    command = [sys.executable, "-c", TWO_PROCESSES, f"{server.url}/data.bin"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0].split() for process in running]
    assert sorted(downloaded for downloaded, _ in said) == ["False", "False", "False", "True"]
    assert {total for _, total in said} == {str(content.sum())}
    assert server.asked["/data.bin"] == 1


def test_the_manifest_is_plain_json(cache):
    stored(dataset(Given("first", GOOD)))
    manifest = json.loads((cache / "datasets" / "numbers" / "manifest.json").read_text())
    assert manifest["format"] == store.FORMAT
    assert manifest["archives"]["numbers.bin"]["bytes"] == len(GOOD)
    assert manifest["arrays"]["numbers"]["shape"] == [100, 10]


def test_the_checksum_tells_type_shape_and_values_apart_but_not_layout():
    base = np.arange(6, dtype=np.int32).reshape(2, 3)
    same = [np.asfortranarray(base), base.astype(">i4"), base.copy()]
    other = [base.astype(np.int64), base.reshape(3, 2), base + 1, base.T]
    assert {array_sha256(array) for array in same} == {array_sha256(base)}
    assert array_sha256(base) not in {array_sha256(array) for array in other}
    assert array_sha256(np.empty((0, 4), np.uint8)) != array_sha256(np.empty((4, 0), np.uint8))
