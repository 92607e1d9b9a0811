"""What a stage left is looked at before it counts as finished: damage is mended, or said in one line."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.run import records, stages
from dgmbench.run.products import are_whole, describe, left_in
from dgmbench.run.workspace import Workspace
from tests.run.toy import ToySettings, spec_of, toy_task

HARM: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "changed": lambda path: path.write_bytes(path.read_bytes()[:50] + b"?" + path.read_bytes()[51:]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "text": lambda path: path.write_text("no archive"),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", ["per_example.npz", "run.json"])
def test_a_damaged_evaluation_is_done_again(name: str, harm: str, calls: list[str], tmp_path: Path) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path)
    stages.train(task, spec, workspace)
    before = stages.evaluate(task, spec, workspace)
    if (name, harm) in {("run.json", "changed"), ("run.json", "longer")}:
        pytest.skip("JSON that can be read says itself what it is of")
    HARM[harm](workspace.run(spec) / name)
    after = stages.evaluate(task, spec, workspace)
    assert calls == ["train", "evaluate", "evaluate"]
    assert after["products"] == before["products"] and are_whole(workspace.run(spec), after)
    stages.evaluate(task, spec, workspace)
    assert calls == ["train", "evaluate", "evaluate"]


def test_an_evaluation_of_an_earlier_version_stays(calls: list[str], tmp_path: Path) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path)
    stages.train(task, spec, workspace)
    record = stages.evaluate(task, spec, workspace)
    del record["products"]
    records.write_json(workspace.run(spec) / "run.json", record)
    stages.evaluate(task, spec, workspace)
    assert calls == ["train", "evaluate"]


def test_what_is_not_trained_is_said(calls: list[str], tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^toy_module-data\.mean\.s0\.\w+ is not trained: .*; train it first: dgmbench"
    ):
        stages.evaluate(toy_task(), spec_of(), Workspace(tmp_path))
    assert calls == []


def foreign_record(workspace: Workspace) -> None:
    shutil.copy(workspace.trained(spec_of(seed=1)) / "training.json", workspace.trained(spec_of()) / "training.json")


def foreign_folder(workspace: Workspace) -> None:
    shutil.rmtree(workspace.trained(spec_of()))
    shutil.copytree(workspace.trained(spec_of(seed=1)), workspace.trained(spec_of()))


def without_keys(workspace: Workspace) -> None:
    (workspace.trained(spec_of()) / "training.json").write_text("{}")


def truncated(workspace: Workspace) -> None:
    path = workspace.trained(spec_of()) / "training.json"
    path.write_text(path.read_text()[:100])


def a_list(workspace: Workspace) -> None:
    (workspace.trained(spec_of()) / "training.json").write_text("[1]")


def a_folder(workspace: Workspace) -> None:
    path = workspace.trained(spec_of()) / "training.json"
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [foreign_record, foreign_folder, without_keys, truncated, a_list, a_folder])
def test_a_record_that_is_not_of_this_training_is_refused_and_made_again(
    harm: Callable[[Workspace], None], calls: list[str], tmp_path: Path
) -> None:
    task, workspace = toy_task(), Workspace(tmp_path)
    for seed in (0, 1):
        stages.train(task, spec_of(seed=seed), workspace)
    harm(workspace)
    with pytest.raises(UserError) as caught:
        stages.evaluate(task, spec_of(), workspace)
    assert str(workspace.trained(spec_of())) in str(caught.value) and "\n" not in str(caught.value)
    assert calls == ["train", "train"]
    if harm is a_folder:  # the user has put it there
        return
    stages.train(task, spec_of(), workspace)
    assert calls == ["train"] * 3
    assert stages.evaluate(task, spec_of(), workspace)["training"]["note"] == 0


def test_products_are_described_by_size_and_checksum(tmp_path: Path) -> None:
    for name, content in (("a.bin", b"one"), ("training.json", b"{}"), (".hidden", b"x")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    found = describe(left_in(tmp_path))
    sha256 = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert found == {"a.bin": {"bytes": 3, "sha256": sha256}}
    assert are_whole(tmp_path, {"products": found}) and are_whole(tmp_path, {})
    (tmp_path / "a.bin").unlink()
    (tmp_path / "a.bin").mkdir()
    assert not are_whole(tmp_path, {"products": found})


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_are_read_or_their_damage_is_one_line(compressed: bool, tmp_path: Path) -> None:
    """Wherever a byte is changed or the file ends; a claimed size of terabytes is damage, too."""
    path, rng = tmp_path / "x.npz", random.Random(0)
    (np.savez_compressed if compressed else np.savez)(path, one=np.arange(50.0), two=np.zeros((3, 4), np.int8))
    assert sorted(records.read_arrays(path)) == ["one", "two"] and list(records.read_arrays(path, "o")) == ["one"]
    whole, refused = path.read_bytes(), 0
    for _ in range(300):
        harmed = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3])):
            harmed[rng.randrange(len(harmed))] = rng.randrange(256)
        path.write_bytes(bytes(harmed[: rng.choice([len(harmed), rng.randrange(len(harmed))])]))
        try:
            records.read_arrays(path)
        except UserError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert refused > 150
    for content in (b"", b"no archive", np.lib.format.MAGIC_PREFIX, b"\x80\x04N."):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x\.npz is broken"):
            records.read_arrays(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b'{"format": 1, "a": [', b"null", b"", b"1"])
def test_a_broken_record_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json .*remove it"):
        records.read_json(path)


def test_a_record_that_is_a_folder_or_loops_is_one_line(tmp_path: Path) -> None:
    os.symlink(tmp_path / "b", tmp_path / "a")
    os.symlink(tmp_path / "a", tmp_path / "b")
    for path in (tmp_path, tmp_path / "a"):
        with pytest.raises(UserError, match=r"^cannot read "):
            records.read_json(path)


def test_settings_of_the_evaluation_have_products_of_their_own(calls: list[str], tmp_path: Path) -> None:
    task, workspace = toy_task(), Workspace(tmp_path)
    specs = [spec_of(settings=ToySettings(k=k)) for k in (1, 2)]
    stages.train(task, specs[0], workspace)
    for spec in specs:
        stages.evaluate(task, spec, workspace)
    (workspace.run(specs[1]) / "per_example.npz").unlink()
    for spec in specs:
        stages.evaluate(task, spec, workspace)
    assert calls == ["train", *["evaluate"] * 3]
    assert json.loads((workspace.run(specs[1]) / "run.json").read_text())["protocol"] == {"k": 2}


@pytest.mark.parametrize(
    "change",
    [{"products": 5}, {"products": {"model.pt": {}}}, {"products": {"model.pt": 1}}, {"data": [1]}, {"data": "x"}],
    ids=str,
)
def test_a_record_of_another_form_is_one_line_and_made_again(
    change: dict[str, object], calls: list[str], tmp_path: Path
) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path)
    stages.train(task, spec, workspace)
    path = workspace.trained(spec) / "training.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=r"training.json was written by another version .* remove its folder"):
        stages.evaluate(task, spec, workspace)
    stages.train(task, spec, workspace)
    stages.evaluate(task, spec, workspace)
    assert calls == ["train", "train", "evaluate"]
