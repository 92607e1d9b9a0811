"""Finished results in pandas: every run with what it was and what came out, and every example."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import dgmbench
from dgmbench.commands.publish import publish
from dgmbench.errors import UserError
from dgmbench.report.values import read_values


@pytest.fixture
def folder(undrawn, known_toy):
    return undrawn


def test_a_run_is_a_row_with_metrics_settings_and_commit(folder):
    frame = dgmbench.results(folder)
    assert list(frame.columns) == [
        *("place", "task", "dataset", "model", "seed", "status", "reason", "error", "score"),
        *("train_seconds", "evaluation_seconds", "settings.epochs", "settings.train_limit", "settings.test_limit"),
        *("commit", "run"),
    ]
    assert len(frame) == 12 and set(frame["status"]) == {"ok"} and set(frame["place"]) == {str(folder)}
    assert frame["seed"].tolist() == [0, 1] * 6 and frame["score"].tolist() == [0.125 * i for i in range(12)]
    table = pd.read_csv(folder / "tables/toy.csv").set_index(["place", "entrant"])["error"]
    means = frame.groupby(["dataset", "model"])["error"].mean()
    assert means.to_dict() == pytest.approx({key: table[key] for key in means.index})


def test_an_example_is_a_row_of_its_values(folder):
    frame = dgmbench.results(folder, by_example=True)
    assert list(frame.columns) == ["place", "task", "dataset", "model", "seed", "example", "wrong"]
    assert len(frame) == 12 * 200
    kept = read_values(folder / "tables/toy.npz")
    for (dataset, model, seed), part in frame.groupby(["dataset", "model", "seed"]):
        np.testing.assert_array_equal(part["wrong"], kept[dataset, model, seed]["wrong"])
        assert part["example"].tolist() == list(range(200))


def test_archives_presets_and_several_places_are_read(folder, tmp_path, monkeypatch):
    publish(folder, "trial", tmp_path / "trial.zip")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/trial").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    frame = dgmbench.results(["trial.zip", "trial"])
    assert frame.groupby("place").size().to_dict() == {"trial.zip": 12, "trial": 12}
    first, second = (part.drop(columns="place").reset_index(drop=True) for _, part in frame.groupby("place"))
    pd.testing.assert_frame_equal(first, second)


def test_failed_missing_and_diverged_runs_are_rows(plan_of, write, write_failure, known_toy, workspace):
    plan = plan_of(datasets=["here"], seeds=(0, 1))
    write(plan.runs[0], workspace, [np.nan, 1.0], status="diverged")
    write_failure(plan.runs[1], workspace, "it broke")
    (workspace.root / "plan.json").write_text(
        json.dumps({"preset": "trial", "runs": [{"spec": run.to_dict()} for run in plan.runs]})
    )
    frame = dgmbench.results(workspace.root)
    assert frame["status"].tolist() == ["diverged", "failed", *["missing"] * 4]
    assert frame["reason"][1] == "training: it broke" and frame["error"].isna().all()
    assert dgmbench.results(workspace.root, by_example=True)["wrong"].tolist()[1:] == [1.0]


def test_without_a_value_by_example_the_frame_is_empty(plan_of, known_toy, workspace):
    workspace.root.mkdir()
    runs = [{"spec": run.to_dict()} for run in plan_of(datasets=["here"]).runs]
    (workspace.root / "plan.json").write_text(json.dumps({"preset": "trial", "runs": runs}))
    frame = dgmbench.results(workspace.root, by_example=True)
    assert len(frame) == 0 and "example" in frame.columns


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ("nowhere", "no folder or archive nowhere, nor a preset of this name in results"),
        ([], "give a folder of results, an archive, or the name of a preset"),
        ("empty", "empty holds no run"),
        ("file.txt", "file.txt is no archive that dgmbench publish makes"),
        (["empty", "nowhere"], "empty holds no run"),
    ],
)
def test_a_wrong_place_is_one_line(places, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("text")
    with pytest.raises(UserError) as error:
        dgmbench.results(places)
    assert said in str(error.value) and "\n" not in str(error.value)
