"""What does not follow from the values by example is found, and said in a line; what was left as it is agrees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dgmbench import cli
from dgmbench.commands.tabulate import tabulate
from dgmbench.commands.verify import verify
from dgmbench.errors import UserError
from dgmbench.metrics.classification import classify
from dgmbench.run.records import write_arrays
from dgmbench.tasks.classification.table import TABLE as CLASSIFICATION

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


@pytest.fixture
def place(undrawn, known_toy, tmp_path):
    """A copy of a results folder, to be changed."""
    shutil.copytree(undrawn, tmp_path / "trial")
    return tmp_path / "trial"


def some_run(place):
    return sorted(place.glob("runs/here.plain.s0.*"))[0]


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def csv_number(place):
    """The first number of our own in the CSV table."""
    return (place / "tables/toy.csv").read_text().splitlines()[1].split(",")[3]


def test_what_was_left_as_it_is_agrees(place):
    found, checked = verify(place)
    assert (found, checked) == ([], "12 runs of 12 and 1 table")


def test_missing_and_failed_runs_agree_with_a_table_that_says_so(
    plan_of, write, write_failure, known_toy, no_figures, workspace
):
    plan = plan_of(datasets=["here"])
    write(plan.runs[0], workspace, [0.0, 100.0, 0.0])
    write_failure(plan.runs[1], workspace, "it broke")
    tabulate(plan, workspace)
    assert verify(workspace.root) == ([], "1 run of 3 and 1 table")
    shutil.rmtree(workspace.state(plan.runs[1]))
    found, _ = verify(workspace.root)
    assert "tables/toy.csv: here, variant: status is failed, computed again it is missing" in found


@pytest.mark.parametrize("seeds", [(0,), (0, 1), (3, 5, 8)])
@pytest.mark.parametrize("datasets", [["here"], ["here", "there"]])
def test_tables_of_any_seeds_and_datasets_agree(seeds, datasets, plan_of, write, known_toy, no_figures, workspace):
    plan, rng = plan_of(seeds=seeds, datasets=datasets), np.random.default_rng(3)
    for spec in plan.runs:
        write(spec, workspace, rng.normal(5, 1, 30))
    tabulate(plan, workspace)
    assert verify(workspace.root)[0] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("metric", "its error is 3.25, its values by example give "),
        ("status", "tables/toy.csv: here, plain: status is ok, computed again it is diverged"),
        ("seed", "its seed is 7, its settings give 0"),
        ("id", "its run_id is 'another', its settings give 'here.plain.s0."),
        ("settings", "its settings are not those of this run"),
        ("values", "per_example.npz is damaged: its checksum is not that of the record"),
        ("values gone", "has no values by example: its metrics cannot be computed again"),
        ("record gone", "tables/toy.csv: here, plain: status is ok, computed again it is missing"),
        ("record broken", "run.json is broken"),
        ("record of another kind", "run.json was not written by dgmbench, or changed since"),
        ("csv", "tables/toy.csv: here, plain: error is 99.5, computed again it is "),
        ("csv word", "tables/toy.csv: here, plain: status is diverged, computed again it is ok"),
        ("csv line", "tables/toy.csv has no line here, plain"),
        ("csv line added", "tables/toy.csv: there is no run of ghost on here"),
        ("csv gone", "tables/toy.csv is not there, and cannot be checked"),
        ("cell", "tables/toy.md: plain: here error rate is "),
        ("interval", "tables/toy.md: Paired differences, here, "),
        ("verdict", "tables/toy.md: Paired differences, "),
        ("kept values", "tables/toy.npz has other values than the run of plain on here, seed 0"),
    ],
)
def test_a_change_is_found(change, said, place):
    run = some_run(place)
    record = json.loads((run / "run.json").read_text())
    table, text = place / "tables/toy.csv", place / "tables/toy.md"
    match change:
        case "metric":
            record["metrics"]["error"] = 3.25
        case "status":
            record["status"] = "diverged"
        case "seed":
            record["seed"] = 7
        case "id":
            record["run_id"] = "another"
        case "settings":
            record["spec"]["settings"]["epochs"] = 5
        case "record of another kind":
            record["metrics"] = {"error": [1, 2]}
        case "values":
            values = np.load(run / "per_example.npz")["wrong"]
            record["products"] = {"per_example.npz": {"bytes": 1, "sha256": "0"}}
            write_arrays(run / "per_example.npz", wrong=values)
        case "values gone":
            (run / "per_example.npz").unlink()
            (place / "tables/toy.npz").unlink()
        case "csv":
            replace(table, csv_number(place), "99.5")
        case "csv word":
            replace(table, ",ok\n", ",diverged\n")
        case "csv line":
            replace(table, "here,plain", "here,planar")
        case "csv line added":
            last = table.read_text().splitlines()[-1].split(",")
            table.write_text(table.read_text() + ",".join(["here", "ghost", *last[2:]]) + "\n")
        case "csv gone":
            table.unlink()
        case "cell":
            replace(text, "± ", "± 1")
        case "interval":
            replace(text, " [", " [-")
        case "verdict":
            old = next(word for word in ("| cannot tell", "| yes", "| no, it is worse") if word in text.read_text())
            replace(text, old, "| perhaps")
    if change == "record gone":
        (run / "run.json").unlink()
    elif change == "record broken":
        (run / "run.json").write_text("{")
    elif change == "kept values":
        write_arrays(place / "tables/toy.npz", **changed_values(place / "tables/toy.npz"))
    else:
        (run / "run.json").write_text(json.dumps(record))
    found, _ = verify(place)
    assert any(said in each for each in found), found
    assert all("\n" not in each for each in found)


def changed_values(path):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    first = json.loads(str(arrays["index"]))[0]["arrays"]["wrong"]
    arrays[first] = arrays[first] + 1
    return arrays


@pytest.mark.parametrize("preset", [path.parents[2].name for path in sorted(REFERENCE.glob("*/runs/*/run.json"))[:1]])
def test_a_published_table_follows_from_the_rounded_values_beside_it(preset, tmp_path):
    assert verify(REFERENCE / preset)[0] == []
    shutil.copytree(REFERENCE / preset, tmp_path / "changed")
    row = next(line for line in (tmp_path / "changed/tables/density.csv").read_text().splitlines() if ",ok" in line)
    replace(tmp_path / "changed/tables/density.csv", row.split(",")[4], "-28.5")
    found, _ = verify(tmp_path / "changed")
    assert len(found) == 1 and "ll_mean is -28.5, computed again it is -" in found[0]


@pytest.mark.parametrize("classes", [2, 3, 5, 8, 13])
def test_macro_averages_follow_from_labels_and_predictions(classes):
    rng = np.random.default_rng(classes)
    features, labels = rng.normal(size=(120, 4)), np.arange(120) % classes
    scores = classify(features[:80], labels[:80], features[80:], labels[80:])
    found = CLASSIFICATION.from_examples({"labels": labels[80:], "predictions": scores.predictions})
    assert found == {name: getattr(scores, name) for name in ("precision", "recall", "f1", "accuracy")}


SPEC = {"task": "none", "dataset": "x", "model": "y", "factory": "", "seed": 0, "options": {}, "settings": {}}
OF_ANOTHER_PACKAGE = json.dumps({"preset": "a", "runs": [{"spec": SPEC}]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, r"holds no run: neither plan.json nor runs/\*/run.json; give a folder of results$"),
        ({"one/plan.json": "", "two/runs/x": "", "three/x": ""}, "; give one of the results in it: one, two$"),
        ({"tables/toy.csv": "place,entrant\n"}, "holds tables, but no run"),
        ({"plan.json": "{"}, "plan.json is broken"),
        ({"plan.json": '{"preset": "a", "runs": [{}]}'}, "was not written by dgmbench, or changed since"),
        ({"plan.json": '{"preset": "a", "runs": 3}'}, "was not written by dgmbench, or changed since"),
        ({"plan.json": "[" * 100_000}, "."),
        (
            {"plan.json": OF_ANOTHER_PACKAGE},
            r"/plan.json: unknown task 'none'; .*; install the package that",
        ),
        ({"runs/x/run.json": '{"spec": {"task": "none"}}'}, "was not written by dgmbench, or changed since"),
    ],
)
def test_a_folder_that_holds_no_results_is_one_line(content, said, tmp_path):
    for name, text in content.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=said) as error:
        verify(tmp_path)
    assert "\n" not in str(error.value)


def call(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.app(list(arguments), prog_name="dgmbench")
    return stop.value.code or 0


def test_the_command_names_a_preset_and_ends_with_the_findings(place, capsys):
    assert call("verify", "trial", "--results", str(place.parent)) == 0
    assert capsys.readouterr().out == "trial: 12 runs of 12 and 1 table: every number follows from its values\n"
    replace(place / "tables/toy.csv", csv_number(place), "99.5")
    assert call("verify", str(place)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("- tables/toy.csv: here, plain: error is 99.5") and lines[-1].endswith(": 1 finding")
    assert call("verify", "trail", "--results", str(place.parent)) == 2
    assert "nor a preset of this name" in capsys.readouterr().err
