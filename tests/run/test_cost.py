"""How much work a run is, up to a factor: what estimates and the order of jobs go by."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from dgmbench.data import load_corpus, load_images
from dgmbench.data.catalogue import CATALOGUE
from dgmbench.data.datasets.twenty_news_stripped import MESSAGES
from dgmbench.data.drawn_corpora import parse_name
from dgmbench.data.sizes import classes_of, data_mb, size_of, sizes
from dgmbench.names import load_object
from dgmbench.run.config import read_plan
from dgmbench.tasks import all_tasks
from dgmbench.tasks.classification.task import PASSES as PASSES_OF_METHODS
from dgmbench.tasks.text_likelihood.task import PASSES as PASSES_OF_MODELS

UPSTREAM_ALONE = {"20news-stripped": MESSAGES}


def cost(task: str, dataset: str, model: str, stage: str = "training", **settings: Any) -> float:
    found = all_tasks()[task]
    options = {"options": settings.pop("options")} if "options" in settings else {}
    part = {found.datasets_word: [dataset], found.rows_word: {model: settings | options}}
    (run,) = read_plan({task: part}, all_tasks()).runs
    return found.cost(run) if stage == "training" else found.evaluation_cost(run)


@pytest.mark.network
@pytest.mark.parametrize("name", [name for name in sizes() if name not in UPSTREAM_ALONE])
def test_the_sizes_are_those_of_the_data(name: str) -> None:
    if CATALOGUE[name].kind == "images":
        images = load_images(name)
        found = {part: len(getattr(images, part)) for part in ("train", "valid", "test")}
        assert images.n_classes == classes_of(name)
    else:
        train, test = load_corpus(name)
        found = {"train": len(train), "test": len(test)}
    assert found == sizes()[name]


def test_the_sizes_of_what_no_registry_has_are_those_that_its_parser_demands() -> None:
    for name, counts in UPSTREAM_ALONE.items():
        assert sizes()[name] == counts


def test_every_dataset_of_images_or_documents_has_its_size() -> None:
    assert sizes().keys() == {name for name, dataset in CATALOGUE.items() if dataset.kind in ("images", "corpus")}


@pytest.mark.parametrize(
    ("name", "limit", "expected"),
    [("mnist", 0, 60_000), ("mnist", 500, 500), ("reuters", 10**6, 5_754), ("file:mine.csv", 0, 10_000), ("x", 7, 7)],
)
def test_a_limit_above_the_size_limits_nothing(name: str, limit: int, expected: int) -> None:
    assert size_of(name, "train", limit) == expected


@pytest.mark.parametrize(
    "name",
    ["zipf-topics", "zipf-topics?documents=300&length=20", "zipf-topics?words=500&topics=9&test=70&documents=40"],
)
def test_a_corpus_of_any_size_is_as_large_as_its_name_says(name: str) -> None:
    said, (train, test) = parse_name(name), load_corpus(name)
    found = size_of(name, "train"), size_of(name, "test")
    assert found == (len(train), len(test)) == (said.documents, said.test)
    assert size_of(name, "train", 7) == 7
    assert data_mb(name) == pytest.approx(1e-6 * (9 * (train.n_tokens + test.n_tokens) + 50 * train.n_tokens), rel=0.1)


@pytest.mark.parametrize("task", ["text-likelihood", "classification"])
def test_a_job_with_a_large_corpus_asks_for_more_memory(task: str) -> None:
    found = all_tasks()[task]

    def memory(dataset: str, **settings: Any) -> float:
        part = {found.datasets_word: {dataset: settings}, found.rows_word: ["naive-bayes"]}
        plan = read_plan({task: part}, all_tasks())
        return plan.memory_mb(plan.runs[0]) - found.memory_mb

    large = "zipf-topics?documents=1000000"
    assert memory(large) == round(data_mb(large)) == 5901  # the test documents, too
    assert memory(large, train_limit=1000) == 906  # all are drawn
    assert memory("zipf-topics?documents=10&test=1000000") == 900
    assert memory("reuters") == 0


@pytest.mark.parametrize(
    ("task", "dataset", "model", "stage", "first", "second", "ratio"),
    [
        ("density", "mnist", "vae", "training", {"epochs": 2, "train_limit": 1000}, {"epochs": 12}, 6 * 60),
        ("density", "mnist", "vae", "training", {"epochs": 2}, {"epochs": 2, "importance_samples": 5}, 5),
        ("density", "ocr-letters", "vae", "evaluation", {"k": 50, "test_limit": 200}, {"k": 1000}, 20 * 50),
        ("classification", "20news", "slda", "training", {"train_limit": 600}, {}, 11_293 / 600),
        ("classification", "reuters", "lftm", "training", {"options": {"n_sweeps": 10}}, {}, 5),
        ("classification", "reuters", "doc2vec", "training", {"options": {"epochs": 40}}, {}, 0.5),
        ("classification", "reuters", "bow", "evaluation", {"train_limit": 600}, {}, 5_754 / 600),
        ("text-likelihood", "reuters", "ctm", "training", {"options": {"n_sweeps": 20}, "train_limit": 400}, {},
         10 * 5_754 / 400),
        ("text-likelihood", "20news", "lda-gibbs", "evaluation", {"test_limit": 100}, {}, 75.28),
        ("representation", "ocr-letters", "vae", "training", {"epochs": 2, "train_limit": 500}, {"epochs": 60},
         30 * 32_152 / 500),
        ("representation", "ocr-letters", "pca", "training", {"epochs": 2, "train_limit": 500}, {}, 32_152 / 500),
        ("representation", "mnist", "pixels", "training", {"epochs": 2}, {"epochs": 60}, 1),
        ("density", "mnist", "mixture-of-bernoullis", "training", {"epochs": 2}, {}, 1),
        ("density", "mnist", "mixture-of-bernoullis", "training", {"options": {"components": [8, 16]}}, {}, 800 / 24),
        ("density", "mnist", "mixture-of-bernoullis", "training", {"options": {"components": [100]}}, {}, 8),
        ("density", "mnist", "mixture-of-bernoullis", "evaluation", {"k": 50}, {"k": 500, "test_limit": 5000}, 0.5),
        ("generation", "mnist", "noise", "training", {"epochs": 2, "train_limit": 500}, {}, 1),
        ("few-labels", "mnist", "supervised", "training", {"labels": [20]}, {"labels": [20, 50, 100]}, 3),
    ],
)  # fmt: skip
def test_the_work_of_two_runs_is_in_proportion(
    task: str, dataset: str, model: str, stage: str, first: dict[str, Any], second: dict[str, Any], ratio: float
) -> None:
    more, less = (cost(task, dataset, model, stage, **each) for each in (dict(second), dict(first)))
    assert more == pytest.approx(ratio * less)


@pytest.mark.parametrize("task", ["classification", "text-likelihood"])
def test_the_passes_are_those_of_the_classes(task: str) -> None:
    known = {"classification": PASSES_OF_METHODS, "text-likelihood": PASSES_OF_MODELS}[task]
    found = {}
    for name, row in all_tasks()[task].rows.items():
        parameters = inspect.signature(load_object(row.factory)).parameters
        passes = [parameters[key].default for key in ("n_sweeps", "epochs") if key in parameters]
        if passes and not {"n_sweeps", "epochs"} & row.options.keys():
            found[name] = passes[0]
    assert known == found
