"""Corpora that are named by a form: drawn ones, and bags of words, whose documents have no labels and no order."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from dgmbench.commands import check, listing
from dgmbench.commands.completion import datasets
from dgmbench.commands.fetch import fetch
from dgmbench.data import zipf
from dgmbench.errors import UserError
from dgmbench.run.config import build_run, read_plan
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import all_tasks
from dgmbench.tasks.text_likelihood.rows import ROWS, VECTORS
from dgmbench.tasks.text_likelihood.task import TEXT_LIKELIHOOD
from tests.data.test_uci_files import corpus, write
from tests.tasks.text_likelihood.test_text_likelihood import SMALL, THERE

DRAWN = "zipf-topics?documents=60&test=20&words=30&topics=3&length=20"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipf, "PART", 100)


def named(kind: str, folder: Path) -> str:
    return DRAWN if kind == "drawn" else f"{write(folder, corpus(80), 30, packed=True)}?name=bags"


def settings_of(model: str) -> dict[str, Any]:
    return {"left_to_right_documents": 3, "left_to_right_tokens": 8, "options": SMALL.get(model, {})}


def without_labels() -> list[str]:
    return [model for model in THERE if not ROWS[model].labels and ROWS[model].needs != VECTORS]


def test_the_rows_that_need_labels_say_so() -> None:
    assert {name for name, row in ROWS.items() if row.labels} == {"naive-bayes", "slda"}


@pytest.mark.parametrize(("model", "kind"), [*((m, "bags") for m in without_labels()), ("naive-bayes", "drawn")])
def test_every_row_that_needs_no_labels_is_measured(model: str, kind: str, tmp_path: Path) -> None:
    spec = build_run(TEXT_LIKELIHOOD, named(kind, tmp_path), model, 0, [(settings_of(model), "test")], "test")
    workspace = Workspace(tmp_path / "results")
    train(TEXT_LIKELIHOOD, spec, workspace)
    record = evaluate(TEXT_LIKELIHOOD, spec, workspace)
    assert record["status"] == "ok" and record["metrics"]["log_likelihood"] < 0
    assert record["data"]["source"] == spec.dataset
    documents = (64, 16) if kind == "bags" else (60, 20)
    assert (record["corpus"]["train_documents"], record["corpus"]["test_documents"]) == documents


@pytest.mark.parametrize("split", ["test", "valid"])
@pytest.mark.parametrize(("limit", "fitted"), [(0, 64), (20, 20)])
def test_parts_of_documents_without_labels(split: str, limit: int, fitted: int, tmp_path: Path) -> None:
    from dgmbench.tasks.text_likelihood.documents import prepared_documents

    settings = settings_of("unigram") | {"split": split, "train_limit": limit}
    spec = build_run(TEXT_LIKELIHOOD, named("bags", tmp_path), "unigram", 0, [(settings, "test")], "test")
    data = prepared_documents(spec)
    held_out = {"test": 16, "valid": 12}[split]
    assert len(data.train) == min(fitted, 64 - (12 if split == "valid" else 0)) and len(data.test) == held_out


@pytest.mark.parametrize(
    ("task", "model", "who"),
    [
        ("text-likelihood", "naive-bayes", "naive-bayes"),
        ("text-likelihood", "slda", "slda"),
        ("classification", "bow", "classification"),
        ("classification", "twe", "classification"),
        ("classification", "doc2vec", "classification"),
        ("classification", "naive-bayes", "classification"),
    ],
)
def test_what_needs_labels_says_so_before_anything_is_computed(task: str, model: str, who: str, tmp_path: Path) -> None:
    found, name = all_tasks()[task], named("bags", tmp_path)
    config = {task: {found.datasets_word: [name], found.rows_word: [model]}}
    with pytest.raises(UserError) as caught:
        read_plan(config, {task: found})
    place = f"config.{task}.{found.rows_word}.{model}"
    assert str(caught.value) == f"{place}: {who} needs labels, which {name} does not have; leave one of both out"


@pytest.mark.parametrize("kind", ["drawn", "bags"])
@pytest.mark.parametrize("model", ["unigram", "lda-gibbs", "lda-warp"])
def test_check_tries_them(kind: str, model: str, tmp_path: Path) -> None:
    spec = build_run(TEXT_LIKELIHOOD, named(kind, tmp_path), model, 0, [(settings_of(model), "test")], "test")
    assert check.findings(TEXT_LIKELIHOOD, spec) == []


@pytest.mark.parametrize("kind", ["drawn", "bags"])
def test_fetching_one_loads_it(kind: str, tmp_path: Path) -> None:
    name = named(kind, tmp_path)
    report = fetch(name, tmp_path / "marker.json")
    labels = {"train_labels", "test_labels"} if kind == "drawn" else set()
    assert report["source"] == name and (tmp_path / "marker.json").is_file()
    assert report["arrays"].keys() - labels >= {"vocabulary", "train_words", "train_offsets", "test_words"}
    assert labels <= report["arrays"].keys()


def test_a_configuration_of_a_few_lines_asks_for_a_large_corpus() -> None:
    text = """
    text-likelihood:
      corpora:
        zipf-topics?documents=1000000&words=100000&topics=1000&name=large: {test_limit: 500}
      models:
        lda-warp: {options: {n_topics: 1000, n_sweeps: 50}}
    """
    (run,) = read_plan(yaml.safe_load(text), {"text-likelihood": TEXT_LIKELIHOOD}).runs
    assert run.dataset.startswith("zipf-topics?documents=1000000")
    assert run.options["n_topics"] == 1000 and run.settings.test_limit == 500  # type: ignore[attr-defined]


@pytest.mark.parametrize("begins", ["zipf-topics", "uci:"])
def test_lists_and_shells_know_the_forms(begins: str) -> None:
    assert any(kind == "corpus" and name.startswith(begins) for kind, name, *_ in listing.rows())
    assert datasets(SimpleNamespace(params={}), begins[:3]) == [begins]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_topics_are_found_again(seed: int, tmp_path: Path) -> None:
    name = f"zipf-topics?documents=300&test=50&words=40&topics=3&length=60&seed={seed}"
    options = {"n_topics": 3, "n_sweeps": 60, "alpha_sum": 3.0}
    layer = settings_of("lda-gibbs") | {"options": options}
    spec = build_run(TEXT_LIKELIHOOD, name, "lda-gibbs", 0, [(layer, "test")], "test")
    workspace = Workspace(tmp_path)
    train(TEXT_LIKELIHOOD, spec, workspace)
    from dgmbench.data.drawn_corpora import parse_name
    from dgmbench.tasks.text_likelihood.exported import read_model

    made = parse_name(name).made
    found = read_model(workspace.trained(spec) / "model.npz").topics
    planted = np.array([made.topic(k) for k in range(3)])
    assert found.shape == planted.shape
    distance = np.abs(found[:, None] - planted[None]).sum(axis=-1) / 2
    assert distance.min(axis=0).max() < 0.15
