"""The generic table: its numbers worked out by hand, what is bold, what is compared with what."""

import dataclasses
import math

import numpy as np
import pytest

from dgmbench.names import load_object


@pytest.fixture
def table(toy):
    return load_object(toy.table)


def row_of(table, cells, dataset, model):
    return next(row for row in table.rows(cells) if (row["place"], row["entrant"]) == (dataset, model))


def test_columns_and_a_row_by_hand(table, plan_of, cells_of, workspace, write):
    plan = plan_of(seeds=[0, 1], datasets=["here"])
    write(plan.runs[0], workspace, [0, 100, 0, 100], 0.25)
    write(plan.runs[1], workspace, [0, 100, 0, 0], 0.75)
    cells = cells_of(plan, workspace)
    columns = "place entrant n_seeds error error_sd_seeds paper_error score score_sd_seeds seconds status"
    assert " ".join(table.rows(cells)[0]) == columns
    row = row_of(table, cells, "here", "plain")
    assert (row["n_seeds"], row["error"], row["paper_error"], row["score"]) == (2, 37.5, 12.0, 0.5)
    assert row["error_sd_seeds"] == pytest.approx(25 * math.sqrt(0.5))
    assert row["score_sd_seeds"] == pytest.approx(0.5 * math.sqrt(0.5))
    assert (row["seconds"], row["status"]) == (603.0, "ok")
    missing = row_of(table, cells, "here", "rival")
    assert (missing["n_seeds"], missing["status"], missing["paper_error"]) == (0, "missing", None)
    assert math.isnan(missing["error"]) and math.isnan(missing["seconds"])
    line = next(values for name, values in table.sheet(cells).rows if name == "plain")
    # examples: 0, 100, 0, 50, whose squared deviations from 37.5 add to 6875: variance 6875 / 3, over 4 examples
    assert (line[0].ours, line[0].error) == ("37.5", f"{math.sqrt(6875 / 3 / 4):.1f}")
    assert (line[0].paper, line[0].difference) == ("12.0", "+25.5")
    assert (line[1].ours, line[1].error, line[1].paper) == ("0.50", "0.35", "")


def test_a_diverged_run_is_a_result_and_without_a_number_still_a_row(table, plan_of, cells_of, workspace, write):
    plan = plan_of(datasets=["here"])
    write(plan.runs[0], workspace, [0, 100], status="diverged", training={"diverged_at": 3})
    write(plan.runs[1], workspace, [0, np.nan], status="diverged")
    cells = cells_of(plan, workspace)
    assert (row_of(table, cells, "here", "plain")["error"]) == 50.0
    row = row_of(table, cells, "here", "variant")
    assert row["status"] == "diverged" and math.isnan(row["error"])
    notes = "\n".join(table.sheet(cells).notes)
    assert "Diverged: plain on here, seed 0 in epoch 4; what is shown was measured on the last good state." in notes
    assert "Diverged: variant on here, seed 0; nothing finite was measured." in notes


def bold(table, cells):
    return [name for name, values in table.sheet(cells).rows if values[0].best]


def test_the_best_is_marked_only_when_it_beats_the_second_beyond_doubt(table, plan_of, cells_of, workspace, write):
    plan = plan_of(datasets=["here"])
    plain, variant, rival = plan.runs
    rng = np.random.default_rng(0)
    common = rng.normal(50, 20, 500)
    write(plain, workspace, common)
    assert bold(table, cells_of(plan, workspace)) == []  # nothing to beat
    write(variant, workspace, common + rng.normal(0.01, 1, 500))
    assert bold(table, cells_of(plan, workspace)) == []
    write(variant, workspace, common - 0.5 + rng.normal(0, 1, 500))  # lower is better
    assert bold(table, cells_of(plan, workspace)) == ["variant"]
    write(rival, workspace, common - 5, status="diverged")
    assert bold(table, cells_of(plan, workspace)) == ["variant"]  # a diverged run wins nothing


def test_rows_are_compared_as_they_say_on_the_same_examples(table, plan_of, cells_of, workspace, write):
    plan = plan_of(datasets=["here", "there"])
    runs = {(run.dataset, run.model): run for run in plan.runs}
    values = np.random.default_rng(0).normal(50, 20, 50)
    write(runs["here", "plain"], workspace, values)
    write(runs["here", "variant"], workspace, values - 1)
    write(runs["here", "rival"], workspace, values[:40])
    write(runs["there", "plain"], workspace, values)
    write(runs["there", "rival"], workspace, values, data={"checksums": {"array:test": "other"}})
    grid = table.sheet(cells_of(plan, workspace)).grids[0]
    assert grid.header == ("place", "entrants", "difference of error rate, 95 % interval", "better")
    assert grid.rows == [
        # the plain row of a variant comes first
        ("here", "variant minus plain", "-1.0 [-1.0, -1.0]", "on these trained models"),
        ("here", "variant minus rival", "measured on other test data", ""),
        ("here", "rival minus plain", "measured on other test data", ""),
        ("there", "variant minus plain", "variant is missing", ""),
        ("there", "variant minus rival", "variant is missing", ""),
        ("there", "rival minus plain", "measured on other test data", ""),
    ]


def test_rows_of_a_user_are_compared_with_every_other_one(table, plan_of, cells_of, workspace, write):
    plan = plan_of(datasets=["here"], models=["plain", "rival"])
    own = [dataclasses.replace(plan.runs[0], model=name, factory="a:B") for name in ("mine", "too")]
    plan = dataclasses.replace(plan, runs=(*plan.runs, *own))
    for run in plan.runs:
        write(run, workspace, [0.0, 100.0, 0.0, 100.0])
    rows = table.sheet(cells_of(plan, workspace)).grids[0].rows
    mine = ["mine minus plain", "mine minus rival", "too minus plain", "too minus rival", "too minus mine"]
    assert sorted(row[1] for row in rows) == sorted(["rival minus plain", *mine])


def test_what_was_measured_how_is_said(whole, table, cells_of):
    sheet = table.sheet(cells_of(*whole))
    text = "\n".join(sheet.notes)
    for fact in (
        "Preset trial. Error and score of toys. error rate (%): lower is better; score: higher is better.",
        *("test toys", "standard deviation", "(the paper's number", "– means that nothing", "commit ffffffffff"),
        *("here from a registry archive 1.0", "A paper; table 1.", "python 3.11.2, numpy 2.4.0", "Some CPU, 2 cores"),
    ):
        assert fact in text, fact
    assert sheet.grids[-1].header[4:] == (
        *("sd of error rate over seeds", "sd of score over seeds"),
        *("training, s", "measuring, s"),
    )
    assert sheet.grids[-1].rows[0][:4] == ("here", "plain", "ok", "0, 1")
