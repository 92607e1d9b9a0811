"""The page of all presets: their numbers beside each other, and what is broken left out."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

from dgmbench.commands.report import report
from dgmbench.report.summary import comparisons, read_summaries
from dgmbench.run.workspace import Workspace


@pytest.fixture(scope="module")
def made(plan_of, tmp_path_factory, write):
    folder = tmp_path_factory.mktemp("made")
    for preset, models, limit, wrong in (("first", ["plain", "rival"], 0, 100), ("second", ["plain"], 9, 50)):
        place = Workspace(folder / preset)
        plan = dataclasses.replace(plan_of(datasets=["here"], models=models, train_limit=limit), preset=preset)
        for run in plan.runs:
            write(run, place, [0, wrong])
        report(plan, place)
    return folder


@pytest.fixture
def two(made, tmp_path):
    """Results of two presets of which one has more models and the other is on a part of the data."""
    return shutil.copytree(made, tmp_path / "results")


def test_presets_stand_beside_each_other(two) -> None:
    (table,) = comparisons(read_summaries(two))
    assert (table.title, table.metric, table.words) == ("Toys", "error rate", ("place", "entrant"))
    assert table.presets == ("first", "second")
    found = {(row, dataset): [cell.get("text") for cell in cells] for dataset, row, _, cells in table.rows}
    assert found == {("plain", "here"): ["50.0 ± 50.0", "25.0 ± 25.0†"], ("rival", "here"): ["50.0 ± 50.0", None]}
    assert [paper for *_, paper, _ in table.rows] == ["12.0", "–"]


def test_the_index_links_to_every_report_and_warns_of_what_is_no_result(two) -> None:
    text = (two / "index.html").read_text(encoding="utf-8")
    for preset in ("first", "second"):
        assert f'href="{preset}/report.html"' in text and (two / preset / "report.html").is_file()
    assert text.count("<strong>no results</strong>") == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"format": 1, "preset": "first"}',
        '{"format": 99}',
        '{"format": 1, "preset": "x", "tasks": {"t": {}}}',
    ],
)
def test_a_broken_summary_is_left_out_and_said(content: str, two, caplog) -> None:
    (two / "first" / "summary.json").write_text(content)
    assert [each["preset"] for each in read_summaries(two)] == ["second"]
    assert "first" in caplog.text


def test_a_copied_folder_is_not_taken_for_the_preset_it_was(two, caplog) -> None:
    (two / "copy").mkdir()
    (two / "copy" / "summary.json").write_text((two / "first" / "summary.json").read_text())
    assert [each["preset"] for each in read_summaries(two)] == ["first", "second"]
    assert "dgmbench report" in caplog.text


def test_the_summary_is_plain(two) -> None:
    tasks = json.loads((two / "first" / "summary.json").read_text())["tasks"]
    assert tasks["toy"]["counts"] == {"ok": 2} and not tasks["toy"]["partial"]
    assert tasks["toy"]["cells"][0]["text"] == "50.0 ± 50.0"
