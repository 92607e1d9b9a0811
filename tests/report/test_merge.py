"""Results of several machines become one table; what does not belong together is refused, or named."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from dgmbench import cli
from dgmbench.commands.kept import read_kept
from dgmbench.commands.merge import merge
from dgmbench.commands.verify import verify
from dgmbench.errors import UserError
from dgmbench.run.records import read_json
from dgmbench.run.workspace import Workspace


@pytest.fixture
def side(write, known_toy, no_figures, tmp_path):
    """A function that leaves the results of a plan, its values made from seed and row, and reads them."""

    def make(name, plan, only=None, **more):
        place = Workspace(tmp_path / name)
        for spec in plan.runs if only is None else plan.runs[:only]:
            rng = np.random.default_rng([len(spec.model), spec.seed])
            write(spec, place, rng.normal(10, 1, 40), **more)
        runs = [{"spec": run.to_dict()} for run in plan.runs]
        (place.root / "plan.json").write_text(json.dumps({"preset": name, "runs": runs}))
        return read_kept(place.root, name)

    return make


def csv_lines(folder):
    return [line.split(",") for line in (folder / "tables/toy.csv").read_text().splitlines()[1:]]


def test_seeds_of_two_machines_are_one_row(plan_of, side, tmp_path):
    sides = [side("one", plan_of((0, 1), ["here"])), side("two", plan_of((2,), ["here"]))]
    assert merge(sides, tmp_path / "all") == []
    lines = [line for line in csv_lines(tmp_path / "all") if line[0] == "here"]
    assert [line[:3] for line in lines] == [["here", name, "3"] for name in ("plain", "variant", "rival")]
    assert verify(tmp_path / "all")[0] == []
    assert (tmp_path / "all/report.html").is_file() and (tmp_path / "index.html").is_file()
    sources = read_json(tmp_path / "all/merged.json")["runs"]
    assert {(run.split(".")[2], name) for run, name in sources.items()} == {("s0", "one"), ("s1", "one"), ("s2", "two")}


def test_rows_of_two_machines_are_one_table(plan_of, side, write_failure, tmp_path):
    first = side("one", plan_of((0,), ["here"], ["plain"]))
    second = side("two", plan_of((0,), ["here", "there"], ["variant", "rival"]), only=3)
    write_failure(second.plan.runs[3], second.workspace, "it broke")
    merge([first, second], tmp_path / "all")
    status = {(line[0], line[1]): line[-1] for line in csv_lines(tmp_path / "all")}
    assert status["here", "plain"] == status["here", "rival"] == status["there", "variant"] == "ok"
    assert status["there", "rival"] == "failed"
    assert verify(tmp_path / "all")[0] == []


def test_what_one_side_lacks_the_other_has_and_the_same_run_counts_once(plan_of, side, tmp_path):
    plan = plan_of((0, 1), ["here"])
    merge([side("part", plan, only=2), side("whole", plan)], tmp_path / "all")
    assert [line[2] for line in csv_lines(tmp_path / "all") if line[0] == "here"] == ["2", "2", "2"]
    sources = list(read_json(tmp_path / "all/merged.json")["runs"].values())
    assert (sources.count("part"), sources.count("whole")) == (2, 4)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"epochs": 5}, "plain on here: epochs is 4 in one, 5 in two (and 2 more lines like it)"),
        ({"test_limit": 9}, "plain on here: test_limit is 0 in one, 9 in two (and 2 more lines like it)"),
        ({"data": {"checksums": {"array:test": "dd"}}}, "plain on here in one and plain on here in two: the a"),
        ({"data": {"checksums": {"array:test": "dd", "array:train": "ee"}}}, "the arrays train, test differ"),
        ({"protocol": {"split": "valid"}}, "the split is null and valid"),
        ({"values": 1.0}, "plain on here, seed 0: one and two have other numbers by the same settings; leave one out"),
        ({"broken": "run.json is broken"}, "two: "),
        ({"rounded": True}, "two has rounded values by example alone, beside its table: it cannot be merged"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(changed, said, plan_of, side, write, tmp_path):
    settings = {name: value for name, value in changed.items() if name in ("epochs", "test_limit")}
    more = {name: value for name, value in changed.items() if name in ("data", "protocol")}
    first = side("one", plan_of((0,), ["here"]))
    second = side("two", plan_of((0,), ["here"], **settings), **more)
    run = second.workspace.run(second.plan.runs[0])
    if "values" in changed:
        write(second.plan.runs[0], second.workspace, np.ones(40))
    if "broken" in changed:
        (run / "run.json").write_text("{")
    if "rounded" in changed:
        (run / "per_example.npz").unlink()
        key = ("here", "plain", 0)
        object.__setattr__(second, "values", {"toy": {key: {"wrong": np.ones(40)}}})
    with pytest.raises(UserError) as error:
        merge([first, second], tmp_path / "all")
    assert said in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "all").exists()


def test_other_settings_of_other_rows_and_other_code_are_named(plan_of, side, tmp_path):
    first = side("one", plan_of((0,), ["here"], ["plain"], epochs=7))
    code = {"code": {"version": "0.1.0", "commit": "e" * 40}}
    second = side("two", plan_of((0,), ["here"], ["rival"]), training=code)
    remarks = merge([first, second], tmp_path / "all")
    assert remarks == [
        "here: rows differ in epochs: 7 in one, 4 in two",
        "the code is of different commits: ffffffffff in one, eeeeeeeeee and ffffffffff in two",
    ]
    assert read_json(tmp_path / "all/merged.json")["remarks"] == remarks


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.app(["merge", *arguments], prog_name="dgmbench")
    return stop.value.code or 0, "".join(capsys.readouterr())


def test_the_command_merges_by_name_and_overwrites_nothing(plan_of, side, tmp_path, capsys):
    side("one", plan_of((0,), ["here"], ["plain"]))
    side("two", plan_of((1,), ["here"], ["plain"]))
    arguments = ["one", "two", "--results", str(tmp_path), "--name"]
    code, text = call(capsys, *arguments, "all")
    assert code == 0 and text.rstrip().endswith("all/report.html")
    assert call(capsys, *arguments, "all") == (
        2, f"dgmbench: error: {tmp_path}/all exists; choose another name, or remove it\n",
    )  # fmt: skip
    for name, said in (("reference", "the published runs are kept there"), (".x", "begins with a dot"), ("a/b", "'/'")):
        code, text = call(capsys, *arguments, name)
        assert code == 2 and said in text and text.count("\n") == 1
    for twice, said in (
        ("two", "two is given twice; name other results in its place"),
        (f"{tmp_path}/one", f"{tmp_path}/one and one are the same results; name other results in its place"),
    ):
        assert call(capsys, twice, *arguments, "more") == (2, f"dgmbench: error: {said}\n")
    shutil.rmtree(tmp_path / "two")
    assert call(capsys, *arguments, "more")[0] == 2
