"""Two results beside each other: the right differences, what else differs, and what cannot be compared."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dgmbench import cli
from dgmbench.commands.compare import at_commit, compare, of_commit, to_text, write
from dgmbench.commands.kept import read_kept
from dgmbench.errors import UserError
from dgmbench.metrics.differences import mean_difference
from dgmbench.run.records import read_arrays
from dgmbench.run.workspace import Workspace


@pytest.fixture
def sides(plan_of, write, known_toy, tmp_path):
    """A function that leaves two results: (plan, values by run number) of each, and reads both."""

    def make(*contents, names=("ours", "theirs"), **more):
        found = []
        for name, (plan, values) in zip(names, contents, strict=True):
            place = Workspace(tmp_path / name)
            for number, spec in enumerate(plan.runs):
                write(spec, place, values(number), **more.get(name, {}))
            (place.root / "plan.json").write_text(
                json.dumps({"preset": name, "runs": [{"spec": run.to_dict()} for run in plan.runs]})
            )
            found.append(read_kept(place.root, name))
        return found

    return make


def rng_values(seed, mean=10.0):
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(99).normal(mean, 2, 60)
    return lambda number: base + rng.normal(0.1 * number, 0.5, 60)


@pytest.mark.parametrize(
    ("ours", "theirs"), [((0,), (0,)), ((0, 1), (0, 1)), ((0, 1, 2), (5, 6)), ((0,), (0, 1)), ((4,), (9,))]
)
def test_the_difference_is_that_of_the_values_by_example(ours, theirs, plan_of, sides):
    first, second = sides((plan_of(ours), rng_values(1)), (plan_of(theirs), rng_values(2)))
    (found,) = compare(first, second)
    assert len(found.lines) == 12  # two datasets, three rows, two metrics
    for line in (line for line in found.lines if line["metric"] == "error"):
        values = [
            np.stack(
                [
                    read_arrays(kept.workspace.run(run) / "per_example.npz")["wrong"]
                    for run in kept.plan.runs
                    if (run.dataset, run.model) == (line["place"], line["entrant"])
                ]
            )
            for kept in (second, first)
        ]
        expected = mean_difference(*values)
        assert (line["difference"], line["low"], line["high"]) == pytest.approx(tuple(expected))
        assert line["second"] - line["first"] == pytest.approx(expected.mean)


@pytest.mark.parametrize(
    ("shift", "seeds", "verdict"),
    [
        (-3.0, (0,), "on these trained models"),
        (3.0, (0,), "worse on these trained models"),
        (-3.0, (0, 1), "yes"),
        (3.0, (0, 1), "no, it is worse"),
        (0.0, (0, 1), "the same values"),
    ],
)
def test_the_verdict_claims_no_more_than_the_interval_covers(shift, seeds, verdict, plan_of, sides):
    values = rng_values(1)
    kept = [values(number % 3) for number in range(12)]
    plan = plan_of(seeds)
    found = compare(*sides((plan, kept.__getitem__), (plan, lambda number: kept[number] + shift)))
    assert {line["verdict"] for line in found[0].lines if line["metric"] == "error"} == {verdict}


def changed(plan_of, sides, **more):
    plan = plan_of(datasets=["here"])
    return sides((plan, rng_values(1)), (plan, rng_values(1)), **more)


def differing(found):
    return {row[0]: row[1:] for row in found[0].sheet.grids[-1].rows}


def test_where_nothing_differs_it_says_so(plan_of, sides):
    found = compare(*changed(plan_of, sides))
    assert differing(found) == {"nothing": ("", "", "all rows")}
    assert "Nothing: settings, data, code, libraries and machine are the same." in to_text(found)


CHECKSUMS = {"source": "elsewhere", "array:train": "bb", "array:test": "dd"}


@pytest.mark.parametrize(
    ("part", "content", "what", "values"),
    [
        ("training", {"device": "cuda"}, "device of the training", ("–", "cuda")),
        ("training", {"threads": 4}, "threads of the training", ("1", "4")),
        ("training", {"libraries": {"numpy": "2.5.0"}}, "numpy of the training", ("2.4.0", "2.5.0")),
        ("training", {"host": {"processor": "P", "cores": 8, "system": "S"}}, "machine of the training",
         ("Some CPU, 2 cores, Linux", "P, 8 cores, S")),
        ("training", {"code": {"version": "0.2.0", "commit": "e" * 40, "source_hash": "00"}}, "commit of the training",
         ("dgmbench 0.1.0, commit ffffffffff", "dgmbench 0.2.0, commit eeeeeeeeee")),
        ("training", {"code": {"version": "0.1.0", "commit": "f" * 40, "source_hash": "01"}},
         "code that ran of the training", ("one version", "another")),
        ("data", {"checksums": CHECKSUMS, "source": "elsewhere"}, "data", ("test cc, train bb", "test dd, train bb")),
        ("data", {"checksums": CHECKSUMS, "source": "elsewhere"}, "source of the data",
         ("a registry archive 1.0", "elsewhere")),
    ],
)  # fmt: skip
def test_what_else_differs_is_named(part, content, what, values, plan_of, sides):
    found = compare(*changed(plan_of, sides, theirs={part: content}))
    assert differing(found)[what] == (*values, "all rows")


def test_changed_settings_seeds_and_rows_are_named(plan_of, sides):
    first, second = (
        plan_of((0,), ["here"], ["plain", "variant"], epochs=5),
        plan_of((1, 2), ["here"], ["plain", "rival"]),
    )
    (found,) = compare(*sides((first, rng_values(1)), (second, rng_values(2))))
    rows = {row[0]: row[1:] for row in found.sheet.grids[-1].rows}
    assert rows == {"setting epochs": ("5", "4", "all rows"), "seeds": ("0", "1, 2", "all rows")}
    assert found.sheet.notes[1:] == ["Only in ours: variant on here.", "Only in theirs: rival on here."]


def test_other_test_data_gives_no_interval(plan_of, sides):
    found = compare(*changed(plan_of, sides, theirs={"data": {"checksums": CHECKSUMS, "source": "elsewhere"}}))
    lines = [line for line in found[0].lines if line["metric"] == "error"]
    assert {(line["low"], line["verdict"]) for line in lines} <= {
        (None, "measured on other test data"),
        (None, "the same values"),
    }


def test_missing_and_failed_rows_are_said(plan_of, sides):
    first, second = changed(plan_of, sides)
    shutil.rmtree(second.workspace.run(second.plan.runs[0]))
    (found,) = compare(first, second)
    assert found.lines[0]["verdict"] == "plain in theirs is missing"
    assert found.sheet.rows[0][1][1].ours == "missing"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("elsewhere/default@abc1234", ("elsewhere/default", "abc1234")),
        ("default", ("default", "")),
        ("me@home", ("me@home", "")),
        ("me@home@0123abcd", ("me@home", "0123abcd")),
        ("default@", ("default@", "")),
        ("default@12", ("default@12", "")),
        ("kept@12", ("kept", "12")),
        ("kept@HEAD", ("kept", "HEAD")),
        ("kept@abcd", ("kept@abcd", "")),
    ],
)
def test_a_commit_stands_behind_an_at_sign(name, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in ("kept", "kept@abcd"):
        (tmp_path / "results" / place).mkdir(parents=True)
    assert at_commit(name) == expected


def test_of_a_commit_only_its_runs_are_compared(plan_of, sides, write):
    first, second = changed(plan_of, sides)
    code = {"code": {"version": "0.1.0", "commit": "e" * 40, "dirty": False}}
    write(first.plan.runs[1], first.workspace, np.ones(60), training=code)
    chosen = of_commit(first, "eeee")
    assert [run.model for run in chosen.plan.runs] == ["variant"] and chosen.label == "ours@eeee"
    assert len(compare(chosen, second)[0].lines) == 2
    with pytest.raises(UserError, match=r"ours has no run of commit abcd; it has runs of ffffffffff, eeeeeeeeee"):
        of_commit(first, "abcd")
    with pytest.raises(UserError, match=r"ours has no run of commit HEAD; it has runs of ffffffffff, eeeeeeeeee"):
        of_commit(first, "HEAD")
    write(first.plan.runs[0], first.workspace, np.ones(60), training={"code": {"commit": "e" * 39 + "0"}})
    with pytest.raises(UserError, match=r"ours has several commits that begin with ee; it has runs of e"):
        of_commit(first, "ee")


def test_runs_whose_commit_is_not_known_are_of_none(plan_of, sides, write):
    first, _ = sides((plan := plan_of(datasets=["here"]), rng_values(1)), (plan, rng_values(2)))
    for run in plan.runs:
        write(
            run,
            first.workspace,
            np.ones(60),
            training={"code": {"commit": None}},
            evaluation={"code": {"commit": None}},
        )
    with pytest.raises(UserError, match=r"has no run of commit abcd; it has runs of none whose commit is known"):
        of_commit(first, "abcd")


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("a/default", "b/default"), ("a/default", "b/default")),
        (("results/one", "results/two"), ("one", "two")),
        (("one", "elsewhere/one.zip"), ("one", "one.zip")),
        (("same", "same"), ("same (first)", "same (second)")),
    ],
)
def test_both_sides_have_names_that_tell_them_apart(names, labels, plan_of, sides):
    plan = plan_of(datasets=["here"], models=["plain"])
    first, second = sides((plan, rng_values(1)), (plan, rng_values(2)), names=("x", "y"))
    found = compare(*(read_kept(kept.workspace.root, name) for kept, name in zip((first, second), names, strict=True)))
    assert found[0].sheet.groups == (("here", tuple(f"{m}, {x}" for m in ("error rate", "score") for x in labels)),)


def test_results_without_a_row_in_common_are_one_line(plan_of, sides):
    first, second = plan_of(datasets=["here"], models=["plain"]), plan_of(datasets=["there"], models=["rival"])
    with pytest.raises(UserError, match="no row is in both: ours has plain on here; theirs has rival on there"):
        compare(*sides((first, rng_values(1)), (second, rng_values(2))))


def test_the_page_and_the_tables_say_the_same(plan_of, sides, tmp_path):
    found = compare(*changed(plan_of, sides))
    page = write(found, tmp_path / "out").read_text(encoding="utf-8")
    assert "the same values" in page and "src=" not in page and "href=" not in page
    with (tmp_path / "out/toy.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["entrant"] for line in lines] == ["plain", "variant", "rival"] * 2
    assert float(lines[0]["difference"]) == 0 and (tmp_path / "out/comparison.md").read_text() == to_text(found)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("ours", "ours is given twice; name other results in its place"),
        ("{folder}/ours", "ours and {folder}/ours are the same results; name other results in its place"),
        (
            "{folder}/theirs/../ours",
            "ours and {folder}/theirs/../ours are the same results; name other results in its place",
        ),
        ("ours@abcd", "ours has no run of commit abcd; it has runs of "),
    ],
)
def test_results_are_not_compared_with_themselves(second, said, plan_of, sides, tmp_path, capsys):
    changed(plan_of, sides)
    with pytest.raises(SystemExit) as stop:
        cli.app(["compare", "ours", second.format(folder=tmp_path), "--results", str(tmp_path)])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1
    assert error.startswith(f"dgmbench: error: {said.format(folder=tmp_path)}")


def test_the_command_prints_or_writes(plan_of, sides, tmp_path, capsys):
    changed(plan_of, sides)
    for arguments, said in (
        ([], "## theirs minus ours: error rate"),
        (["--to", str(tmp_path / "c")], "comparison.html"),
    ):
        with pytest.raises(SystemExit) as stop:
            cli.app(["compare", "ours", str(tmp_path / "theirs"), "--results", str(tmp_path), *arguments])
        assert not stop.value.code and said in capsys.readouterr().out
    assert Path(tmp_path / "c/comparison.html").is_file()
