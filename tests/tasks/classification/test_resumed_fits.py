"""A training whose process dies goes on where its method saved its state, and leaves the same file of features."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.run import checkpoint
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.config import read_plan
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks
from dgmbench.tasks.classification.task import CLASSIFICATION

pytestmark = pytest.mark.usefixtures("few_vectors", "every_pass_is_kept")


class CountingWords:
    """A user-defined method with a state: word counts, document by document."""

    def __init__(self, checkpoint: Checkpoint = NOT_KEPT) -> None:
        self.checkpoint = checkpoint

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> CountingWords:
        saved = self.checkpoint.load()
        self.counts_ = saved["counts"] if saved else np.zeros(corpus.n_words)
        for d in range(int(saved["done"]) if saved else 0, len(corpus)):
            np.add.at(self.counts_, corpus.document(d), 1)
            time.sleep(0.002)  # records keep milliseconds
            self.checkpoint.save(counts=self.counts_, done=d + 1)
        return self

    def transform(self, corpus: Corpus) -> np.ndarray:
        return corpus.counts.toarray() / self.counts_


METHODS: dict[str, dict[str, Any]] = {
    "lda": {"n_topics": 2, "n_sweeps": 5},
    "slda": {"n_topics": 2, "n_iterations": 2},
    "lftm": {"n_topics": 2, "initial_sweeps": 3, "n_sweeps": 3},
    "doc2vec": {"dim": 8, "epochs": 4},
    "twe": {"n_topics": 2, "dim": 8, "epochs": 4},
    "gaussian-lda": {"n_topics": 2, "n_sweeps": 4},
    "topicvec": {"n_topics_per_class": 2, "iterations": 10},
    f"{__name__}:CountingWords": {},
}


class DeathError(Exception):
    """Stands for the death of the process."""


@pytest.fixture
def every_pass_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SHARE", float("inf"))
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def die_after(saves: int, patch: pytest.MonkeyPatch) -> None:
    """The process ends as soon as so many checkpoints are there."""
    write, left = checkpoint.write_arrays, [saves]

    def deadly(path: Path, **arrays: np.ndarray) -> None:
        write(path, **arrays)
        left[0] -= 1
        if not left[0]:
            raise DeathError

    patch.setattr(checkpoint, "write_arrays", deadly)


Starting = Callable[..., RunSpec]


@pytest.fixture
def starting(texts: Callable[..., Any], run_on: Callable[..., Any]) -> Starting:
    return lambda method: run_on(texts(20), texts(6, seed=1), method, METHODS[method])


@pytest.mark.parametrize("method", METHODS)
def test_the_features_are_the_same_to_the_byte(
    method: str, starting: Starting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, undisturbed, killed = starting(method), Workspace(tmp_path / "undisturbed"), Workspace(tmp_path / "killed")
    record = train(CLASSIFICATION, run, undisturbed)
    assert record["resumed_after_seconds"] == 0
    for saves in (1, 1):  # killed twice
        with pytest.MonkeyPatch.context() as patch, pytest.raises(DeathError):
            die_after(saves, patch)
            train(CLASSIFICATION, run, killed)
    assert list((killed.state(run) / "fit").glob("*.npz"))
    with caplog.at_level(logging.INFO, logger="dgmbench"):
        record = train(CLASSIFICATION, run, killed)
    assert "going on after" in caplog.text
    assert 0 < record["resumed_after_seconds"] < record["fit_seconds"] < record["seconds"]
    assert 0 < record["resumed_after_cpu_seconds"] < record["cpu_seconds"]
    features = [(workspace.trained(run) / "features.npz").read_bytes() for workspace in (undisturbed, killed)]
    assert features[0] == features[1]
    assert [path.name for path in killed.state(run).iterdir()] == ["lock"]  # nothing is left behind


@pytest.mark.parametrize("method", ["lda", "slda", f"{__name__}:CountingWords"])
def test_another_number_of_threads_starts_afresh(
    method: str, starting: Starting, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    run = starting(method)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(DeathError):
        die_after(2, patch)
        train(CLASSIFICATION, run, workspace, threads=1)
    with caplog.at_level(logging.INFO, logger="dgmbench"):
        record = train(CLASSIFICATION, run, workspace, threads=4)
    assert "belongs to other settings, data, code or threads" in caplog.text
    assert record["resumed_after_seconds"] == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and nothing", b"\x80\x04K\x01."])
def test_a_damaged_checkpoint_costs_the_time_and_no_more(
    content: bytes, starting: Starting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, undisturbed, damaged = starting("slda"), Workspace(tmp_path / "undisturbed"), Workspace(tmp_path / "damaged")
    train(CLASSIFICATION, run, undisturbed)
    (damaged.state(run) / "fit").mkdir(parents=True)
    for name in ("lda.npz", "fit.npz"):
        (damaged.state(run) / "fit" / name).write_bytes(content)
    train(CLASSIFICATION, run, damaged)
    assert caplog.text.count("does not load") == 2
    features = [(workspace.trained(run) / "features.npz").read_bytes() for workspace in (undisturbed, damaged)]
    assert features[0] == features[1]


def test_no_configuration_gives_a_checkpoint() -> None:
    config = {"classification": {"corpora": ["reuters"], "methods": {"lda": {"options": {"checkpoint": "here"}}}}}
    with pytest.raises(UserError, match=r"lda.*checkpoint: classification gives this to the class"):
        read_plan(config, all_tasks())
