"""What the report shows of the topic models' analysis: of what is on disk, with captions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dgmbench.run.config import read_plan
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks
from dgmbench.tasks.classification.analysis.figures import draw_likelihood
from dgmbench.tasks.classification.analysis.shown import shown

NAMES = {"corpus": "reuters", "method": "lda", "seed": 0}


@pytest.fixture
def plan():
    return read_plan({"classification": {"corpora": ["reuters"], "methods": ["lda"]}}, all_tasks())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path)
    place.tables.mkdir()
    place.figures.mkdir()
    return place


def test_nothing_is_shown_of_what_was_not_analysed(plan, workspace) -> None:
    assert shown(plan, workspace) == []


def test_topics_with_their_quality_and_words(plan, workspace) -> None:
    quality = {
        "topics": 50,
        "completion": -6.37,
        "completion_error": 0.034,
        "left_to_right": -6.4,
        "npmi": 0.1,
        "diversity": 0.5,
    }
    pd.DataFrame([NAMES | quality]).to_csv(workspace.tables / "topics.csv", index=False)
    words = [{"topic": n, "npmi": 0.2, "words": text} for n, text in enumerate(["oil barrel", "null"])]
    pd.DataFrame([NAMES | row for row in words]).to_csv(workspace.tables / "top_words.csv", index=False)
    first, last = shown(plan, workspace)
    assert first.rows == [("reuters", "lda", "0", "50", "-6.370 ± 0.034", "-6.400", "0.100", "0.500")]
    assert [row[-1] for row in last.rows] == ["oil barrel", "null"]


def test_held_out_likelihood_against_time_with_the_word_frequencies_as_a_level(plan, workspace) -> None:
    quality = {"topics": 50, "completion_error": 0.03, "left_to_right": -6.4, "npmi": 0.1, "diversity": 0.5}
    rows = [
        NAMES | quality | {"method": "unigram", "completion": -7.2, "fit_seconds": None},
        NAMES | quality | {"completion": -6.4, "fit_seconds": 10.0},
        NAMES | quality | {"completion": -6.2, "fit_seconds": 30.0, "seed": 1},
    ]
    frame = pd.DataFrame(rows)
    frame.to_csv(workspace.tables / "topics.csv", index=False)
    draw_likelihood(frame, workspace.figures / "likelihood_vs_time")
    _, figure = shown(plan, workspace)
    (panel,) = figure.chart.panels
    assert panel.levels == {"unigram": -7.2} and panel.log
    assert [(line.name, line.x, line.y) for line in panel.lines] == [("lda", [20.0], [pytest.approx(-6.3)])]
    drawn = pd.read_csv(workspace.figures / "likelihood_vs_time.csv")
    assert list(drawn["fit_seconds"].dropna()) == [10.0, 30.0] and figure.path.stat().st_size > 5000


def test_f1_against_the_number_of_topics(plan, workspace) -> None:
    rows = [NAMES | {"seed": seed, "topics": k, "f1": k / 2 + seed} for seed in (0, 1) for k in (10, 50)]
    pd.DataFrame(rows).to_csv(workspace.tables / "f1_vs_topics.csv", index=False)
    (workspace.figures / "f1_vs_topics.png").touch()
    (figure,) = shown(plan, workspace)
    (panel,) = figure.chart.panels
    assert (panel.title, panel.log, panel.lines[0].x, panel.lines[0].y) == ("reuters", True, [10, 50], [5.5, 25.5])


def test_a_document_among_its_topics(plan, workspace) -> None:
    places = [
        {"kind": "word", "label": "null", "topic": 7, "count": 3, "share": None, "x": 0.0, "y": 1.0, "explained": 0.25},
        {"kind": "word", "label": "oil", "topic": 2, "count": 1, "share": None, "x": 1.0, "y": 1.0, "explained": 0.25},
        {
            "kind": "topic",
            "label": "oil, gas",
            "topic": 2,
            "count": None,
            "share": 0.6,
            "x": 1.0,
            "y": 0.0,
            "explained": 0.25,
        },
    ]
    pd.DataFrame(places).to_csv(workspace.figures / "projection-reuters.csv", index=False)
    (workspace.figures / "projection-reuters.png").touch()
    (figure,) = shown(plan, workspace)
    (panel,) = figure.chart.panels
    assert [(point.label, point.group, point.large) for point in panel.points] == [
        ("null", 1, False),
        ("oil", 0, False),
        ("oil, gas", 0, True),
    ]
    assert panel.points[0].text == "3 × in the document" and panel.points[2].text == "topic, 60 % of the document"
    assert panel.x.endswith("25 % of the variance")


def test_a_picture_without_its_data_is_shown_as_a_picture(plan, workspace) -> None:
    (workspace.figures / "projection-reuters.png").touch()
    (figure,) = shown(plan, workspace)
    assert figure.chart is None and "reuters" in figure.title


@pytest.mark.parametrize("name", ["topics", "top_words", "f1_vs_topics"])
def test_a_broken_table_is_left_out_and_said(name: str, plan, workspace, caplog) -> None:
    (workspace.tables / f"{name}.csv").write_text("corpus,method\nreuters,lda\n")
    assert shown(plan, workspace) == []
    assert f"{name}.csv cannot be shown" in caplog.text
