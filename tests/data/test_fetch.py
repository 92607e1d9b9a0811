"""The fetch stage: what it reports, and probing without downloading."""

from __future__ import annotations

import numpy as np
import pytest

from dgmbench.commands import fetch as stage
from dgmbench.data import catalogue
from dgmbench.data.dataset import Dataset, Origin
from dgmbench.data.download.sources import Web, WebFile
from dgmbench.errors import UserError


@pytest.fixture
def one_dataset(server, cache, monkeypatch):
    def parse(files):
        return {"numbers": np.frombuffer(files["data.bin"].read_bytes(), np.uint8)}

    server.files["/data.bin"] = bytes(range(200))
    gone = Web("gone", (WebFile(f"{server.url}/gone.bin", None, 1000),))
    page = Web("page", (WebFile(f"{server.url}/data.bin", None, 1000),))
    data = Dataset("numbers", "images", "", "", (Origin(gone, parse), Origin(page, parse)), make=dict)
    monkeypatch.setattr(catalogue, "CATALOGUE", {"numbers": data})
    monkeypatch.setattr(stage, "CATALOGUE", {"numbers": data})
    return server


def test_fetching_reports_what_was_done(one_dataset, cache):
    report = stage.fetch("numbers")
    assert report["downloaded"]
    assert report["source"] == "page"
    assert report["failed_before"] == ["gone: HTTP 404"]
    assert report["bytes"] == 200
    assert report["folder"] == str(cache / "datasets" / "numbers")
    assert not stage.fetch("numbers")["downloaded"]


def test_probing_asks_every_source_and_downloads_nothing(one_dataset):
    assert stage.probe_sources() == {"numbers": {"gone": "HTTP 404", "page": ""}}
    assert not one_dataset.asked


def test_an_unknown_name_is_said(one_dataset):
    with pytest.raises(UserError, match="unknown dataset 'number'; did you mean 'numbers'"):
        stage.fetch("number")


def test_a_user_defined_dataset_is_loaded_and_checked(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,label\n" + "a cat,x\na dog,y\n" * 5)
    report = stage.fetch(f"file:{path}")
    assert report["source"] == f"file:{path}"
    assert len(report["arrays"]["train_words"]["sha256"]) == 64
    path.unlink()
    with pytest.raises(UserError, match="no file or folder"):
        stage.fetch(f"file:{path}")
