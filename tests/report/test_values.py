"""The values by example beside a table: small, and enough to compute every interval of the table again."""

import csv
import math
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.metrics.differences import Draws, drawn_difference, example_draws, f1_draws, mean_difference
from dgmbench.names import load_object
from dgmbench.report.values import RELATIVE_ERROR, read_values, rounded
from dgmbench.tasks import all_tasks

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
KEPT = sorted(REFERENCE.glob("*/tables/*.npz"))


def paired_lines(path):
    """Metric, dataset, both names, mean, low and high of a Markdown table's paired differences, and their last digit.

    The metric is empty where the table has one alone.
    """
    line = re.compile(r"^\| *(\S+) *\| (\S+) minus (\S+) *\| (\S+) \[(\S+), (\S+)\]", re.MULTILINE)
    found = []
    for section in path.read_text(encoding="utf-8").split("## Paired differences")[1:]:
        title, _, text = section.partition("\n## ")[0].partition("\n")
        metric = re.sub(r"\W+", "_", title.strip(": "))
        for dataset, ours, theirs, *numbers in line.findall(text):
            digit = 10.0 ** -len(numbers[0].partition(".")[2])
            found.append((metric, dataset, ours, theirs, list(map(float, numbers)), digit))
    return found


def recomputed(values, dataset, ours, theirs, array):
    """The interval of a pair, from kept values alone."""
    first, second = (
        [arrays for (d, m, _), arrays in values.items() if (d, m) == (dataset, model)] for model in (ours, theirs)
    )
    if array in first[0]:
        return mean_difference(*(np.stack([run[array] for run in runs]) for runs in (first, second)))
    labels = first[0]["labels"]
    draws = example_draws(len(labels))
    return drawn_difference(
        *(f1_draws(labels, np.stack([run["predictions"] for run in runs]), draws) for runs in (first, second))
    )


def by_label_set(values, dataset, ours, theirs, array):
    """The interval of a pair whose rows had the same labelled images, set by set."""
    first, second = (
        {seed: arrays[array] for (d, m, seed), arrays in values.items() if (d, m) == (dataset, model)}
        for model in (ours, theirs)
    )
    differences = np.stack([first[seed].astype(float) - second[seed] for seed in sorted(first)])
    return mean_difference(differences, np.zeros_like(differences[0]))


def test_the_intervals_of_a_table_follow_from_the_values_beside_it(whole):
    tables = whole[1].tables
    values, lines = read_values(tables / "toy.npz"), paired_lines(tables / "toy.md")
    assert len(lines) == 6 and len(values) == 12
    for _, dataset, ours, theirs, numbers, digit in lines:
        assert recomputed(values, dataset, ours, theirs, "wrong") == pytest.approx(numbers, abs=0.6 * digit)
    with (tables / "toy.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            seeds = [run["wrong"] for (d, m, _), run in values.items() if (d, m) == (row["place"], row["entrant"])]
            assert np.mean(seeds) == pytest.approx(float(row["error"]), rel=1e-4)


def of_draws(path, values, dataset, ours, theirs, metric):
    """The interval of a pair from kept bootstrap draws and the table's values, and what the rounding may change."""
    with path.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        observed = {tuple(row.values())[:2]: float(row[metric.name]) for row in csv.DictReader(file)}
    kept = {model: arrays[metric.drawn] for (d, model, _), arrays in values.items() if d == dataset}
    first, second = (Draws(np.array([observed[dataset, m]]), kept[m][None].astype(float)) for m in (ours, theirs))
    largest = max(np.abs(each.drawn).max() for each in (first, second))
    return drawn_difference(first, second), 2 * RELATIVE_ERROR * largest


@pytest.mark.parametrize("path", KEPT or [pytest.param(None, marks=pytest.mark.skip("no kept table has values"))])
def test_the_intervals_of_a_kept_table_follow_from_the_values_kept_with_it(path):
    values, lines = read_values(path), paired_lines(path.with_suffix(".md"))
    assert path.stat().st_size < 2_000_000
    assert lines or "minus" not in path.with_suffix(".md").read_text(encoding="utf-8")
    metrics = {re.sub(r"\W+", "_", each.title): each for each in load_object(all_tasks()[path.stem].table).metrics}
    for title, dataset, ours, theirs, numbers, digit in lines:
        metric, rounding = metrics.get(title), 0.0
        if metric and metric.drawn and any(metric.drawn in arrays for arrays in values.values()):
            found, rounding = of_draws(path, values, dataset, ours, theirs, metric)
        else:
            array = metric.per_example if metric and metric.per_example else title or "log_likelihood"
            of = by_label_set if path.stem == "few-labels" else recomputed
            found = of(values, dataset, ours, theirs, array)
            pair = [each for (d, m, _), each in values.items() if d == dataset and m in (ours, theirs)]
            kept = [each[array].astype(float) for each in pair if array in each]
            # of a mean of so many values, and of its interval's half, by their deviation and a quantile up to 3
            share = min([1.0, *(3 / math.sqrt(each.size) for each in kept)])
            rounding = 2 * RELATIVE_ERROR * share * max((float(np.abs(each).max()) for each in kept), default=0.0)
        assert found == pytest.approx(numbers, abs=0.6 * digit + rounding), (title, dataset, ours, theirs)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([0, 19]), "uint8"),
        (np.array([-1, 300]), "int32"),
        (np.array([0, 70_000]), "uint32"),
        (np.array([True, False]), "bool"),
        (np.array([-91.25, 0.0, 1e-30, 1e30]), "float32"),
        (np.array([], np.int64), "int64"),
    ],
)
def test_rounding_keeps_shape_and_value_in_few_bytes(values, dtype):
    found = rounded(values)
    assert found.dtype == dtype and found.shape == values.shape
    np.testing.assert_allclose(found, values, rtol=2**-14)
    np.testing.assert_array_equal(rounded(found), found)


def test_what_is_not_finite_stays_so():
    found = rounded(np.array([np.nan, np.inf, -np.inf, 3.0e38, -1.0]))
    np.testing.assert_array_equal(np.isnan(found), [True, False, False, False, False])
    np.testing.assert_array_equal(found[1:3], [np.inf, -np.inf])
    assert np.isfinite(found[3:]).all()


def test_rounding_hardly_changes_an_interval_of_log_likelihoods():
    rng = np.random.default_rng(0)
    image = rng.normal(-90, 24, 10_000)
    ours, theirs = image + rng.normal(0.8, 2.5, 10_000), image + rng.normal(0, 1, 10_000)
    exact, found = mean_difference(ours, theirs), mean_difference(rounded(ours), rounded(theirs))
    assert found == pytest.approx(exact, abs=5e-4)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut off", b"no archive"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, content):
    path = tmp_path / "density.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"density\.npz cannot be read .*; dgmbench tabulate makes it from the runs"):
        read_values(path)


def test_each_link_of_a_kept_page_leads_to_a_file():
    pages = list(REFERENCE.glob("*/report.html"))
    assert pages
    for page in pages:
        links = re.findall(r'href="([^"#][^"]*)"', page.read_text(encoding="utf-8"))
        assert links and [link for link in links if not (page.parent / unquote(unescape(link))).is_file()] == []
