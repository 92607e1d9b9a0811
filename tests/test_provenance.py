"""What counts as changed code, and files that are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dgmbench.run import provenance

from dgmbench.run import records
from dgmbench.errors import UserError
from dgmbench.run.provenance import source_hash


def hash_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> str:
    (tmp_path / "model_of_ones_own.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    source_hash.cache_clear()
    return source_hash("density", "training", "model_of_ones_own:Model")


def test_code_counts_and_words_about_it_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = hash_of(tmp_path, monkeypatch, "class Model:\n    k = 1\n")
    told = hash_of(tmp_path, monkeypatch, '# why\nclass Model:\n    """What."""\n\n    k   =  1  # one\n')
    changed = hash_of(tmp_path, monkeypatch, "class Model:\n    k = 2\n")
    assert plain == told != changed


def test_imports_of_this_package_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = hash_of(tmp_path, monkeypatch, "class Model: ...\n")
    more = "from dgmbench.models.text.bow import BagOfWords\nclass Model: ...\n"
    with_import = hash_of(tmp_path, monkeypatch, more)
    assert alone != with_import


def test_methods_do_not_share_their_fate() -> None:
    topics = "dgmbench.models.text"
    hashes = {source_hash("classification", "training", f"{topics}.{m}") for m in ("bow:BagOfWords", "lda:LDA")}
    assert len(hashes) == 2
    evaluation = {source_hash("classification", "evaluation", f"{topics}.{m}") for m in ("bow:B", "lda:L")}
    assert len(evaluation) == 1


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "record.json"
    records.write_json(path, {"value": np.float64(1)})
    with pytest.raises(ValueError):
        records.write_json(path, {"value": float("nan")})
    with pytest.raises(RuntimeError), records.atomic_write(path) as file:
        file.write("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"value": 1.0}
    assert [p.name for p in path.parent.iterdir()] == ["record.json"]


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
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


def test_the_host_is_described_without_its_name() -> None:
    import socket

    assert socket.gethostname() not in json.dumps(provenance.host()) or len(socket.gethostname()) < 3
    assert provenance.peak_memory_mb() > 1
