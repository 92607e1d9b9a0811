"""Topics over slices of time: their file, the figure, and a run of a model that is given slices."""

from __future__ import annotations

import csv
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dgmbench.commands.tabulate import tabulate
from dgmbench.data.corpora import Corpus
from dgmbench.data.text import CorpusSplits
from dgmbench.errors import UserError
from dgmbench.report.cells import collect
from dgmbench.report.frames import read_frame
from dgmbench.run.config import build_run, read_plan
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.text_likelihood.building import of_time
from dgmbench.tasks.text_likelihood.check import findings
from dgmbench.tasks.text_likelihood.drift import write_drift
from dgmbench.tasks.text_likelihood.drift_figure import draw_drift, drift_figures, shown_topics
from dgmbench.tasks.text_likelihood.rows import ROWS
from dgmbench.tasks.text_likelihood.task import TEXT_LIKELIHOOD

WORDS = [f"word{i}" for i in range(12)]
COLUMNS = ("topic", "slice", "from", "share", "change", "words")


@pytest.mark.parametrize(("slices", "K"), [(1, 2), (2, 3), (3, 7), (4, 2), (5, 3)])
def test_the_file_and_the_figure(slices: int, K: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(K)
    topics, shares = rng.dirichlet(np.ones(12), (slices, K)), rng.dirichlet(np.ones(K), slices)
    days = [f"1987-03-{day + 1:02}" for day in range(slices)]
    write_drift(tmp_path, topics, shares, days, WORDS, "mine")
    found = read_frame(tmp_path / "drift.csv", COLUMNS, ("words", "from"))
    assert found["from"].tolist() == days * K and found["slice"].tolist() == list(range(1, slices + 1)) * K
    np.testing.assert_allclose(found["share"].to_numpy().reshape(K, slices), shares.T, atol=1e-4)
    change = 0.5 * np.abs(topics[-1] - topics[0]).sum(axis=1)
    np.testing.assert_allclose(found["change"].to_numpy().reshape(K, slices)[:, 0], change, atol=1e-4)
    last = found[(found["topic"] == 1) & (found["slice"] == slices)]
    assert last["words"].item().split()[0] == f"word{topics[-1, 1].argmax()}"
    shown = np.argsort(-shares.mean(axis=0) * change, kind="stable")[:6].tolist()
    assert shown_topics(found) == shown
    assert draw_drift(found, tmp_path / "drift-figure").stat().st_size > 5000
    assert pd.read_csv(tmp_path / "drift-figure.csv")["topic"].tolist() == np.repeat(shown, slices).tolist()


@pytest.mark.parametrize(
    ("topics", "shares"),
    [((2, 3, 12), (2, 3)), ((3, 3, 11), (3, 3)), ((3, 3, 12), (3, 2)), ((3, 12), (3, 3)), ((0,), (0,))],
)
def test_shapes_that_do_not_fit_are_refused_in_one_line(
    topics: tuple[int, ...], shares: tuple[int, ...], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"mine: topics_by_slice_ has the shape .* give \(3, topics, 12\)") as caught:
        write_drift(tmp_path, np.zeros(topics), np.zeros(shares), ["1", "2", "3"], WORDS, "mine")
    assert "\n" not in str(caught.value)


class Sliced:
    """A user-defined model that must be given slices."""

    def fit(self, corpus: Corpus, labels: Any, slices: np.ndarray) -> None:
        self.seen = slices
        self.topics_, self.alpha_ = np.full((2, corpus.n_words), 1 / corpus.n_words), np.ones(2)


def dated() -> CorpusSplits:
    """Two kinds of documents over 48 days; the words of the one change after half of them."""
    rng = np.random.default_rng(0)
    words = [[f"w{w:02}" for w in rng.integers(0, 8, 20) + 8 * (day % 2) * (1 + (day > 24))] for day in range(96)]
    labels = [f"class {day % 2}" for day in range(96)]
    vocabulary = sorted({word for text in words for word in text})
    parts = [Corpus.from_tokens(words[p], labels[p], vocabulary=vocabulary) for p in (slice(60), slice(60, None))]
    days = np.datetime64("1987-02-26") + np.arange(96) // 2
    return CorpusSplits(*parts, days[:60], days[60:])


@pytest.fixture
def diary(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Any = types.ModuleType("diary")
    made.dated, made.Sliced = dated, Sliced
    monkeypatch.setitem(sys.modules, "diary", made)


@pytest.mark.usefixtures("diary")
def test_a_run_predicts_the_next_slice_and_draws_the_topics(tmp_path: Path) -> None:
    small = {"n_topics": 3, "n_sweeps": 20}
    models = {"unigram": None, "dynamic-topics": {"options": small}, "diary:Sliced": None}
    settings = {"left_to_right_documents": 5, "left_to_right_tokens": 8}
    corpora = {"diary:dated": {"slices": 6}}
    config = {"preset": "trial", "text-likelihood": {"settings": settings, "corpora": corpora, "models": models}}
    plan = read_plan(config, {"text-likelihood": TEXT_LIKELIHOOD})
    workspace = Workspace(tmp_path / "trial")
    records = {}
    for spec in plan.runs:
        train(TEXT_LIKELIHOOD, spec, workspace)
        records[spec.model] = evaluate(TEXT_LIKELIHOOD, spec, workspace)
        assert (workspace.trained(spec) / "drift.csv").exists() == (spec.model == "dynamic-topics")
        assert not (workspace.trained(spec) / "correlations.csv").exists()
    assert {record["status"] for record in records.values()} == {"ok"}
    assert all(record["corpus"]["slices"] == 5 for record in records.values())
    likelihoods = {model: record["metrics"]["log_likelihood"] for model, record in records.items()}
    assert likelihoods["dynamic-topics"] > likelihoods["unigram"] > likelihoods["diary:Sliced"]
    tabulate(plan, workspace)
    (drawn,) = workspace.figures.glob("text-likelihood_drift-*.png")
    assert drawn.stem.endswith("dynamic-topics") and drawn.stat().st_size > 5000
    with drawn.with_suffix(".csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["from"] for line in lines[:5]] == [
        "1987-02-26",
        "1987-03-06",
        "1987-03-14",
        "1987-03-22",
        "1987-03-30",
    ]
    assert "in 5 slices of time" in (workspace.tables / "text-likelihood.md").read_text()
    cells = collect(plan, workspace, TEXT_LIKELIHOOD, lambda record, arrays: "")
    of_training = drift_figures(cells, workspace)
    shutil.rmtree(workspace.root / "trained")
    assert drift_figures(cells, workspace) == of_training and of_training[0].path == drawn


@pytest.mark.usefixtures("diary")
def test_a_model_that_must_have_slices_says_so() -> None:
    spec = build_run(TEXT_LIKELIHOOD, "diary:dated", "diary:Sliced", 0, [({"least_documents": 1}, "test")], "test")
    with pytest.raises(UserError, match="Sliced: fit must be given slices of time; set slices") as caught:
        list(findings(spec, TEXT_LIKELIHOOD.row_type("diary:Sliced", "mine")))
    assert "\n" not in str(caught.value)
    sliced = build_run(TEXT_LIKELIHOOD, "diary:dated", "diary:Sliced", 0, [({"slices": 4}, "test")], "test")
    assert list(findings(sliced, TEXT_LIKELIHOOD.row_type("diary:Sliced", "mine"))) == []


@pytest.mark.parametrize("slices", [None, np.array([0, 1])])
@pytest.mark.parametrize(
    ("method", "takes"),
    [
        (lambda corpus, labels: None, False),
        (lambda corpus, labels, slices=None: None, True),
        (lambda corpus, labels, **options: None, False),
    ],
)
def test_slices_are_given_to_a_method_that_takes_them(method: Any, takes: bool, slices: np.ndarray | None) -> None:
    assert of_time(method, slices, "mine") == ({"slices": slices} if takes else {})


@pytest.mark.usefixtures("diary")
@pytest.mark.parametrize("slices", [0, 4])
def test_the_row_fits_with_slices_and_without(slices: int) -> None:
    options = {"n_topics": 3, "n_sweeps": 4}
    layer = {"slices": slices, "options": options}
    spec = build_run(TEXT_LIKELIHOOD, "diary:dated", "dynamic-topics", 0, [(layer, "test")], "test")
    assert list(findings(spec, ROWS["dynamic-topics"])) == []
