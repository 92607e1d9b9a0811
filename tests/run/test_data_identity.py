"""A run is of the arrays that it read: other arrays are another run, and arrays that change at every call are none."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from dgmbench.commands.fetch import fetch
from dgmbench.data.load.checksums import checksums, differences, loaded_apart, require_steady
from dgmbench.errors import UserError
from dgmbench.run import stages
from dgmbench.run.fingerprint import data_hash
from dgmbench.run.workspace import Workspace
from tests.run.toy import ToySettings, spec_of, toy_task

DATA = """
import itertools
import os
import random
from pathlib import Path

import numpy as np

from dgmbench.data import ImageSplits

CALLS = itertools.count()


def splits(train, labels=None, test=None):
    labels = np.zeros(len(train), np.uint8) if labels is None else labels
    test = train[:2] if test is None else test
    parts = dict(train=train, valid=train[:0], test=test)
    named = dict(train_labels=labels, valid_labels=labels[:0], test_labels=np.zeros(len(test), np.uint8))
    return ImageSplits(name="toy", shape=(1, 2), binary=True, **parts, **named)


def from_file():
    with np.load("pixels.npz") as file:
        return splits(**file)


def fresh():
    return np.unpackbits(np.arange(32, dtype=np.uint8)).reshape(-1, 2)


def shuffled():
    train = fresh()
    np.random.default_rng().shuffle(train)
    return splits(train)


def split_anew():
    everything = list(fresh())
    random.SystemRandom().shuffle(everything)
    return splits(np.stack(everything[:20]), test=np.stack(everything[20:]))


def counting():
    train = fresh()
    train[:, 0] = next(CALLS) % 2
    return splits(train)


def growing():
    return splits(fresh()[: 10 + next(CALLS)])


def from_a_set():
    words = {f"word {i}" for i in range(64)}
    train = np.array([[ord(word[-1]) % 2, len(word) % 2] for word in words], np.uint8)
    return splits(train)


def seeded():
    train = fresh()
    np.random.default_rng(0).shuffle(train)
    print("a word from the user")
    return splits(train)


def broken():
    raise OSError("no such thing")
"""


@pytest.fixture
def workspace(calls: list[str], tmp_path: Path) -> Workspace:
    (tmp_path / "toy_data.py").write_text(DATA)
    sys.modules.pop("toy_data", None)
    write_pixels()
    return Workspace(tmp_path / "results")


def write_pixels(**changes: np.ndarray) -> None:
    pixels = {"train": np.eye(2, dtype=np.uint8)[[0, 1, 1, 0]], "labels": np.arange(4, dtype=np.uint8)}
    np.savez("pixels.npz", **{**pixels, **changes})


EDITS = {
    "train": {"train": np.eye(2, dtype=np.uint8)[[1, 1, 1, 0]]},
    "order": {"train": np.eye(2, dtype=np.uint8)[[1, 0, 1, 0]]},
    "labels": {"labels": np.zeros(4, np.uint8)},
    "test": {"test": np.ones((3, 2), np.uint8)},
    "more": {"train": np.ones((5, 2), np.uint8), "labels": np.zeros(5, np.uint8)},
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_file_of_a_users_function_is_another_training(
    edit: str, calls: list[str], workspace: Workspace
) -> None:
    task, spec = toy_task(), spec_of(dataset="toy_data:from_file")
    before = stages.train(task, spec, workspace)
    stages.evaluate(task, spec, workspace)
    write_pixels(**EDITS[edit])
    with pytest.raises(
        UserError, match=r"was trained on other data than are here now \(different: .*\): train it again"
    ):
        stages.evaluate(task, spec, workspace)
    failure = workspace.failure(spec)
    assert failure is not None and failure["stage"] == "evaluation"
    after = stages.train(task, spec, workspace)
    run = stages.evaluate(task, spec, workspace)
    assert calls == ["train", "evaluate", "train", "evaluate"]
    assert after["data"] == run["data"]["checksums"] == stages.data_checksums(task, spec) != before["data"]
    assert workspace.failure(spec) is None


def test_the_data_that_it_was_trained_on_can_be_brought_back(calls: list[str], workspace: Workspace) -> None:
    task, spec = toy_task(), spec_of(dataset="toy_data:from_file")
    stages.train(task, spec, workspace)
    write_pixels(**EDITS["train"])
    with pytest.raises(UserError, match="different: test, train"):
        stages.evaluate(task, spec, workspace)
    write_pixels()
    stages.evaluate(task, spec, workspace)
    assert calls == ["train", "evaluate"]


def test_a_record_without_its_data_is_taken_as_before(
    calls: list[str], workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    task, spec = toy_task(), spec_of(dataset="toy_data:from_file")
    stages.train(task, spec, workspace)
    path = workspace.trained(spec) / "training.json"
    record = json.loads(path.read_text())
    del record["data"]
    path.write_text(json.dumps(record))
    write_pixels(**EDITS["train"])
    stages.evaluate(task, spec, workspace)
    assert "train it again" in caplog.text


@pytest.mark.parametrize("name", ["shuffled", "split_anew", "counting", "growing"])
def test_data_that_differ_at_every_call_are_refused(name: str, calls: list[str], workspace: Workspace) -> None:
    task, spec = toy_task(), spec_of(dataset=f"toy_data:{name}")
    for refused in (lambda: stages.train(task, spec, workspace), lambda: fetch(spec.dataset)):
        with pytest.raises(
            UserError, match=f"^toy_data:{name} gives other arrays each time it is called .*seed"
        ) as caught:
            refused()
        assert "\n" not in str(caught.value)
    assert calls == []


def test_data_that_differ_in_every_process_are_refused_by_the_evaluation(
    calls: list[str], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, spec = toy_task(), spec_of(dataset="toy_data:from_a_set", settings=ToySettings())
    stages.train(task, spec, workspace)
    hashes = set()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        loaded_apart.cache_clear()
        hashes.add(loaded_apart("toy_data:from_a_set"))
    assert len(hashes) > 1  # what the workflow is planned with shows it, too
    path = workspace.trained(spec) / "training.json"
    record = json.loads(path.read_text())
    record["data"]["array:train"] = "of another process"
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match="different: train"):
        stages.evaluate(task, spec, workspace)


@pytest.mark.parametrize("name", ["seeded", "from_file"])
def test_data_that_are_the_same_are_not_refused(name: str, calls: list[str], workspace: Workspace) -> None:
    task, spec = toy_task(), spec_of(dataset=f"toy_data:{name}")
    for _ in range(2):
        stages.train(task, spec, workspace)
        stages.evaluate(task, spec, workspace)
    assert calls == ["train", "evaluate"]


def test_a_plan_knows_what_a_function_gives(workspace: Workspace) -> None:
    """`data_hash` decides in the workflow whether a dataset is loaded, and what reads it done, again."""
    hashes = []
    for edit in ({}, EDITS["labels"]):
        write_pixels(**edit)
        loaded_apart.cache_clear()
        hashes.append(data_hash(("toy_data:from_file",)))
    assert hashes[0] != hashes[1]
    loaded_apart.cache_clear()
    write_pixels()
    (Path.cwd() / "toy_data.py").write_text(DATA + "\n# why\n")
    assert data_hash(("toy_data:from_file",)) == hashes[0]
    assert "OSError: no such thing" in loaded_apart("toy_data:broken")
    assert loaded_apart("mnist") == loaded_apart("file:toy_data.py") == ""


TOKENIZERS = """
import itertools
from pathlib import Path

CALLS = itertools.count()


def steady(text):
    return text.split()


def drifting(text):
    return text.split() + [f"word{next(CALLS)}"]


def by_a_list(text):
    left_out = Path("list.txt").read_text().split()
    return [word for word in text.split() if word not in left_out]
"""


@pytest.fixture
def texts(calls: list[str], workspace: Workspace) -> str:
    """The beginning of a name of text files, whose tokenizer is to follow."""
    Path("toy_words.py").write_text(TOKENIZERS)
    Path("a.csv").write_text("text,label\n" + "cat purrs,cats\ndog barks,dogs\n" * 5)
    sys.modules.pop("toy_words", None)
    return "file:a.csv?tokenizer=toy_words:"


def test_a_tokenizer_that_changes_its_words_is_refused(texts: str) -> None:
    require_steady(texts + "steady", checksums(texts + "steady"))
    with pytest.raises(UserError, match=r"drifting gives other arrays each time it is called \(vocabulary\)"):
        require_steady(texts + "drifting", checksums(texts + "drifting"))


def test_a_plan_knows_what_a_tokenizer_reads(texts: str) -> None:
    hashes = set()
    for left_out in ("cat", "dog", "dog"):
        Path("list.txt").write_text(left_out)
        loaded_apart.cache_clear()
        hashes.add(data_hash((texts + "by_a_list",)))
    assert len(hashes) == 2


def test_a_check_refuses_what_a_training_would(texts: str) -> None:
    for name in ("toy_data:split_anew", texts + "drifting"):
        with pytest.raises(UserError, match="gives other arrays each time"):
            stages.require_steady_data(toy_task(), spec_of(dataset=name))
    stages.require_steady_data(toy_task(), spec_of(dataset="toy_data:seeded"))


def test_differences_are_named_by_array(workspace: Workspace) -> None:
    one = checksums("toy_data:seeded")
    assert differences(one, one) == ""
    assert differences(one, one | {"source": "elsewhere", "archive:a": "b"}) == ""
    assert differences(one, one | {"array:train": "", "array:test": ""}) == "test, train"
    assert differences(one, {}) == "form, test, test_labels and 4 more"
