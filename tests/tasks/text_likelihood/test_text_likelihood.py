"""A text-likelihood run through both stages, its table and its figure, on made-up documents of a user."""

from __future__ import annotations

import csv
import importlib.util
import itertools
import re
import shutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmbench.commands import check
from dgmbench.commands.tabulate import tabulate
from dgmbench.data.corpora import Corpus
from dgmbench.data.text import CorpusSplits
from dgmbench.errors import UserError
from dgmbench.metrics.documents import Admixture, DocumentModel, LogisticNormal, Mixture
from dgmbench.names import load_object
from dgmbench.report.cells import collect
from dgmbench.report.charts import Lines
from dgmbench.report.mlflow_words import Described
from dgmbench.run.checkpoint import Checkpoint
from dgmbench.run.config import build_run, read_plan
from dgmbench.run.spec import RunSpec
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.text_likelihood.check import trial
from dgmbench.tasks.text_likelihood.convergence import convergence
from dgmbench.tasks.text_likelihood.correlation_graph import correlation_graphs
from dgmbench.tasks.text_likelihood.documents import prepared_documents
from dgmbench.tasks.text_likelihood.exported import exported, read_model, write_model
from dgmbench.tasks.text_likelihood.rows import ROWS, VECTORS
from dgmbench.tasks.text_likelihood.settings import text_settings
from dgmbench.tasks.text_likelihood.task import TEXT_LIKELIHOOD

THERE = [name for name in ROWS if name != "lda-tomotopy" or importlib.util.find_spec("tomotopy")]
LOGISTIC = "writer:LogisticNormalProportions"
SMALL: dict[str, dict[str, Any]] = {"mixture-of-unigrams": {"components": [3], "betas": [0.1]}}
SMALL["dynamic-topics"] = {"n_topics": 3, "n_sweeps": 24}
SMALL["ctm"] = {"n_topics": 3, "strength": 10, "n_sweeps": 12}
SMALL |= {name: {"n_topics": 3, "alpha_sum": 1.5, "n_sweeps": 12} for name in ROWS if name.startswith("lda")}
SMALL["slda"] = {"n_topics": 3, "n_iterations": 3}
SMALL["lftm"] = {"n_topics": 3, "initial_sweeps": 12, "n_sweeps": 5}
SMALL["gaussian-lda"] = {"n_topics": 3, "n_sweeps": 12}
SMALL["topicvec"] = {"n_topics_per_class": 2, "iterations": 20}
FITTED_AT_ONCE = {"slda", "lftm", "gaussian-lda", "topicvec"}  # no passes are told
WITH_VECTORS = [name for name in ROWS if ROWS[name].needs == VECTORS]


def documents() -> CorpusSplits:
    """150 training and 60 test documents of three classes with words of their own; unknown words."""
    rng = np.random.default_rng(0)
    names, texts = [f"class {i % 3}" for i in range(210)], []
    for i in range(210):
        own = rng.random(30) < 0.8
        texts.append(
            [f"w{word:02}" for word in np.where(own, rng.integers(0, 10, 30) + 10 * (i % 3), rng.integers(0, 30, 30))]
        )
    texts[0].append("once")
    texts[160] += ["unknown"] * 4
    texts[170] = ["unknown"]
    vocabulary = sorted({word for text in texts for word in text})
    train = Corpus.from_tokens(texts[:150], names[:150], vocabulary=vocabulary)
    return CorpusSplits(
        train, Corpus.from_tokens(texts[150:], names[150:], vocabulary=vocabulary, classes=train.classes)
    )


class Uniform:
    """A user-defined model that learns nothing, with whatever goes wrong in a derived class."""

    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        self.topics_ = np.full((2, corpus.n_words), 1 / corpus.n_words)
        self.alpha_ = np.array([0.5, 1.5])


class OfComponents(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        self.weights_ = self.alpha_ / 2
        del self.alpha_


class LogisticNormalProportions(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        self.mean_, self.covariance_ = np.array([-0.5, 0.5]), np.array([[1.0, -0.5], [-0.5, 2.0]])
        del self.alpha_


class UndefinedCovariance(LogisticNormalProportions):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        self.covariance_ = self.covariance_ * np.inf


class Undefined(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        self.topics_[0, 0] = np.nan


class LacksWords(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        self.topics_ = np.eye(corpus.n_words)[:2]


class NoTopics(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        pass


class NoPrior(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        del self.alpha_


class TooFewWords(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        self.topics_ = self.topics_[:, 1:]


class NotNormalised(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        self.topics_ *= 2


class Negative(OfComponents):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        super().fit(corpus)
        self.weights_ = np.array([-0.5, 1.5])


class Raises(Uniform):
    def fit(self, corpus: Corpus, labels: Any = None) -> None:
        raise KeyError("no such thing")


class StepByStep(Uniform):
    passes_ = 0

    def passes(self, corpus: Corpus, labels: Any = None) -> Iterator[Any]:
        for done in range(1, 12):
            self.fit(corpus)
            self.passes_ = done
            yield done


class OnDevice(Uniform):
    """A model that can use a GPU."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device


class Text(StepByStep):
    def passes(self, corpus: Corpus, labels: Any = None) -> Iterator[Any]:
        yield "one"


USERS = (Uniform, OfComponents, Undefined, LacksWords, NoTopics, NoPrior, TooFewWords, NotNormalised, Negative, Raises)
USERS += (LogisticNormalProportions, UndefinedCovariance)


@pytest.fixture(autouse=True)
def module() -> Iterator[Any]:
    made: Any = types.ModuleType("writer")
    made.documents = documents
    for cls in (*USERS, StepByStep, OnDevice, Text):
        setattr(made, cls.__name__, cls)
    sys.modules["writer"] = made
    yield made
    del sys.modules["writer"]


@pytest.fixture(scope="module", autouse=True)
def vectors(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Word vectors of four numbers; words of one class lie near each other."""
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("vectors") / "mine.txt"
    lines = []
    for word in range(30):
        vector = 2 * np.eye(4)[word // 10] + rng.normal(0, 0.3, 4)
        lines.append(f"w{word:02} " + " ".join(f"{value:.4f}" for value in vector))
    path.write_text("\n".join(lines) + "\n")
    SETTINGS.update({name: {"embeddings": f"file:{path}"} for name in WITH_VECTORS})
    return f"file:{path}"


SETTINGS: dict[str, dict[str, Any]] = {}


def spec_of(model: str, seed: int = 0, **settings: Any) -> RunSpec:
    settings = SETTINGS.get(model, {}) | settings
    layer = {"left_to_right_documents": 10, "left_to_right_tokens": 12, "options": SMALL.get(model, {}), **settings}
    return build_run(TEXT_LIKELIHOOD, "writer:documents", model, seed, [(layer, "test")], "test")


def measured(spec: RunSpec, workspace: Workspace) -> tuple[dict[str, Any], dict[str, np.ndarray], list[dict[str, str]]]:
    train(TEXT_LIKELIHOOD, spec, workspace)
    record = evaluate(TEXT_LIKELIHOOD, spec, workspace)
    with (
        (workspace.trained(spec) / "curve.csv").open() as file,
        np.load(workspace.run(spec) / "per_example.npz") as found,
    ):
        return record, dict(found), list(csv.DictReader(file))


@pytest.mark.parametrize("model", [*THERE, "writer:Uniform", "writer:OfComponents", "writer:StepByStep", LOGISTIC])
def test_every_row_is_measured_on_the_same_tokens(model: str, tmp_path: Path) -> None:
    record, arrays, curve = measured(spec_of(model), Workspace(tmp_path))
    metrics, corpus = record["metrics"], record["corpus"]
    assert record["status"] == "ok" and metrics["scored_tokens"] == 59 * 15
    assert (corpus["vocabulary"], corpus["test_documents"], corpus["dropped_test"]) == (30, 59, 1)
    assert (corpus["unknown_test_tokens"], corpus["unknown_train_tokens"]) == (5, 1)
    assert arrays["log_likelihood"].shape == (59,) and arrays["left_to_right"].shape == (10,)
    for name, values in arrays.items():
        assert metrics[name] == pytest.approx(values.mean(), rel=1e-12)
    assert metrics["perplexity"] == pytest.approx(np.exp(-metrics["log_likelihood"]))
    seconds = metrics["fit_cpu_seconds"]
    assert seconds == pytest.approx(float(curve[-1]["cpu_seconds"])) and seconds > 0
    if model.startswith("writer"):
        assert metrics["log_likelihood"] == pytest.approx(-np.log(30)) == pytest.approx(metrics["left_to_right"])
    elif model not in ("unigram", "lda-gensim", "lda-scikit-learn"):  # knows or finds the classes in so few passes
        # a Gaussian of few vectors is spread over those of other words, too
        assert metrics["log_likelihood"] > -np.log(30) + (0.1 if model == "gaussian-lda" else 0.3)
    # the curve's sample is all documents here
    assert float(curve[-1]["log_likelihood"]) == pytest.approx(metrics["log_likelihood"])


@pytest.mark.parametrize(
    ("model", "settings", "gpus", "device"),
    [
        ("writer:OnDevice", {}, 0, "cpu"),
        ("writer:OnDevice", {}, 1, "cpu"),  # was not asked for
        ("writer:OnDevice", {"devices": 1}, 0, "cpu"),
        ("writer:OnDevice", {"devices": 1}, 1, "cuda"),
        ("writer:OnDevice", {"devices": 0}, 1, "cpu"),
        ("lda-esca", {}, 0, "cpu"),
        ("lda-esca", {}, 1, "cpu"),
        ("unigram", {}, 1, None),
    ],
)
def test_a_gpu_is_used_where_one_is_asked_for_and_there_and_the_record_says_so(
    model: str, settings: dict[str, Any], gpus: int, device: str | None, tmp_path: Path
) -> None:
    record = train(TEXT_LIKELIHOOD, spec_of(model, **settings), Workspace(tmp_path), gpus=gpus)
    assert record["device"] == device


@pytest.mark.parametrize("model", ["lda-gibbs", "lda-warp", "lda-gensim", "lda-scikit-learn"])
def test_a_row_that_cannot_use_a_gpu_says_so(model: str, tmp_path: Path) -> None:
    spec = spec_of(model, devices=1)
    assert TEXT_LIKELIHOOD.devices(spec) == 1 and TEXT_LIKELIHOOD.devices(spec_of(model)) == 0
    with pytest.raises(UserError, match=r"engine .* computes on the CPU; take engine esca or device cpu"):
        train(TEXT_LIKELIHOOD, spec, Workspace(tmp_path), gpus=1)


@pytest.mark.parametrize(
    ("model", "passes"),
    [
        ("unigram", [1]),
        ("naive-bayes", [1]),
        ("lda-gibbs", [1, 2, 3, 5, 8, 12]),
        ("lda-esca", [1, 2, 3, 5, 8, 12]),
        ("lda-gensim", [1, 2, 3, 5, 8, 12]),
        ("lda-scikit-learn", [1, 2, 3, 5, 8, 12]),
        ("writer:StepByStep", [1, 2, 3, 5, 8, 11]),
        ("writer:Uniform", [1]),
    ],
)
def test_a_curve_has_every_so_many_passes_and_the_last(model: str, passes: list[int], tmp_path: Path) -> None:
    record, _, curve = measured(spec_of(model), Workspace(tmp_path))
    assert [int(line["epoch"]) for line in curve] == passes
    for name in ("seconds", "cpu_seconds"):
        times = [float(line[name]) for line in curve]
        assert times == sorted(times) and times[-1] > 0
    if model in ROWS:
        tokens, seconds = record["corpus"]["train_tokens"], record["training"]["fit_seconds"]
        assert record["metrics"]["tokens_per_second"] == pytest.approx(passes[-1] * tokens / seconds)


def test_seconds_are_those_of_the_fit_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clock that moves by 1 for a pass and by 100 for a measurement."""
    clock = {"now": 0.0}

    def passes(self: StepByStep, corpus: Corpus, labels: Any = None) -> Iterator[int]:
        for done in range(1, 7):
            clock["now"] += 1
            self.fit(corpus)
            yield done

    def measure(*given: Any, **named: Any) -> Any:
        clock["now"] += 100
        return complete(*given, **named)

    import dgmbench.tasks.text_likelihood.training as training

    complete = training.complete
    monkeypatch.setattr(training, "complete", measure)
    monkeypatch.setattr(StepByStep, "passes", passes)
    frozen = types.SimpleNamespace(perf_counter=lambda: clock["now"], process_time=lambda: 2 * clock["now"])
    monkeypatch.setattr(training, "time", frozen)
    train(TEXT_LIKELIHOOD, spec_of("writer:StepByStep"), Workspace(tmp_path))
    with (Workspace(tmp_path).trained(spec_of("writer:StepByStep")) / "curve.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["seconds"]) for line in lines] == [1, 2, 3, 5, 6]
    assert [float(line["cpu_seconds"]) for line in lines] == [2, 4, 6, 10, 12]


@pytest.mark.parametrize("model", THERE)
def test_a_run_repeats_bit_for_bit(model: str, tmp_path: Path) -> None:
    (_, one, _), (_, other, _) = (measured(spec_of(model, seed=4), Workspace(tmp_path / name)) for name in "ab")
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_words_without_a_vector_are_no_words_of_any_row(vectors: str, tmp_path: Path) -> None:
    few = tmp_path / "few.txt"
    few.write_text("".join(f"w{word:02} 1 {word} 0.5 0.1\n" for word in range(12)))
    for model in ("unigram", "lda-gibbs", *WITH_VECTORS):
        data = prepared_documents(spec_of(model, embeddings=f"file:{few}"))
        assert data.train.vocabulary == tuple(f"w{word:02}" for word in range(12))
        assert data.dropped_test > 1 and data.unknown_train > 1000
    assert prepared_documents(spec_of("unigram", embeddings=vectors)).train.n_words == 30


@pytest.mark.parametrize("model", WITH_VECTORS)
def test_a_row_that_takes_vectors_is_refused_without(model: str) -> None:
    with pytest.raises(UserError, match=f"test.embeddings: {model} takes word vectors; name them"):
        spec_of(model, embeddings="")


def test_vectors_that_no_word_has_are_refused(tmp_path: Path) -> None:
    (tmp_path / "others.txt").write_text("one 1 2\ntwo 2 3\n")
    with pytest.raises(UserError, match=r"no word of the vocabulary has a vector in file:.*others\.txt"):
        prepared_documents(spec_of("unigram", embeddings=f"file:{tmp_path / 'others.txt'}"))


@pytest.mark.parametrize(
    ("settings", "train_documents", "test_documents", "words"),
    [
        ({}, 150, 59, 30),
        ({"least_documents": 1}, 150, 59, 31),
        ({"split": "valid"}, 120, 30, 30),
        ({"train_limit": 50}, 50, 59, 30),
        ({"test_limit": 20}, 150, 20, 30),
        ({"split": "valid", "train_limit": 60, "test_limit": 10}, 60, 10, 30),
    ],
)
def test_the_documents_of_a_run(
    settings: dict[str, Any], train_documents: int, test_documents: int, words: int
) -> None:
    data = prepared_documents(spec_of("unigram", **settings))
    assert (len(data.train), len(data.test), data.train.n_words) == (train_documents, test_documents, words)
    assert data.test.vocabulary == data.train.vocabulary and data.test.lengths.min() > 0
    assert data.train.labels is not None and len(set(data.train.labels.tolist())) == 3
    if settings.get("split") == "valid":
        texts = {data.test.document(i).tobytes() for i in range(len(data.test))}
        assert texts.isdisjoint(data.train.document(i).tobytes() for i in range(len(data.train)))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"least_documents": 151}, "no word is in 151 of the 150 training documents; set least_documents lower"),
        ({"train_limit": 4}, "no word is in 5 of the 4 training documents"),
        ({"least_documents": 0}, "least_documents: 0 is too small"),
        ({"split": "train"}, "'train' is unknown; choose one of test, valid"),
        ({"left_to_right_particles": 0}, "left_to_right_particles: 0 is too small"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        prepared_documents(spec_of("unigram", **settings))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", ["writer:Undefined", "writer:LacksWords", "writer:UndefinedCovariance"])
def test_what_is_not_finite_is_a_result(model: str, tmp_path: Path) -> None:
    record, arrays, _ = measured(spec_of(model), Workspace(tmp_path))
    assert record["status"] == "diverged" and not arrays
    assert record["metrics"]["log_likelihood"] is None and record["metrics"]["perplexity"] is None


@pytest.mark.parametrize("model", [*THERE, "writer:Uniform", "writer:OfComponents", "writer:StepByStep", LOGISTIC])
def test_what_fits_goes_through_check_and_trial(model: str) -> None:
    assert check.findings(TEXT_LIKELIHOOD, spec_of(model)) == []


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("Undefined", "topics_ or its prior has NaN or infinity"),
        ("LacksWords", "evaluate, on a part of the data: a value is not finite"),
        ("NoTopics", "writer:NoTopics: topics_ has the shape (0,); a fitted model has (topics, 30)"),
        (
            "NoPrior",
            "writer:NoPrior has neither weights_, of components, nor alpha_, Dirichlet parameters, nor mean_, of a "
            "logistic normal distribution: give one",
        ),
        ("UndefinedCovariance", "topics_ or its prior has NaN or infinity"),
        ("TooFewWords", "writer:TooFewWords: topics_ has the shape (2, 29); a fitted model has (topics, 30)"),
        ("NotNormalised", "writer:NotNormalised: a row of topics_ sums to 2; each must sum to 1"),
        ("Negative", "writer:Negative: topics_ or weights_ has a negative number"),
        ("Raises", "fit(corpus, labels) for 60 documents raised KeyError: 'no such thing'"),
        ("Text", "passes(corpus, labels) gave 'one', not the number of passes made so far"),
    ],
)
def test_what_does_not_fit_is_named(model: str, line: str) -> None:
    (found,) = check.findings(TEXT_LIKELIHOOD, spec_of(f"writer:{model}"))
    assert re.sub(r" \(test_text_likelihood\.py, line \d+\)$", "", found) == line


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"weights_": [0.5]}, r"weights_ has the shape \(1,\); it must be \(2,\)"),
        ({"weights_": [0.5, 0.9]}, "weights_ sum to 1.4; they must sum to 1"),
        ({"alpha_": [0.5, 0.0]}, "alpha_ has a zero"),
        ({"alpha_": [0.5, -1.0]}, "negative number"),
        ({"alpha_": 0.5}, r"alpha_ has the shape \(\)"),
        ({"mean_": [0.5]}, r"mean_ has the shape \(1,\); it must be \(2,\)"),
        ({"mean_": [0.5, -1.0]}, r"covariance_ has the shape \(0,\); beside mean_ it must be \(2, 2\)"),
        ({"mean_": [0, 0], "covariance_": [1, 1]}, r"covariance_ has the shape \(2,\)"),
        ({"mean_": [0, 0], "covariance_": [[1, 2], [2, 1]]}, "covariance_ is not positive definite"),
        ({"mean_": [0, 0], "covariance_": [[1, 0.5], [0, 1]]}, "covariance_ is not symmetric"),
    ],
)
def test_priors_that_cannot_be_are_refused(given: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        exported(types.SimpleNamespace(topics_=np.full((2, 3), 1 / 3), **given), 3, "mine")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("limits", [(0, 0, 0), (1000, 1000, 1000), (100, 50, 3), (0, 20, 0), (500, 0, 4)])
def test_a_trial_is_small(limits: tuple[int, int, int]) -> None:
    names = ("train_limit", "test_limit", "left_to_right_documents")
    small = text_settings(trial(spec_of("unigram", **dict(zip(names, limits, strict=True)))))
    for name, limit, most in zip(names, limits, (400, 100, 5), strict=True):
        assert getattr(small, name) == min(limit or most, most)


@pytest.mark.parametrize("content", [None, b"", b"text", b"PK\3\4", "other"])
def test_a_damaged_model_is_refused_in_one_line(content: bytes | str | None, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    if content == "other":
        np.savez(path, topics=np.eye(2), theta=np.eye(2))
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"no file|is broken") as caught:
        read_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "more"), [(Mixture, ()), (Admixture, ()), (LogisticNormal, (2 * np.eye(3),))])
def test_a_model_is_read_as_it_was_written(kind: Any, more: tuple[np.ndarray, ...], tmp_path: Path) -> None:
    model: DocumentModel = kind(np.eye(3), np.array([0.2, 0.3, 0.5]), *more)
    write_model(tmp_path / "model.npz", model)
    found = read_model(tmp_path / "model.npz")
    assert type(found) is kind and vars(found).keys() == vars(model).keys()
    for name, values in vars(model).items():
        np.testing.assert_array_equal(getattr(found, name), values)


@pytest.mark.parametrize("model", ["slda", "lftm", "gaussian-lda", "topicvec"])
def test_a_killed_fit_goes_on_to_the_same_model(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgmbench.run.checkpoint.CHECKPOINT_SECONDS", -1.0)
    whole, cut, spec = Workspace(tmp_path / "whole"), Workspace(tmp_path / "cut"), spec_of(model)
    train(TEXT_LIKELIHOOD, spec, whole)
    save, saved = Checkpoint.save, 0

    def save_then_die(self: Checkpoint, **arrays: Any) -> None:
        nonlocal saved
        save(self, **arrays)
        saved += any(cut.state(spec).rglob("*.npz"))  # a short fit before it, to let things compile, keeps nothing
        if saved == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoint, "save", save_then_die)
        train(TEXT_LIKELIHOOD, spec, cut)
    assert list(cut.state(spec).rglob("*.npz"))
    train(TEXT_LIKELIHOOD, spec, cut)
    assert not list(cut.state(spec).rglob("*.npz"))
    one, other = (read_model(where.trained(spec) / "model.npz") for where in (whole, cut))
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(other, name))


def test_the_table_and_its_figures(tmp_path: Path) -> None:
    models = {name: {"options": SMALL.get(name, {}), **SETTINGS.get(name, {})} for name in THERE}
    section = {"settings": {"left_to_right_documents": 10}, "corpora": ["writer:documents"], "models": models}
    config = {"preset": "trial", "seeds": [0, 1], "text-likelihood": section}
    plan = read_plan(config, {"text-likelihood": TEXT_LIKELIHOOD})
    workspace = Workspace(tmp_path / "trial")
    for spec in plan.runs:
        measured(spec, workspace)
    tabulate(plan, workspace)
    with (workspace.tables / "text-likelihood.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert list(rows) == THERE and {row["status"] for row in rows.values()} == {"ok"}
    for name, row in rows.items():
        assert row["n_seeds"] == "2" and float(row["log_likelihood"]) < 0
        assert name in FITTED_AT_ONCE or float(row["tokens_per_second"]) > 0
        assert float(row["peak_memory_mb"]) > 10 and not any(key.startswith("paper") for key in row), name
        assert float(row["perplexity"]) == pytest.approx(np.exp(-float(row["log_likelihood"])), rel=1e-2)  # of means
    text = (workspace.tables / "text-likelihood.md").read_text()
    assert "Nothing is published for these rows" in text and "lda-warp minus lda-gibbs" in text
    assert "5 tokens outside it and 1 documents left empty" in text and "million tokens a second" in text
    with (workspace.figures / "text-likelihood_convergence.csv").open() as file:
        drawn = [(line["model"], line["seed"]) for line in csv.DictReader(file)]
    assert {pair for pair in drawn} == set(itertools.product(THERE, "01"))
    assert (workspace.figures / "text-likelihood_convergence.png").stat().st_size > 5000
    table = load_object(TEXT_LIKELIHOOD.table)
    (figure,) = convergence(collect(plan, workspace, TEXT_LIKELIHOOD, table.problem), workspace)
    assert figure.chart is not None
    (panel,) = figure.chart.panels
    assert isinstance(panel, Lines) and panel.x == "processor seconds of fitting"
    (line,) = (line for line in panel.lines if line.name == "unigram")
    assert line.x == pytest.approx([float(rows["unigram"]["fit_cpu_seconds"])], abs=1e-4)
    assert figure.text.endswith("are not counted.") or "Below the axis: " in figure.text


def test_topics_that_go_together_are_drawn_for_each_row_that_knows_them(tmp_path: Path) -> None:
    models = {name: {"options": SMALL.get(name, {})} for name in ("unigram", "ctm")}
    config = {"preset": "trial", "text-likelihood": {"corpora": ["writer:documents"], "models": models}}
    plan = read_plan(config, {"text-likelihood": TEXT_LIKELIHOOD})
    workspace = Workspace(tmp_path / "trial")
    for spec in plan.runs:
        measured(spec, workspace)
    tabulate(plan, workspace)
    (drawn,) = workspace.figures.glob("text-likelihood_correlations-*.png")
    assert drawn.stem.endswith("-ctm") and drawn.stat().st_size > 5000
    cells = collect(plan, workspace, TEXT_LIKELIHOOD, load_object(TEXT_LIKELIHOOD.table).problem)
    of_training = correlation_graphs(cells, workspace)
    shutil.rmtree(workspace.root / "trained")
    assert correlation_graphs(cells, workspace) == of_training and of_training[0].path == drawn


@pytest.mark.parametrize(
    "number",
    [
        *("log_likelihood", "perplexity", "left_to_right", "fit_cpu_seconds", "tokens_per_second", "passes"),
        *("components", "scored_tokens", "seconds", "cpu_seconds", "bound_nats_per_token"),
    ],
)
def test_mlflow_says_what_each_number_is(number: str) -> None:
    assert Described.of(TEXT_LIKELIHOOD).numbers[number]
