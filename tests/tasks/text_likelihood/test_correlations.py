"""Correlations of topics by hand, their file, and the graph drawn from it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dgmbench.metrics.documents import LogisticNormal
from dgmbench.report.frames import read_frame
from dgmbench.tasks.text_likelihood.correlation_graph import clustered, draw_graph, strong
from dgmbench.tasks.text_likelihood.correlations import topic_correlations, write_correlations

PAIRS = np.array([[1, 0.9, 0, 0], [0.9, 1, 0, 0], [0, 0, 1, -0.9], [0, 0, -0.9, 1]])


@pytest.mark.parametrize("K", [2, 3, 5, 20, 100])
def test_independent_topics_share_what_is_left_of_one(K: int) -> None:
    """log θ_k less their mean sum to 0, so that of K alike any two correlate by −1 / (K − 1)."""
    found = topic_correlations(2.5 * np.eye(K))
    np.testing.assert_allclose(found, np.eye(K) - (1 - np.eye(K)) / (K - 1), atol=1e-12)


@pytest.mark.parametrize("added", [0.0, 0.5, 3.0, 100.0, 1e4])
def test_what_is_added_to_all_topics_changes_nothing(added: float) -> None:
    root = np.random.default_rng(0).standard_normal((5, 5))
    covariance = root @ root.T
    np.testing.assert_allclose(topic_correlations(covariance + added), topic_correlations(covariance), atol=1e-9)
    drawn = np.random.default_rng(1).multivariate_normal(np.zeros(5), covariance, 200_000)
    sampled = np.corrcoef((drawn - drawn.mean(axis=1, keepdims=True)).T)
    np.testing.assert_allclose(topic_correlations(covariance), sampled, atol=0.02)


def test_the_strongest_pairs_come_first_and_weak_ones_are_left_out() -> None:
    correlations = np.eye(4)
    for (i, j), r in {(0, 1): 0.5, (1, 2): -0.8, (2, 3): 0.3, (0, 3): 0.09}.items():
        correlations[i, j] = correlations[j, i] = r
    assert strong(correlations) == [(1, 2), (0, 1), (2, 3)]
    assert len(strong(np.full((6, 6), 0.5))) == 9 and strong(np.eye(3)) == []


def test_topics_that_go_together_are_neighbours() -> None:
    order = clustered(PAIRS[np.ix_([0, 2, 1, 3], [0, 2, 1, 3])]).tolist()  # pairs are now 0 with 2, and 1 with 3
    assert sorted(order) == [0, 1, 2, 3] and abs(order.index(0) - order.index(2)) == 1


@pytest.mark.parametrize("K", [3, 4, 10, 61, 90])
def test_the_file_and_the_graph(K: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(K)
    root = rng.standard_normal((K, 3))
    model = LogisticNormal(rng.dirichlet(np.ones(12), K), rng.standard_normal(K), root @ root.T + np.eye(K))
    write_correlations(tmp_path, model, [f"word{i}" for i in range(12)])
    topics = read_frame(tmp_path / "correlations.csv", ("topic", "size", "words"), ("words",))
    np.testing.assert_allclose(topics.iloc[:, 3:], topic_correlations(model.covariance), atol=1e-4)
    assert topics["topic"].tolist() == list(range(K)) and topics["size"].sum() == pytest.approx(1, abs=0.01)
    assert topics["words"][1].split()[0] == f"word{model.topics[1].argmax()}"
    assert draw_graph(topics, tmp_path / "graph").stat().st_size > 5000
    with (tmp_path / "graph.csv").open() as file:
        lines = list(csv.DictReader(file))
    strengths = [abs(float(line["correlation"])) for line in lines]
    assert strengths == sorted(strengths, reverse=True) and 0 < len(lines) <= 1.5 * min(K, 60)
    first = lines[0]
    expected = topics.iloc[int(first["topic"]), 3 + int(first["other"])]
    assert float(first["correlation"]) == pytest.approx(expected)
    shown = set(np.argsort(-topics["size"].to_numpy(), kind="stable")[:60].tolist())
    assert {int(line[name]) for line in lines for name in ("topic", "other")} <= shown
    assert pd.read_csv(tmp_path / "graph.csv").shape[1] == 5
