"""Tables and figures as files: the same bytes from the same records, and nothing of an earlier configuration."""

import dataclasses
import shutil

import pytest

from dgmbench.commands.tabulate import tabulate
from dgmbench.errors import UserError
from dgmbench.run.workspace import Workspace


def test_the_same_records_give_the_same_bytes(whole, tmp_path):
    plan, first = whole
    second = Workspace(tmp_path / "trial")
    shutil.copytree(first.root, second.root)
    before = {path: path.read_bytes() for path in second.root.rglob("*") if path.parent.name in ("tables", "figures")}
    assert len(before) == 5 + 6
    shutil.rmtree(second.tables)
    shutil.rmtree(second.figures)
    tabulate(plan, second)
    assert {path: path.read_bytes() for path in before} == before


def test_files_of_an_earlier_configuration_go(plan_of, toy, workspace, write):
    plan = plan_of()
    write(plan.runs[0], workspace, [0, 100])
    tabulate(plan, workspace)
    (workspace.figures / "of_an_analysis.png").touch()
    assert (workspace.figures / "toy.pdf").exists()
    tabulate(plan_of(epochs=7), workspace)  # of which nothing is done
    assert [path.name for path in workspace.figures.iterdir()] == ["of_an_analysis.png"]
    other = dataclasses.replace(toy, name="other")
    runs = tuple(dataclasses.replace(run, task="other") for run in plan.runs)
    tabulate(dataclasses.replace(plan, tasks={"other": other}, runs=runs), workspace)
    assert {path.name for path in workspace.tables.iterdir()} == {
        f"other.{s}" for s in ("csv", "md", "html", "tex", "npz")
    }


def test_the_table_of_one_task_leaves_those_of_others(plan_of, toy, workspace, write):
    plan = plan_of()
    write(plan.runs[0], workspace, [0, 100])
    other = dataclasses.replace(toy, name="other")
    runs = (*plan.runs, *(dataclasses.replace(run, task="other") for run in plan.runs))
    both = dataclasses.replace(plan, tasks={"toy": toy, "other": other}, runs=runs)
    tabulate(both, workspace)
    before = {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*") if path.name.startswith("toy")}
    assert before
    (workspace.tables / "other.csv").unlink()
    tabulate(both, workspace, "other")
    assert (workspace.tables / "other.csv").exists()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    tabulate(dataclasses.replace(both, tasks={"other": other}, runs=runs[len(plan.runs) :]), workspace, "other")
    assert not any(path.exists() for path in before), "what the configuration has no more goes"
    with pytest.raises(UserError, match=r"has no runs of othr; did you mean 'other'\?"):
        tabulate(both, workspace, "othr")


def test_a_folder_that_cannot_be_written_is_one_line(plan_of, tmp_path):
    (tmp_path / "trial").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*trial is no folder, and one has to be there"):
        tabulate(plan_of(), Workspace(tmp_path / "trial"))
