"""The analysis of the topics: numbers with a known answer, what it writes, and what it says when it cannot."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation

from dgmbench.data.corpora import Corpus
from dgmbench.data.embeddings import Embeddings
from dgmbench.errors import UserError
from dgmbench.models.text.preparation import Prepared
from dgmbench.models.text.topicvec import TopicVec
from dgmbench.run.config import read_plan
from dgmbench.run.plan import Plan
from dgmbench.run.records import read_json
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification.analysis import figures
from dgmbench.tasks.classification.analysis.analyse import analyse, curve_table, document_to_draw
from dgmbench.tasks.classification.analysis.projection import project_document, readable_document
from dgmbench.tasks.classification.analysis.quality import judge, per_token
from dgmbench.tasks.classification.analysis.shown import shown
from dgmbench.tasks.classification.analysis.topic_models import (
    Common,
    FittedTopics,
    common_words,
    fitted_topics,
    unigram,
)
from dgmbench.tasks.classification.settings import ClassificationSettings, TopicAnalysisSettings
from dgmbench.tasks.classification.task import CLASSIFICATION

SPEC = RunSpec("classification", "made-up", "known", ClassificationSettings())
SIZES = TopicAnalysisSettings(left_to_right_documents=5, left_to_right_tokens=8)
OPTIONS = {"lda": {"n_topics": 4, "n_sweeps": 30}, "topicvec": {"n_topics_per_class": 3, "iterations": 20}}


def plan(methods: tuple[str, ...] = ("lda", "topicvec"), **analysis: Any) -> Plan:
    given = {"topics": {"lda": [3, 4], "topicvec": [2]}, "documents": {"reuters": 1}, **analysis}
    section = {
        "corpora": ["reuters"],
        "methods": {name: {"options": OPTIONS.get(name, {})} for name in methods},
        "analysis": given,
    }
    return read_plan({"preset": "tiny", "classification": section}, {"classification": CLASSIFICATION})


def corpus_of(tokens: list[list[int]], n_words: int, labels: list[int] | None = None) -> Corpus:
    """A corpus from word numbers, over the vocabulary w0, w1, ..."""
    documents = [[f"w{i}" for i in document] for document in tokens]
    names = None if labels is None else [f"class {c}" for c in labels]
    return Corpus.from_tokens(documents, names, vocabulary=[f"w{i}" for i in range(n_words)])


def planted(documents: int, seed: int) -> Corpus:
    """Documents of 40 tokens from four topics of 15 words each; the class of each is its main topic."""
    rng = np.random.default_rng(seed)
    theta = rng.dirichlet(np.full(4, 0.1), size=documents)
    topics = np.kron(np.eye(4), np.ones(15) / 15)
    return corpus_of([rng.choice(60, 40, p=row @ topics).tolist() for row in theta], 60, theta.argmax(1).tolist())


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """Stands in for the corpus: documents of four topics over 60 words."""
    vectors = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)
    data = Prepared(planted(120, 120), planted(60, 60), vectors, 0, 0)
    task = "dgmbench.tasks.classification"
    for module in ("training", "analysis.analyse", "analysis.topic_models"):
        monkeypatch.setattr(f"{task}.{module}.prepared_corpus", lambda _: data)
    known = Embeddings("made-up", list(data.train.vocabulary), vectors)
    monkeypatch.setattr(f"{task}.building.load_embeddings", lambda _: known)
    monkeypatch.setattr("dgmbench.run.stages.checksums", lambda name: {"array:words": name})
    return data


@pytest.mark.parametrize(
    ("documents", "place"),
    [
        ({"file:a.csv?name=mine&seed=1": 3}, 3),
        ({"mine": 4}, 4),
        ({"file:a.csv?name=mine&seed=1": 0, "mine": 4}, 0),
        ({"reuters": 5}, None),
        ({}, None),
    ],
)
def test_the_drawn_document_is_named_by_its_corpus_or_its_short_name(documents: Any, place: int | None) -> None:
    settings = TopicAnalysisSettings(documents=documents)
    assert document_to_draw(settings, "file:a.csv?name=mine&seed=1") == place


def test_the_unigram_scores_its_own_entropy_however_documents_are_scored() -> None:
    train = corpus_of([[0, 0, 1, 2]], 3)
    test = corpus_of([[0, 1, 1, 2], [2, 2, 2, 0], [1, 1]], 3)
    row, words = judge(unigram(SPEC, train), test, SIZES)
    log_p = np.log([0.5, 0.25, 0.25])
    # every token is scored in order; by completion half of each document, whichever half
    assert row["left_to_right"] == pytest.approx(log_p[test.words].mean(), rel=1e-6)
    assert (row["left_to_right_tokens"], row["completion_tokens"], row["completion_documents"]) == (10, 5, 3)
    assert log_p.min() <= row["completion"] <= log_p.max()
    assert words[0]["words"] == "w0 w1 w2"


def test_left_to_right_reads_only_the_beginnings_of_the_sample() -> None:
    test = corpus_of([[d % 3] * 3 + [2] * 20 for d in range(10)], 3)
    topics = FittedTopics(SPEC, np.array([[0.5, 0.3, 0.2]], np.float32), np.ones(1))
    row, _ = judge(topics, test, TopicAnalysisSettings(left_to_right_documents=4, left_to_right_tokens=3))
    assert (row["left_to_right_documents"], row["left_to_right_tokens"]) == (4, 12)
    chosen = np.array([0, 3, 6, 9]) % 3  # evenly spaced
    assert row["left_to_right"] == pytest.approx(np.log([0.5, 0.3, 0.2])[chosen].mean(), rel=1e-6)


def test_the_true_topics_beat_the_unigram_and_the_wrong_ones(made_up: Prepared) -> None:
    true = np.kron(np.eye(4), np.ones(15) / 15) * 0.99 + 0.01 / 60
    wrong = true[:, np.random.default_rng(0).permutation(60)]
    alpha = np.full(4, 0.1)
    rows = [
        judge(each, made_up.test, SIZES)[0]
        for each in (
            FittedTopics(SPEC, true.astype(np.float32), alpha),
            unigram(SPEC, made_up.train),
            FittedTopics(SPEC, wrong.astype(np.float32), alpha),
        )
    ]
    for measure in ("completion", "left_to_right"):
        assert rows[0][measure] > rows[1][measure] + 0.5 > rows[2][measure] + 0.5
    assert rows[0]["npmi"] > rows[2]["npmi"] + 0.2


def test_errors_are_those_of_a_ratio_of_means() -> None:
    lengths = np.random.default_rng(0).integers(1, 9, 400)
    values = -2.0 * lengths + np.random.default_rng(1).standard_normal(400) * np.sqrt(lengths)
    found = per_token("x", values, lengths)
    draws = np.random.default_rng(2).integers(0, 400, (2000, 400))
    assert found["x_error"] == pytest.approx((values[draws].sum(1) / lengths[draws].sum(1)).std(), rel=0.1)
    assert found["x"] == values.sum() / lengths.sum()


def test_topicvec_s_topics_tilt_the_background_as_defined(made_up: Prepared) -> None:
    known = Embeddings("made-up", list(made_up.train.vocabulary), made_up.vectors)
    model = TopicVec(3, embeddings=known, iterations=20).fit(made_up.train)
    frequency = np.bincount(made_up.train.words, minlength=60)
    expected = frequency * np.exp(made_up.vectors @ model.topic_vectors_.T).T
    np.testing.assert_allclose(model.topics_, expected / expected.sum(axis=1, keepdims=True), rtol=1e-4)
    np.testing.assert_allclose(model.topics_.sum(axis=1), 1)
    np.testing.assert_allclose(model.topics_[0], frequency / frequency.sum(), rtol=1e-5)  # the null topic
    assert model.alpha_.shape == (len(model.topics_),)


def test_only_words_of_training_documents_are_scored_under_their_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = corpus_of([[1, 3, 3]], 5), corpus_of([[0, 3, 4, 1], [0, 2]], 5)
    vectors = np.arange(10, dtype=np.float32).reshape(5, 2)
    common = common_words(Prepared(train, test, vectors, 0, 0))
    assert common.words.tolist() == [1, 3]
    assert common.test.vocabulary == ("w1", "w3")
    assert common.test.document(0).tolist() == [1, 0] and common.test.lengths.tolist() == [2, 0]
    np.testing.assert_array_equal(common.vectors, vectors[[1, 3]])
    monkeypatch.setattr("dgmbench.models.text.topicvec.BACKGROUND_WORDS", 1)
    assert common_words(Prepared(train, test, vectors, 0, 0)).words.tolist() == [3]


def test_the_whole_analysis_leaves_tables_and_figures(
    made_up: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = Workspace(tmp_path)
    stale = workspace.figures / "projection-removed.png"
    stale.parent.mkdir(parents=True)
    stale.touch()
    with caplog.at_level(logging.INFO, "dgmbench"):
        analyse(plan(("bow", "lda", "topicvec")), workspace)
    assert "gaussian-lda is not in this configuration" in caplog.text
    topics = pd.read_csv(workspace.tables / "topics.csv").set_index("method")
    assert topics["topics"].to_dict() == {"unigram": 1, "lda": 4, "topicvec": 1 + 4 * 2}
    assert topics.loc["lda", "completion"] > topics.loc["unigram", "completion"] + 0.5
    assert topics["completion_tokens"].nunique() == 1
    words = pd.read_csv(workspace.tables / "top_words.csv")
    assert words.groupby("method").size().to_dict() == {"unigram": 1, "lda": 4, "topicvec": 9}
    # the planted topics are blocks of fifteen words
    assert {len({int(w[1:]) // 15 for w in row.split()}) for row in words[words["method"] == "lda"]["words"]} == {1}
    curve = pd.read_csv(workspace.tables / "f1_vs_topics.csv")
    assert curve["topics"].tolist() == [3, 4, 5]
    assert curve.loc[1, "f1"] > 90
    markdown = (workspace.tables / "topics.md").read_text()
    assert f"{topics.loc['lda', 'completion']:.3f}" in markdown
    assert not stale.exists()
    assert topics["fit_seconds"].notna().to_dict() == {"unigram": False, "lda": True, "topicvec": True}
    for name in ("f1_vs_topics", "likelihood_vs_time", "projection-reuters"):
        for suffix in ("png", "pdf", "csv"):
            assert (workspace.figures / f"{name}.{suffix}").stat().st_size > 200, name
    drawn = pd.read_csv(workspace.figures / "projection-reuters.csv")
    assert drawn["count"].sum() == made_up.test.lengths[1]
    titles = ["How good the topics are", "Held-out likelihood against time", "F1 against the number of topics"]
    titles += ["A document among its topics: reuters", "Topics and their words"]
    assert [each.title for each in shown(plan(("bow", "lda", "topicvec")), workspace)] == titles


def test_finished_fits_are_not_done_again(made_up: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    analyse(plan(("lda",)), workspace)
    first = {name: (workspace.tables / name).read_bytes() for name in ("topics.csv", "top_words.csv")}

    def refuse(*_: Any) -> None:
        raise AssertionError("fitted again")

    with monkeypatch.context() as patch:
        patch.setattr("dgmbench.models.text.lda.LDA.fit", refuse)
        analyse(plan(("lda",)), workspace)
        assert {name: (workspace.tables / name).read_bytes() for name in first} == first
        patch.setattr("dgmbench.run.stages.checksums", lambda _: {"array:words": "changed"})
        with pytest.raises(AssertionError, match="fitted again"):
            analyse(plan(("lda",)), workspace)


def test_the_curve_shares_its_runs_with_the_table(made_up: Prepared, tmp_path: Path) -> None:
    asked = plan(("lda",))
    curve = asked.runs_before("classification")["evaluation"]
    assert [run.options["n_topics"] for run in curve] == [3, 4]
    assert curve[1] == asked.runs[0]
    table = curve_table(CLASSIFICATION, curve, Workspace(tmp_path))
    record = read_json(Workspace(tmp_path).run(asked.runs[0]) / "run.json")
    assert table["f1"][1] == record["metrics"]["f1"]


def planted_projection() -> tuple[FittedTopics, Common]:
    """Two topics along the axes of a space; w0 to w3 lie around the first, w4 to w7 around the second."""
    rng = np.random.default_rng(0)
    vectors = (np.repeat(np.eye(6)[:2], 4, axis=0) + 0.05 * rng.standard_normal((8, 6))).astype(np.float32)
    topic_vectors = np.concatenate([np.zeros((1, 6)), 3 * np.eye(6)[:2]]).astype(np.float32)
    topics = np.exp(topic_vectors @ vectors.T)
    topics /= topics.sum(axis=1, keepdims=True)
    train = corpus_of([list(range(8))] * 20, 8)
    test = corpus_of([[0, 0, 0, 1, 2, 5, 6], [7]], 8)
    fitted = FittedTopics(SPEC, topics.astype(np.float32), np.full(3, 0.1), topic_vectors)
    return fitted, Common(np.arange(8), train, test, vectors)


def test_words_lie_beside_their_topic_and_name_it() -> None:
    fitted, common = planted_projection()
    points = project_document(fitted, common, 0).set_index("label")
    words, topics = points[points["kind"] == "word"], points[points["kind"] == "topic"]
    assert words["count"].to_dict() == {"w0": 3, "w1": 1, "w2": 1, "w5": 1, "w6": 1}
    assert words["topic"].to_dict() == {"w0": 1, "w1": 1, "w2": 1, "w5": 2, "w6": 2}
    assert topics["topic"].tolist() == [1, 2]  # the null topic has no direction
    for name, topic in topics.iterrows():
        assert {int(w[1:]) // 4 for w in str(name).split(", ")} == {topic["topic"] - 1}
        other = topics[topics["topic"] != topic["topic"]].iloc[0]
        own = words[words["topic"] == topic["topic"]]
        near, far = (np.hypot(own["x"] - t["x"], own["y"] - t["y"]) for t in (topic, other))
        assert (near < far / 3).all()
    assert points["explained"].iloc[0] > 0.9


def test_a_document_that_reads_well_is_of_middle_length_and_about_something() -> None:
    fitted, common = planted_projection()
    about, mixed = [0, 1, 2, 3] * 20, [0, 4] * 10 + [0]
    test = corpus_of([mixed, about, [0] * 500], 8)
    assert readable_document(fitted, test) == 1
    assert readable_document(fitted, test.select_documents(np.array([0, 0]))) == 0
    assert common.test.n_words == test.n_words


def test_no_label_covers_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    n = 150
    words = {"kind": "word", "label": [f"word number {i}" for i in range(n)], "topic": rng.integers(0, 3, n)}
    words |= {"count": rng.integers(1, 9, n), "x": rng.normal(size=n), "y": rng.normal(size=n)}
    topics = {"kind": "topic", "label": ["a, b, c", "d, e, f", "g, h, i"], "topic": range(3), "share": [0.5, 0.3, 0.1]}
    topics |= {"x": [0.0, 0.1, 3.0], "y": [0.0, 0.1, 3.0]}
    points = pd.concat([pd.DataFrame(words), pd.DataFrame(topics)], ignore_index=True).assign(explained=0.5)
    seen = []
    save = figures.save_figure

    def keep(figure: Any, frame: pd.DataFrame, path: Path) -> Path:
        ax = figure.axes[0]
        texts = [each for each in ax.texts if isinstance(each, Annotation)]
        seen.extend((text.get_text(), text.get_window_extent()) for text in texts)
        seen.append(("frame", ax.get_window_extent()))
        return save(figure, frame, path)

    monkeypatch.setattr(figures, "save_figure", keep)
    figures.draw_projection(points, "many words", tmp_path / "many")
    *labels, (_, frame) = seen
    assert {"a, b, c", "d, e, f", "g, h, i"} <= {label for label, _ in labels}
    assert 20 < len(labels) < n
    for i, (first, box) in enumerate(labels):
        assert frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1
        assert not [second for second, other in labels[:i] if box.overlaps(other)], first


class Topicless:
    """A method without topics."""

    def fit(self, corpus: Corpus, labels: np.ndarray) -> None:
        pass

    def transform(self, corpus: Corpus) -> np.ndarray:
        return np.zeros((len(corpus), 1))


class Misshapen(Topicless):
    """One whose topics fit no vocabulary."""

    topics_ = np.ones((2, 3)) / 3
    alpha_ = np.ones(2)


@pytest.mark.parametrize(
    ("kind", "line"),
    [(Topicless, "mine has no topics_ and alpha_ after its fit"), (Misshapen, r"they must be \(n_topics, 60\)")],
)
def test_a_method_without_topics_is_one_line(kind: type, line: str, made_up: Prepared, tmp_path: Path) -> None:
    spec = RunSpec("classification", "reuters", "mine", ClassificationSettings(), factory=f"{__name__}:{kind.__name__}")
    with pytest.raises(UserError, match=line):
        fitted_topics(CLASSIFICATION, spec, Workspace(tmp_path))
    assert not list(tmp_path.rglob("topics.json"))


def test_nothing_to_analyse_and_no_such_document_are_one_line(
    made_up: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UserError, match=r"preset 'tiny' has none of the methods .*add one to classification.methods"):
        analyse(plan(("bow",)), Workspace(tmp_path))
    with pytest.raises(UserError, match=r"analysis.documents.reuters: 60 is not the place .* there are 60, counted"):
        analyse(
            plan(("topicvec",), topics={}, documents={"reuters": 60, "reuter": 1, "20news": 1}), Workspace(tmp_path)
        )
    assert "analysis.documents: reuter is no corpus of this configuration" in caplog.text
    assert "20news" not in caplog.text  # left out of this configuration


@pytest.mark.parametrize(
    ("analysis", "line"),
    [
        ({"topic": {}}, "config.classification.analysis.topic: unknown setting 'topic'"),
        ({"topics": {"lad": [3]}}, "config.classification.analysis: unknown method 'lad'; did you mean 'lda'"),
        ({"topics": {"lda": 3}}, "analysis.topics.lda: 3 is not a list"),
        ({"topics": {"lda": [0]}}, "analysis.topics.lda.0: 0 is too small; give at least 1"),
        ({"models": ["ldaa"]}, "unknown method 'ldaa'"),
        ({"documents": {"reuters": -1}}, "analysis.documents.reuters: -1 is too small; give at least 0"),
        ({"left_to_right_particles": 0}, "left_to_right_particles: 0 is too small; give at least 1"),
    ],
)
def test_mistakes_in_the_configuration_are_one_line(analysis: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        plan(**analysis)


def test_false_leaves_a_method_out_of_the_curve_and_names_no_run() -> None:
    asked = plan(topics={"lda": [3], "topicvec": False})
    assert {run.model for run in asked.runs_before("classification")["evaluation"]} == {"lda"}
    assert plan(topics={}).runs == plan().runs
