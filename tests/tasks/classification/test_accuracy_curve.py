"""Accuracy against seconds: a line where a fit was measured on the way, a point for every other method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from dgmbench.report.cells import collect
from dgmbench.report.charts import Lines
from dgmbench.run.plan import Plan
from dgmbench.run.stages import evaluate, train
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification.table import TABLE
from dgmbench.tasks.classification.task import CLASSIFICATION

OPTIONS: dict[str, Any] = {"bayes-pa": {"n_topics": 2, "batch": 6}}


@pytest.mark.usefixtures("few_vectors")
@pytest.mark.parametrize(
    "methods",
    [["bayes-pa"], ["naive-bayes", "bayes-pa"], ["bow", "bayes-pa"], ["mean-wv", "naive-bayes", "bayes-pa"], ["bow"]],
)
def test_methods_are_drawn_where_one_has_a_curve(
    methods: list[str], texts: Callable[..., Any], run_on: Callable[..., Any], workspace: Workspace
) -> None:
    runs = [run_on(texts(24), texts(20, seed=1), method, OPTIONS.get(method)) for method in methods]
    records = {}
    for run in runs:
        train(CLASSIFICATION, run, workspace)
        records[run.model] = evaluate(CLASSIFICATION, run, workspace)
    plan = Plan("trial", {"classification": CLASSIFICATION}, tuple(runs), False, 1, {})
    figures = TABLE.figures(collect(plan, workspace, CLASSIFICATION, TABLE.problem), workspace)
    found = [figure for figure in figures if figure.path.name == "classification_accuracy.png"]
    assert len(found) == ("bayes-pa" in methods)
    for figure in found:
        assert figure.path.stat().st_size > 5000 and figure.chart is not None
        drawn = pd.read_csv(figure.path.with_suffix(".csv")).groupby("model")
        assert set(drawn.groups) == set(methods)
        assert {name: len(part) for name, part in drawn} == dict.fromkeys(methods, 1) | {"bayes-pa": 4}
        for name, part in drawn:
            record = records[name]
            assert part["accuracy"].iloc[-1] == pytest.approx(record["metrics"]["accuracy"])
            seconds = record["training"]["fit_seconds"]
            seconds += 0 if name == "bayes-pa" else record["evaluation"]["measure_seconds"]
            assert part["seconds"].iloc[-1] == pytest.approx(seconds)
        (panel,) = figure.chart.panels
        assert isinstance(panel, Lines) and {line.name: len(line.x) for line in panel.lines}["bayes-pa"] == 4
