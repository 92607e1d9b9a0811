"""LDA of documents in a folder: the bits of a corpus in memory, deaths, losses, checkpoints, saved models, mistakes.

The workers are in this process; `tests/run/test_ray_workers.py` has some in others.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmbench.data import CorpusFolder, write_corpus_folder
from dgmbench.errors import UserError
from dgmbench.fast.text.warp_share import Share
from dgmbench.models.text import LDA, BagOfWords, kept_topics, lda
from dgmbench.models.text.kept_topics import KeptTopics
from dgmbench.run import checkpoint
from dgmbench.run.checkpoint import Checkpoint
from dgmbench.run.workers import InProcess, Maker
from tests.models.text.test_warp_by_shares import Mortal
from tests.planted import draw_corpus, planted_topics

CORPUS = draw_corpus(planted_topics(5, 100), documents=80, length=25)
OPTIONS: dict[str, Any] = {"alpha": 0.3, "n_sweeps": 62, "optimise_alpha": True, "seed": 3}


@pytest.fixture
def folder(tmp_path: Path) -> CorpusFolder:
    return write_corpus_folder(
        tmp_path / "corpus", [CORPUS.select_documents(np.arange(a, a + 20)) for a in (0, 20, 40, 60)]
    )


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What befalls the workers; ``made`` are all that were."""
    fate: dict[str, Any] = {"seed": 0}
    made: list[Mortal] = []

    def start(makers: Sequence[Maker], **ray: Any) -> InProcess:
        made.append(Mortal(makers, **fate))
        return made[-1]

    monkeypatch.setattr(lda, "RayWorkers", start)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    return {"fate": fate, "made": made}


def assert_equal(found: LDA, expected: LDA) -> None:
    for name in ("data", "indices", "indptr"):
        ours, theirs = (getattr(each.word_topic_counts_, name) for each in (found, expected))
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found.topics_, expected.topics_)
    np.testing.assert_array_equal(found.alpha_, expected.alpha_)
    assert found.joint_log_likelihood_ == pytest.approx(expected.joint_log_likelihood_, rel=1e-12)


@pytest.mark.parametrize(
    ("workers", "K", "options"),
    [
        (1, 5, {}),
        (2, 5, {}),
        (5, 5, {"proposals": 2}),
        (16, 5, {}),
        (40, 5, {"parts": 64}),
        (2, 2_000, {"n_sweeps": 2}),
    ],
)
def test_the_result_is_that_of_a_corpus_in_memory(
    workers: int, K: int, options: dict[str, Any], folder: CorpusFolder, mortal: dict[str, Any]
) -> None:
    options = OPTIONS | options
    found = LDA(K, engine="ray", workers=workers, **options).fit(folder)
    assert_equal(found, LDA(K, engine="warp", **options).fit(CORPUS))
    np.testing.assert_array_equal(found.transform(CORPUS), found.transform(folder.read()))


@pytest.mark.parametrize("seed", range(6))
def test_deaths_and_losses_change_nothing(
    seed: int, folder: CorpusFolder, mortal: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SHARE", float("inf"))
    mortal["fate"] |= {"seed": seed, "deaths": 2, "losses": 1}
    kept = Checkpoint(tmp_path / "state", "this fit")
    found = LDA(5, engine="ray", workers=4, checkpoint=kept, **OPTIONS).fit(folder)
    assert mortal["made"][0].died
    assert mortal["made"][0].lost
    assert_equal(found, LDA(5, engine="warp", **OPTIONS).fit(CORPUS))


@pytest.mark.parametrize("method", ["keep", "find_terms", "add_terms", "of_documents", "word_topic_counts", "begin"])
@pytest.mark.parametrize("what", ["deaths", "losses"])
def test_it_does_not_matter_in_which_step(method: str, what: str, folder: CorpusFolder, mortal: dict[str, Any]) -> None:
    mortal["fate"] |= {what: 50, "only": method, "most": 3}
    found = LDA(5, engine="ray", workers=4, **OPTIONS).fit(folder)
    assert mortal["made"][0].died + mortal["made"][0].lost >= 3
    assert_equal(found, LDA(5, engine="warp", **OPTIONS).fit(CORPUS))
    assert_equal(found.resume(folder, 2), LDA(5, engine="warp", **OPTIONS).fit(CORPUS).resume(CORPUS, 2))


def test_only_workers_read_documents_and_topics(
    folder: CorpusFolder, mortal: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that this process gets from a worker, or gives to it, has a number for each token."""
    largest = {"size": 0}

    def size(value: Any) -> int:
        return max((getattr(value, "size", 0), *map(size, value if isinstance(value, list | tuple) else ())))

    values = Mortal.values

    def looked_at(self: Mortal, handles: Any) -> list[Any]:
        found = values(self, handles)
        largest["size"] = max(largest["size"], size(found))
        return found

    monkeypatch.setattr(Mortal, "values", looked_at)
    monkeypatch.setattr(CorpusFolder, "read", None)
    monkeypatch.setattr(Share, "gather", guarded := Guarded(Share.gather))
    LDA(5, engine="ray", workers=4, **OPTIONS).fit(folder)
    assert 0 < largest["size"] <= 5 * 100 < CORPUS.n_tokens
    assert guarded.largest <= CORPUS.n_tokens / 4 + 50


class Guarded:
    """A method that notes how many tokens it has given at most."""

    def __init__(self, method: Any) -> None:
        self.method, self.largest = method, 0

    def __get__(self, share: Share, kind: type) -> Any:
        def call(*blocks: np.ndarray) -> list[np.ndarray]:
            found: list[np.ndarray] = self.method(share, *blocks)
            self.largest = max(self.largest, len(found[0]))
            return found

        return call


class KilledError(Exception):
    """Stands for the death of the process."""


def test_a_killed_fit_goes_on_from_the_files_of_its_workers(
    folder: CorpusFolder, mortal: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SHARE", float("inf"))
    swept: list[int] = []

    def fit(until: int, place: Path) -> LDA:
        def stop(sweep: int, of: int, seconds: float) -> None:
            swept.append(sweep)
            if sweep == until:
                raise KilledError

        kept = Checkpoint(place, "this fit")
        return LDA(5, engine="ray", workers=4, checkpoint=kept, progress=stop, **OPTIONS).fit(folder)

    for until in (3, 40, 62):
        with pytest.raises(KilledError):
            fit(until, tmp_path / "state")
        # of each worker the last state and the one before it
        assert len(list((tmp_path / "state" / "fit.topics").iterdir())) == 2 * 4
    (tmp_path / "state" / "fit.topics" / ".1-2-3.npy.x.part").touch()
    (tmp_path / "state").rename(tmp_path / "elsewhere")
    found = fit(-1, tmp_path / "elsewhere")
    assert swept == list(range(1, 63))
    assert_equal(found, LDA(5, engine="warp", **OPTIONS).fit(CORPUS))
    assert not list((tmp_path / "elsewhere" / "fit.topics").glob(".*"))


def test_a_checkpoint_without_its_files_is_none(
    folder: CorpusFolder,
    mortal: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    options = {"engine": "ray", "workers": 4, "checkpoint": Checkpoint(tmp_path / "state", "this fit"), **OPTIONS}
    LDA(5, **options).fit(folder)
    next((tmp_path / "state" / "fit.topics").glob("*-0-*.npy")).unlink()
    for left in (tmp_path / "state" / "fit.topics").glob("1-0-*.npy"):
        left.unlink()
    again = LDA(5, **options | {"checkpoint": Checkpoint(tmp_path / "state", "this fit")}).fit(folder)
    assert "lacks topics of the last checkpoint: starting afresh" in caplog.text
    assert_equal(again, LDA(5, engine="warp", **OPTIONS).fit(CORPUS))


def test_a_saved_model_goes_on_wherever_it_is_moved(
    folder: CorpusFolder, mortal: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = LDA(5, engine="warp", **OPTIONS).fit(CORPUS)
    (tmp_path / "temporary").mkdir()  # into that of the machine other programs write, too
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    fitted = LDA(5, engine="ray", workers=3, **OPTIONS).fit(folder)
    (tmp_path / "a").mkdir()
    fitted.save(tmp_path / "a" / "lda.npz")
    fitted.save(tmp_path / "a" / "lda.npz")  # over itself
    assert len(list((tmp_path / "a").iterdir())) == 2
    del fitted
    gc.collect()
    assert not os.listdir(tmp_path / "temporary")
    (tmp_path / "a").rename(tmp_path / "b")
    loaded = LDA.load(tmp_path / "b" / "lda.npz")
    loaded.workers = 5
    assert_equal(loaded, whole)
    loaded.resume(folder, 2).save(tmp_path / "b" / "lda.npz")
    loaded.resume(folder, 3)
    for n_sweeps in (2, 3):
        whole.resume(CORPUS, n_sweeps)
    assert_equal(loaded, whole)
    again = LDA.load(tmp_path / "b" / "lda.npz")
    assert len(list((tmp_path / "b").iterdir())) == 2
    again.save(tmp_path / "c.npz")
    assert_equal(LDA.load(tmp_path / "c.npz").resume(folder, 3), whole)


def test_a_corpus_in_memory_and_a_folder_take_up_the_state_of_each_other(
    folder: CorpusFolder, mortal: dict[str, Any], tmp_path: Path
) -> None:
    whole = LDA(5, engine="warp", **OPTIONS).fit(CORPUS).resume(CORPUS, 11)
    for first, second in ((CORPUS, folder), (folder, CORPUS)):
        LDA(5, engine="ray", **OPTIONS).fit(first).save(tmp_path / "lda.npz")
        assert_equal(LDA.load(tmp_path / "lda.npz").resume(second, 11), whole)


def test_a_full_disk_costs_the_state_and_not_the_result(
    folder: CorpusFolder,
    mortal: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*given: Any) -> None:
        raise UserError("cannot write: no space")

    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(kept_topics, "atomic_write", refuse)
    kept = Checkpoint(tmp_path / "state", "this fit")
    found = LDA(5, engine="ray", checkpoint=kept, **OPTIONS).fit(folder)
    assert_equal(found, LDA(5, engine="warp", **OPTIONS).fit(CORPUS))
    assert "no checkpoint: cannot write: no space" in caplog.text
    assert "cannot be resumed: cannot write: no space" in caplog.text
    found.save(tmp_path / "lda.npz")
    for model in (found, LDA.load(tmp_path / "lda.npz")):
        with pytest.raises(UserError, match="nothing to resume"):
            model.resume(folder, 1)


@pytest.mark.parametrize("engine", ["auto", "gibbs", "warp", "esca"])
def test_other_engines_refuse_a_folder(engine: str, folder: CorpusFolder) -> None:
    with pytest.raises(UserError, match=r"are in .*corpus, and have to be in memory.*LDA with engine ray is fitted to"):
        LDA(5, engine=engine).fit(folder)


def test_other_mistakes(folder: CorpusFolder, mortal: dict[str, Any], tmp_path: Path) -> None:
    fitted = LDA(5, engine="ray", n_sweeps=1, seed=1).fit(folder)
    with pytest.raises(UserError, match="have to be in memory here: give some of them by read"):
        fitted.transform(folder)
    with pytest.raises(UserError, match="have to be in memory here"):
        BagOfWords().fit(folder)
    other = write_corpus_folder(tmp_path / "other", CORPUS.select_documents(np.arange(60)))
    with pytest.raises(UserError, match="these are not the documents that the model was fitted on"):
        fitted.resume(other, 1)
    with pytest.raises(UserError, match=r"name a folder that all machines share: checkpoint=Checkpoint\(Path"):
        LDA(5, engine="ray", address="10.0.0.1:6379").fit(folder)
    with pytest.raises(UserError, match="100 workers, but only 80 documents"):
        LDA(5, engine="ray", workers=100).fit(folder)


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_damaged_topics(damage: str, folder: CorpusFolder, mortal: dict[str, Any], tmp_path: Path) -> None:
    LDA(5, engine="ray", n_sweeps=2, seed=1).fit(folder).save(tmp_path / "lda.npz")
    path = next(tmp_path.glob("lda.npz.*.topics/2-0-*.npy"))
    content, message = path.read_bytes(), "is no file of topics"
    path.unlink()
    if damage == "missing":
        message = "lacks topics of token 0 after 2 sweeps; fit again"
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        message = "has 3 tokens, and its name says"
        np.save(path, np.zeros((3, 2), np.uint16))
    with pytest.raises(UserError, match=message):
        LDA.load(tmp_path / "lda.npz").resume(folder, 1)


def test_documents_that_change_during_a_fit(folder: CorpusFolder, mortal: dict[str, Any]) -> None:
    def change(sweep: int, of: int, seconds: float) -> None:
        if sweep == 3:
            os.utime(next(folder.folder.glob("*.parquet")), ns=(1, 1))
            mortal["made"][0].deaths = 100
            mortal["made"][0].most = 1

    with pytest.raises(UserError, match="changed after its words were counted: open the folder and fit again"):
        LDA(5, engine="ray", progress=change, **OPTIONS).fit(folder)


def test_runs_of_tokens_from_files_of_other_runs(tmp_path: Path) -> None:
    tokens, kept = np.arange(40, dtype=np.uint16).reshape(20, 2), KeptTopics(tmp_path, 7)
    for begin, end in ((0, 3), (3, 3), (3, 15), (15, 20)):
        kept.write(begin, tokens[begin:end])
    KeptTopics(tmp_path, 70).write(0, tokens[:5])
    for begin, end in ((0, 20), (0, 3), (2, 4), (1, 19), (16, 17), (20, 20), (3, 3)):
        np.testing.assert_array_equal(kept.read(begin, end), tokens[begin:end])
    assert kept.is_whole(20)
    assert not kept.is_whole(21)
    assert not KeptTopics(tmp_path, 70).is_whole(20)
    kept.remove_others()
    assert len(list(tmp_path.iterdir())) == 4
    kept.remove()
    assert not list(tmp_path.iterdir())
