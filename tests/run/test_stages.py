"""Training and evaluation of any task: finished work is not done again, changed or damaged work always is."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.report.cells import read_run
from dgmbench.run import fingerprint, stages
from dgmbench.run.workspace import Workspace
from tests.run.toy import MODULE, ToySettings, forget, spec_of, toy_task


def test_a_run_leaves_its_records_and_is_not_done_again(calls: list[str], tmp_path: Path) -> None:
    task, spec, workspace = toy_task(), spec_of(seed=3), Workspace(tmp_path / "results")
    training = stages.train(task, spec, workspace)
    run = stages.evaluate(task, spec, workspace)
    assert calls == ["train", "evaluate"]
    assert (training["status"], training["note"], run["metrics"]) == ("ok", 3, {"mean": 0.5})
    assert run["protocol"] == {"k": 1}
    written = json.loads((workspace.run(spec) / "run.json").read_text())
    assert written["spec"] == spec.to_dict()
    assert {"train", "test"} <= {key.removeprefix("array:") for key in written["data"]["checksums"]}
    with np.load(workspace.run(spec) / "per_example.npz") as arrays:
        assert arrays["values"].tolist() == [0.5] * 3
    stages.train(task, spec, workspace)
    stages.evaluate(task, spec, workspace)
    assert calls == ["train", "evaluate"]


def test_another_setting_of_the_evaluation_shares_the_training(calls: list[str], tmp_path: Path) -> None:
    task, workspace = toy_task(), Workspace(tmp_path)
    for k in (1, 2):
        stages.train(task, spec_of(settings=ToySettings(k=k)), workspace)
        stages.evaluate(task, spec_of(settings=ToySettings(k=k)), workspace)
    assert calls == ["train", "evaluate", "evaluate"]
    stages.train(task, spec_of(settings=ToySettings(width=2)), workspace)
    assert calls[-1] == "train"


@pytest.mark.parametrize("harm", ["gone", "empty", "changed"])
def test_a_damaged_product_is_made_again(
    harm: str, calls: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path)
    stages.train(task, spec, workspace)
    product = workspace.trained(spec) / "mean.json"
    if harm == "gone":
        product.unlink()
    else:
        product.write_text("" if harm == "empty" else product.read_text().replace("5", "6"))
    with pytest.raises(UserError, match="is damaged: remove it and train"):
        stages.evaluate(task, spec, workspace)
    stages.train(task, spec, workspace)
    assert stages.evaluate(task, spec, workspace)["metrics"] == {"mean": 0.5}
    assert calls == ["train", "train", "evaluate"]
    assert ("gone" if harm == "gone" else "damaged") in caplog.text


@pytest.mark.parametrize("part", ["data", "train", "evaluate"])
def test_changed_code_or_data_is_another_run(part: str, calls: list[str], tmp_path: Path) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path / "results")
    stages.train(task, spec, workspace)
    stages.evaluate(task, spec, workspace)
    changes = {"data": ("% 2", "% 3 % 2"), "train": ('"mean": 0.5', '"mean": 0.25'), "evaluate": ("0.1,", "0.2,")}
    source = MODULE.replace(*changes[part])
    assert source != MODULE
    (tmp_path / "toy_module.py").write_text(source)
    forget()
    if part == "data":
        exec(compile(source, "toy_module", "exec"), sys.modules["toy_module"].__dict__)
        calls = sys.modules["toy_module"].CALLS
    before = len(calls)
    stages.train(task, spec, workspace)
    stages.evaluate(task, spec, workspace)
    assert calls[before:] == ["train", "evaluate"]


def test_an_evaluation_of_a_stale_training_says_so(
    calls: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path / "results")
    with caplog.at_level(logging.WARNING, logger="dgmbench"):
        stages.train(task, spec, workspace)
        stages.evaluate(task, spec, workspace)
        assert not caplog.text
        (tmp_path / "toy_module.py").write_text(MODULE.replace('"mean": 0.5', '"mean": 0.25'))
        forget()
        stages.evaluate(task, spec, workspace)
    assert "train it again" in caplog.text


def test_words_about_the_code_change_nothing(calls: list[str], tmp_path: Path) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path / "results")
    stages.train(task, spec, workspace)
    (tmp_path / "toy_module.py").write_text('"""A module."""\n# why\n' + MODULE.replace('"train")', '"train")  # said'))
    forget()
    stages.train(task, spec, workspace)
    assert calls == ["train"]


def test_a_module_that_the_users_model_imports_counts(calls: list[str], tmp_path: Path) -> None:
    task, spec = toy_task(), spec_of()
    (tmp_path / "toy_module.py").write_text("from toy_helper import VALUE\n" + MODULE)
    (tmp_path / "toy_helper.py").write_text("VALUE = 1\n")
    forget()
    before = fingerprint.code_hash(task, spec, "training")
    (tmp_path / "toy_helper.py").write_text("VALUE = 2\n")
    forget()
    assert fingerprint.code_hash(task, spec, "training") != before


def test_a_class_of_an_installed_library_is_told_by_its_distribution(calls: list[str]) -> None:
    reached = fingerprint.closure("toy_module", "sklearn.linear_model")
    assert set(reached) & {"toy_module", "sklearn"} == {"toy_module", "sklearn"}
    assert not any(name.startswith("sklearn.") for name in reached)


def test_settings_beside_the_code_do_not_hide_it(calls: list[str], tmp_path: Path) -> None:
    (tmp_path / "toy_module.py").write_text(
        MODULE + "\nfrom dgmbench.run.settings import Settings\nclass Own(Settings): ...\n"
    )
    forget()
    sys.modules.pop("toy_module")
    import toy_module  # type: ignore[import-not-found]

    task, spec = toy_task(settings=toy_module.Own), spec_of(settings=toy_module.Own())
    before = fingerprint.code_hash(task, spec, "training")
    (tmp_path / "toy_module.py").write_text((tmp_path / "toy_module.py").read_text().replace("0.5", "0.25"))
    forget()
    assert fingerprint.code_hash(task, spec, "training") != before


@pytest.mark.parametrize("stage", ["training", "evaluation"])
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("raise ValueError('no\\nfile')", "toy_module:data raised ValueError: no file"),
        ("raise SystemExit(1)", "toy_module:data raised SystemExit: 1"),
        ("return None", "toy_module:data returned NoneType"),
        ("return 1 / 0", "toy_module:data raised ZeroDivisionError"),
        ("return open('nowhere')", "toy_module:data raised FileNotFoundError"),
    ],
)
def test_data_that_cannot_be_loaded_any_more_are_a_failure_until_they_can(
    stage: str, broken: str, reason: str, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path / "results")
    work = {"training": stages.train, "evaluation": stages.evaluate}[stage]
    stages.train(task, spec, workspace)
    stages.evaluate(task, spec, workspace)
    scope: dict[str, Any] = {}
    exec(f"def data():\n    {broken}", scope)
    with monkeypatch.context() as patch:
        patch.setattr("toy_module.data", scope["data"])
        with pytest.raises(UserError, match=reason):
            work(task, spec, workspace)
    failure = workspace.failure(spec)
    assert failure is not None and failure["stage"] == stage and reason in failure["error"]
    assert read_run(spec, workspace, lambda record, arrays: "").status == "failed"
    work(task, spec, workspace)
    assert workspace.failure(spec) is None and calls == ["train", "evaluate"]
    assert read_run(spec, workspace, lambda record, arrays: "").status == "ok"


def test_a_failure_leaves_a_note_that_success_takes_away(calls: list[str], tmp_path: Path) -> None:
    task, workspace = toy_task(), Workspace(tmp_path)
    spec = spec_of(options={"fail": True})
    with pytest.raises(ArithmeticError):
        stages.train(task, spec, workspace)
    failure = workspace.failure(spec)
    assert failure is not None
    assert failure["error"] == "ArithmeticError: it broke"
    sys.modules["toy_module"].train = lambda job: sys.modules["toy_module"].Training({})  # type: ignore[attr-defined]
    stages.train(task, spec, workspace)
    assert workspace.failure(spec) is None


def test_a_note_goes_when_what_it_is_about_was_brought_back(calls: list[str], tmp_path: Path) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path)
    stages.train(task, spec, workspace)
    stages.evaluate(task, spec, workspace)
    for stage in ("training", "evaluation"):
        with pytest.raises(ArithmeticError), workspace.claim(spec, stage):
            raise ArithmeticError
        assert workspace.failure(spec) is not None
        stages.train(task, spec, workspace)
        stages.evaluate(task, spec, workspace)
        assert workspace.failure(spec) is None
    (workspace.state(spec) / "failure.json").write_text("{")
    stages.train(task, spec, workspace)
    assert workspace.failure(spec) is None
    assert calls == ["train", "evaluate"]


def test_a_run_that_diverged_is_a_result(calls: list[str], tmp_path: Path) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path)
    sys.modules["toy_module"].STATUS = "diverged"  # type: ignore[attr-defined]
    assert stages.train(task, spec, workspace)["status"] == "diverged"
    assert stages.evaluate(task, spec, workspace)["status"] == "diverged"


def test_two_processes_do_not_work_on_one_run(calls: list[str], tmp_path: Path) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path)
    with workspace.claim(spec, "training"), pytest.raises(UserError, match="another process works on it"):
        stages.train(task, spec, workspace)


def test_further_datasets_are_named_in_the_checksums(calls: list[str], tmp_path: Path) -> None:
    task = toy_task(reads=lambda spec: (spec.dataset, "toy_module:data"))
    found = stages.data_checksums(task, spec_of())
    assert found["array:toy_module:data:train"] == found["array:train"]
    assert found["source:toy_module:data"] == "toy_module:data"


def test_an_unreadable_record_is_done_again(calls: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    task, spec, workspace = toy_task(), spec_of(), Workspace(tmp_path)
    stages.train(task, spec, workspace)
    (workspace.trained(spec) / "training.json").write_text("{")
    with caplog.at_level(logging.WARNING, logger="dgmbench"):
        stages.train(task, spec, workspace)
    assert calls == ["train", "train"]
    assert "doing it again" in caplog.text
