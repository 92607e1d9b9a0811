"""The classification table: its columns, the published numbers, methods compared on the same documents."""

import csv
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from dgmbench.commands.tabulate import tabulate
from dgmbench.report.cells import collect
from dgmbench.report.published import published
from dgmbench.run.config import read_plan
from dgmbench.tasks.classification.table import TABLE
from dgmbench.tasks.classification.task import CLASSIFICATION

COLUMNS = (
    "corpus method n_seeds precision recall f1 f1_sd_seeds paper_precision paper_recall paper_f1 delta_f1 embeddings "
    "features seconds status"
)
METHODS = ["bow", "lda", "slda", "lftm", "mean-wv", "doc2vec", "twe", "gaussian-lda", "topicvec", "topicvec+mean-wv"]


def plan(**changes):
    config = {"preset": "trial", "classification": {"corpora": ["20news", "reuters"], "methods": METHODS}}
    return read_plan(config | changes, {"classification": CLASSIFICATION})


@pytest.fixture
def write(write_run):
    def write(spec, workspace, labels, predictions, of_corpus=None, **metrics):
        measured = {"precision": 90.25, "recall": 89.75, "f1": 90.0, "accuracy": 93.5, "converged": True}
        measured |= {"features": "counts", "n_features": 91, "transductive": False, "embeddings": "glove-50d"}
        corpus = {"train_documents": 5753, "test_documents": len(labels), "dropped_train": 1, "dropped_test": 2}
        corpus |= of_corpus or {}
        training = {"fit_seconds": 20.5}
        arrays = {"labels": labels, "predictions": predictions}
        more = {"corpus": corpus | {"vocabulary": 20000}, "protocol": {"split": "test"}}
        write_run(spec, workspace, measured | metrics, arrays, training=training, **more)

    return write


def cells_of(asked, workspace):
    return collect(asked, workspace, CLASSIFICATION, TABLE.problem)


def test_published_numbers():
    found = published(CLASSIFICATION)
    expected = [key for key, cell in found.items() if cell.expected]
    assert expected == [(corpus, method) for corpus in ("20news", "reuters") for method in METHODS]
    assert found["reuters", "topicvec"].numbers == {"precision": 92.5, "recall": 92.1, "f1": 92.2}
    assert found["20news", "gaussian-lda"].numbers == {"precision": 30.9, "recall": 26.5, "f1": 22.7}


@pytest.mark.parametrize("corpora", [["20news"], ["20news-stripped"], ["20news", "20news-stripped"], ["reuters"], []])
def test_another_text_of_a_corpus_has_the_published_numbers_where_it_is_planned(corpora, workspace):
    config = {"preset": "trial", "classification": {"corpora": corpora or ["20news-religion"], "methods": METHODS}}
    cells = cells_of(read_plan(config, {"classification": CLASSIFICATION}), workspace)
    for method in METHODS:
        of_method = {cell.dataset: cell.published("f1") for cell in cells if cell.model == method}
        assert of_method.keys() == {"20news", "reuters", *corpora, *([] if corpora else ["20news-religion"])}
        assert of_method.get("20news-stripped", of_method["20news"]) == of_method["20news"] is not None


def test_a_row_by_hand(workspace, write):
    asked, labels = plan(seeds=[0, 1]), np.array([0, 1])
    for run in asked.runs:
        if (run.dataset, run.model) == ("reuters", "topicvec"):
            write(run, workspace, labels, labels, f1=91.0 + 2 * run.seed, precision=90.0, recall=94.0)
        if (run.dataset, run.model) == ("reuters", "bow"):
            write(run, workspace, labels, labels, embeddings=None)
    rows = {(row["corpus"], row["method"]): row for row in TABLE.rows(cells_of(asked, workspace))}
    row = rows["reuters", "topicvec"]
    assert (row["precision"], row["recall"], row["f1"], row["n_seeds"]) == (90.0, 94.0, 92.0, 2)
    assert row["f1_sd_seeds"] == pytest.approx(math.sqrt(2))
    assert (row["paper_f1"], row["delta_f1"]) == (92.2, pytest.approx(-0.2))
    assert (row["seconds"], row["embeddings"], row["features"]) == (23.5, "glove-50d", "counts")
    assert rows["reuters", "bow"]["embeddings"] == "none"
    missing = rows["20news", "bow"]
    assert missing["status"] == "missing" and math.isnan(missing["delta_f1"]) and missing["f1_sd_seeds"] is None


def test_methods_are_compared_on_the_same_documents_from_the_best_down(workspace, write):
    asked = plan(seeds=[0, 1])
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    shares = {"twe": (0.02, labels), "topicvec": (0.1, labels), "lda": (0.4, labels), "lftm": (0.5, labels[:300])}
    spread = {}
    for run in (run for run in asked.runs if run.dataset == "reuters" and run.model in shares):
        share, truth = shares[run.model]
        noise = rng.random(len(truth)) < share
        predictions = np.where(noise, rng.integers(0, 4, len(truth)), truth)
        f1 = 100 * f1_score(truth, predictions, average="macro")
        spread.setdefault(run.model, []).append(f1)
        write(run, workspace, truth, predictions, f1=f1)
    sheet = TABLE.sheet(cells_of(asked, workspace))
    assert [(line[1], line[3]) for line in sheet.grids[0].rows] == [
        ("twe minus topicvec", "yes"),
        ("twe minus lda", "yes"),
        ("twe minus lftm", ""),
        ("topicvec minus lda", "yes"),
        ("topicvec minus lftm", ""),
    ]
    assert sheet.grids[0].rows[2][2] == "measured on other test documents"
    assert [(name, values.index(v)) for name, values in sheet.rows for v in values if v.best] == [("twe", 5)]
    f1_of_twe = next(values[5] for name, values in sheet.rows if name == "twe")
    assert f1_of_twe.error == f"{np.std(spread['twe'], ddof=1):.1f}"


def test_files(workspace, write):
    asked = plan()
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 10, 300)
    for number, spec in enumerate(asked.runs):
        noise = rng.random(300) < 0.05 * (1 + number % 10)
        predictions = np.where(noise, rng.integers(0, 10, 300), labels)
        write(spec, workspace, labels, predictions, f1=90.0 - 2 * (number % 10), converged=number > 0)
    tabulate(asked, workspace)
    path = workspace.tables / "classification.csv"
    with path.open(encoding="utf-8") as file:
        assert next(csv.reader(file)) == COLUMNS.split()
    frame = pd.read_csv(path)
    assert len(frame) == 20 and set(frame["status"]) == {"ok"}
    np.testing.assert_allclose(frame["f1"] - frame["paper_f1"], frame["delta_f1"], atol=2e-6)
    text = (workspace.tables / "classification.md").read_text(encoding="utf-8")
    for fact in (
        *("Preset trial", "glove-50d", "inductive", "SVM converged", "1 training and 2 held-out", "subject line"),
        *("ten largest", "ACL 2016", "The SVM stopped before it converged for bow.", "difference of macro F1"),
    ):
        assert fact in text, fact


def notes_on(corpus, workspace):
    asked = read_plan({"classification": {"corpora": [corpus], "methods": ["bow"]}}, {"classification": CLASSIFICATION})
    return asked, lambda: " ".join(TABLE.sheet(cells_of(asked, workspace)).notes)


@pytest.mark.parametrize(
    ("of_corpus", "said"),
    [
        ({}, "with some words of held-out documents alone"),
        ({"vocabulary_of_test_alone": 0}, "with 0 words of held-out documents alone"),
        ({"vocabulary_of_test_alone": 2681}, "with 2,681 words of held-out documents alone"),
        ({"classes_of_test_alone": ["gold", "tin"]}, "no training document of a class (2: gold, tin): no method can"),
        ({"classes_of_train_alone": ["gold"]}, "no test document of a class (1: gold): its F1 is 0 for a method that"),
        ({"classes_of_train_alone": [f"c{i}" for i in range(12)]}, "(12: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, …)"),
    ],
)
def test_the_notes_say_what_is_in_one_part_alone(workspace, write, of_corpus, said):
    asked, notes = notes_on("reuters", workspace)
    labels = np.array([0, 1])
    write(asked.runs[0], workspace, labels, labels, of_corpus=of_corpus)
    assert said in notes()
    assert ("document of a class" in notes()) == any(key.startswith("classes") for key in of_corpus)


def test_a_short_name_stands_in_the_tables(workspace, write, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n")
    asked, notes = notes_on(f"file:{tmp_path}/a.csv?name=my+reviews", workspace)
    labels = np.array([0, 1])
    write(asked.runs[0], workspace, labels, labels)
    assert "name=my+reviews" in asked.runs[0].dataset
    assert "my reviews: 5,753 training and 2 test documents" in notes()
    (row,) = [row for row in TABLE.rows(cells_of(asked, workspace)) if row["status"] == "ok"]
    assert row["corpus"] == "my reviews"
