"""What the records on disk mean for a cell."""

import json

import numpy as np
import pytest


def test_published_cells_appear_without_being_planned_and_planned_ones_without_being_published(
    plan_of, cells_of, workspace
):
    cells = cells_of(plan_of(datasets=["here"], models=["rival"]), workspace)
    assert [(cell.dataset, cell.model) for cell in cells] == [
        *(("here", model) for model in ("rival", "plain", "variant")),
        ("there", "plain"),
    ]
    assert {cell.status for cell in cells} == {"missing"}
    assert [cell.published("error") for cell in cells] == [None, 12.0, None, 5.5]
    assert cells.datasets == ["here"] and [cell.model for cell in cells.shown] == ["rival"]
    assert cells.left_out == ["there", "plain", "variant"]


def test_a_cell_has_the_worst_status_of_its_seeds_and_says_of_how_many(
    plan_of, cells_of, workspace, write, write_failure
):
    plan = plan_of(seeds=[0, 1, 2], datasets=["here"], models=["plain"])
    for run in plan.runs[:2]:
        write(run, workspace, [0, 100])
    (cell, *_) = cells_of(plan, workspace)
    assert (cell.status, cell.remark, cell.seeds) == ("missing", "missing: 1 of 3 seeds", "0 to 2")
    write_failure(plan.runs[2], workspace, "RuntimeError: out\nof memory")
    (cell, *_) = cells_of(plan, workspace)
    assert (cell.status, cell.remark) == ("failed", "failed: 1 of 3 seeds")
    assert cell.runs[2].reason == "training: RuntimeError: out of memory"
    assert len(cell.measured("error")) == 2


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "run.json").write_text("{"), "is broken"),
        (lambda folder: (folder / "run.json").write_text('{"format": 99}'), "another version"),
        (lambda folder: (folder / "run.json").write_text('{"format": 1, "status": "fine"}'), "'fine'"),
        (
            lambda folder: (folder / "run.json").write_text('{"status": "ok", "metrics": 1}'),
            "about metrics.error",
        ),
        (lambda folder: (folder / "per_example.npz").unlink(), "no "),
        (lambda folder: (folder / "per_example.npz").write_bytes(b"PK\3\4rest"), "is broken"),
        (lambda folder: np.savez(folder / "per_example.npz", wrong=np.zeros(4)), "not of one evaluation"),
        (lambda folder: np.savez(folder / "per_example.npz", other=np.zeros(4)), "not of one evaluation"),
    ],
)
def test_a_damaged_record_is_a_failed_cell_with_its_reason(plan_of, cells_of, workspace, write, damage, reason):
    plan = plan_of()
    write(plan.runs[0], workspace, [0, 100, 0, 0])
    damage(workspace.run(plan.runs[0]))
    (cell, *_) = cells_of(plan, workspace)
    assert cell.status == "failed"
    assert reason in cell.runs[0].reason and "\n" not in cell.runs[0].reason


def test_a_record_that_lacks_what_the_table_shows_is_failed(plan_of, cells_of, workspace, write):
    plan = plan_of()
    write(plan.runs[0], workspace, [0, 100])
    path = workspace.run(plan.runs[0]) / "run.json"
    record = json.loads(path.read_text())
    del record["evaluation"]["measure_seconds"]
    path.write_text(json.dumps(record))
    (cell, *_) = cells_of(plan, workspace)
    assert cell.status == "failed" and "evaluation.measure_seconds" in cell.runs[0].reason


@pytest.mark.parametrize(
    ("note", "status"),
    [
        ({"stage": "training"}, "failed"),
        ({"stage": "training", "run_id": "another evaluation of it"}, "failed"),
        ({"stage": "evaluation", "run_id": "its own"}, "failed"),
        ({"stage": "evaluation", "run_id": "another evaluation of it"}, "ok"),
        ({"stage": "evaluation"}, "ok"),
    ],
)
def test_a_result_from_before_a_failed_attempt_is_not_shown(plan_of, cells_of, workspace, write, note, status):
    plan = plan_of()
    run = plan.runs[0]
    write(run, workspace, [0, 100, 0, 0])
    if note.get("run_id") == "its own":
        note = {**note, "run_id": run.run_id}
    workspace.state(run).mkdir(parents=True)
    (workspace.state(run) / "failure.json").write_text(json.dumps({"format": 1, "error": "no more data", **note}))
    (cell, *_) = cells_of(plan, workspace)
    assert cell.status == status
    assert cell.runs[0].reason == (f"{note['stage']}: no more data" if status == "failed" else "")


def test_a_record_of_another_run_is_failed(plan_of, cells_of, workspace, write):
    plan = plan_of()
    for run, values in zip(plan.runs[:2], ([0, 100], [0, 0]), strict=True):
        write(run, workspace, values)
    (workspace.run(plan.runs[1]) / "run.json").replace(workspace.run(plan.runs[0]) / "run.json")
    (cell, *_) = cells_of(plan, workspace)
    assert cell.status == "failed" and "of another run; remove the folder" in cell.runs[0].reason


def test_what_a_table_asks_in_each_cell_is_computed_once(plan_of, workspace, cells_of):
    cells = cells_of(plan_of(), workspace)
    for name in ("datasets", "models", "shown", "any_published"):
        assert getattr(cells, name) is getattr(cells, name)
    assert [cell.model for cell in cells.shown] == 2 * cells.models
