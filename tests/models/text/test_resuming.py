"""A fit that was killed goes on from its checkpoint to the same bits, whatever the method and wherever it was."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from dgmbench.models.text import LDA, Doc2Vec, TopicVec
from dgmbench.run import checkpoint, progress
from dgmbench.run.checkpoint import Checkpoint
from dgmbench.run.progress import passes
from tests.models.text.test_contract import DETERMINISTIC, FRESH, METHODS, TRAIN, WORDS, K

ONE_PASS = ("bayes-pa",)  # sees each document once, within seconds: a fit that was killed begins anew
RESUMABLE: dict[str, Callable[..., Any]] = {
    **{name: method for name, method in METHODS.items() if name not in DETERMINISTIC + ONE_PASS},
    "lda-sparse": lambda **options: LDA(400, n_sweeps=6, **options),
    "lda-alpha": lambda **options: LDA(K, n_sweeps=75, optimise_alpha=True, **options),
    "lda-warp-threads": lambda **options: LDA(K, n_sweeps=5, proposals=2, threads=4, **options),
    "doc2vec-dbow": lambda **options: Doc2Vec(dim=6, epochs=3, variant="dbow", **options),
    "topicvec-threads": lambda **options: TopicVec(K, embeddings=WORDS, iterations=10, threads=2, **options),
}


class KilledError(Exception):
    """Stands for the death of the process."""


@dataclass
class Saves:
    """How many checkpoints are written, and after which one the process dies."""

    written: int = 0
    last: int | None = None


@pytest.fixture
def saves(monkeypatch: pytest.MonkeyPatch) -> Saves:
    """Every pass leaves a checkpoint."""
    counted, write = Saves(), checkpoint.write_arrays

    def counting(path: Path, **arrays: np.ndarray) -> None:
        write(path, **arrays)
        counted.written += 1
        if counted.written == counted.last:
            raise KilledError

    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SHARE", float("inf"))
    monkeypatch.setattr(checkpoint, "write_arrays", counting)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # hundreds of files that need not outlive the machine
    return counted


def learned(value: Any) -> Iterator[np.ndarray]:
    """Every array that a fit has left."""
    if isinstance(value, np.ndarray | float | str):
        yield np.asarray(value)
    elif sparse.issparse(value):
        yield from (value.data, value.indices, value.indptr)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from learned(part)
    elif hasattr(value, "syn1neg"):  # gensim's
        yield from (value.wv.vectors, value.dv.vectors, value.syn1neg, value.random.get_state()[1])
        yield np.array([value.alpha, value.min_alpha, value.epochs])
    elif hasattr(value, "__dict__"):
        for name in sorted(vars(value)):
            if name.endswith("_"):
                yield from learned(vars(value)[name])


def outcome(method: Any) -> list[np.ndarray]:
    """What was learned, and the features of training and of other documents."""
    method.fit(TRAIN, TRAIN.labels)
    return [*map(np.copy, learned(method)), method.transform(TRAIN), method.transform(FRESH)]


@pytest.mark.parametrize("name", RESUMABLE)
def test_a_killed_fit_goes_on_to_the_same_bits(name: str, saves: Saves, tmp_path: Path) -> None:
    expected = outcome(RESUMABLE[name]())
    assert len(expected) > 3
    kept = outcome(RESUMABLE[name](checkpoint=Checkpoint(tmp_path / "whole", "this fit")))
    of_whole = saves.written
    assert of_whole >= 2
    for died in sorted({1, of_whole // 2, of_whole - 1, of_whole}):
        saves.written, saves.last = 0, died
        with pytest.raises(KilledError):
            outcome(RESUMABLE[name](checkpoint=Checkpoint(tmp_path / str(died), "this fit")))
        saves.written, saves.last = 0, None
        again = outcome(RESUMABLE[name](checkpoint=Checkpoint(tmp_path / str(died), "this fit")))
        assert saves.written == of_whole - died  # what was done is not done again
        for found in (kept, again):
            assert len(found) == len(expected)
            for ours, theirs in zip(found, expected, strict=True):
                assert ours.dtype == theirs.dtype
                np.testing.assert_array_equal(ours, theirs)


def test_killed_at_every_sweep(saves: Saves, tmp_path: Path) -> None:
    expected = outcome(RESUMABLE["lftm"]())
    for _ in range(7):  # five sweeps of LDA and two of the whole model
        saves.written, saves.last = 0, 1
        with pytest.raises(KilledError):
            outcome(RESUMABLE["lftm"](checkpoint=Checkpoint(tmp_path, "this fit")))
    found = outcome(RESUMABLE["lftm"](checkpoint=Checkpoint(tmp_path, "this fit")))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("n", "done", "seconds", "lines"),
    [
        (12, 0, 1.0, []),  # a short fit says nothing
        (10, 0, 20.0, [f"work: pass {i} of 10, about {20 * (10 - i)} s left" for i in range(1, 10)]),
        (100, 0, 1.0, [f"work: pass {i} of 100, about {100 - i} s left" for i in (20, 40, 60, 80)]),
        (100, 90, 20.0, []),
        (4, 2, 30.0, ["work: pass 3 of 4, about 30 s left"]),
        (3, 3, 30.0, []),
    ],
)
def test_a_long_fit_says_how_much_time_is_left(
    n: int,
    done: int,
    seconds: float,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    with caplog.at_level(logging.INFO, logger="dgmbench"):
        seen = []
        for number in passes("work: pass", n, done):
            seen.append(number)
            now[0] += seconds
    assert seen == list(range(done, n))
    assert [record.message for record in caplog.records] == lines
