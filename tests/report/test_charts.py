"""Charts as plain data: what a line is over seeds, and numbers that JSON can say."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dgmbench.report.charts import Chart, Dot, Dots, Line, Lines, families, lines_of

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "plain"),
    [(1.0, 1), (1.23456789, 1.23457), (-1e-9, -1e-9), (NAN, None), (float("inf"), None), (np.float32(0.5), 0.5)],
)
def test_numbers_are_short_and_finite(value, plain) -> None:
    chart = Chart([Lines("t", "x", "y", [Line("a", [0], [value])])])
    assert chart.plain()["panels"][0]["lines"][0]["y"] == [plain]
    json.dumps(chart.plain(), allow_nan=False)


def test_a_chart_is_named_by_its_panels() -> None:
    plain = Chart([Dots("t", "x", [Dot("a", 1.0, None, NAN, "ok", other=2.0, other_error=NAN)])]).plain()
    (panel,) = plain["panels"]
    assert (plain["kind"], panel["title"], panel["x"]) == ("dots", "t", "x")
    (dot,) = panel["dots"]
    assert [dot[key] for key in ("name", "ours", "error", "paper", "status")] == ["a", 1, None, None, "ok"]
    assert [dot[key] for key in ("other", "other_error")] == [2, None]
    assert Chart([]).plain() == {"kind": "", "panels": []}


@pytest.mark.parametrize(
    ("variant_of", "found"),
    [
        ({}, {}),
        ({"a": ""}, {"a": (0, 0)}),
        ({"a": "", "b": ""}, {"a": (0, 0), "b": (1, 0)}),
        ({"a": "", "b": "", "a2": "a", "a3": "a"}, {"a": (0, 0), "b": (1, 0), "a2": (0, 1), "a3": (0, 2)}),
        ({"a2": "a", "b": ""}, {"a2": (0, 1), "b": (1, 0)}),
    ],
)
def test_a_family_is_a_plain_model_with_its_variants(variant_of, found) -> None:
    assert families(variant_of) == found
    assert list(families(variant_of)) == list(variant_of)


def test_a_line_is_the_mean_over_the_seeds_with_their_deviation() -> None:
    frame = pd.DataFrame({"model": ["a"] * 4 + ["b"] * 2, "x": [1, 2, 1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 2.0, 5.0, 6.0]})
    first, second = lines_of(frame, "x", "y", {"a": "", "b": "a"})
    assert (first.name, first.x, first.y, second.variant) == ("a", [1, 2], [2.0, 2.0], 1)
    assert first.spread == pytest.approx([2**0.5, 0.0]) and second.spread == ()


def test_seeds_that_took_different_times_meet_at_their_epochs() -> None:
    frame = pd.DataFrame(
        {"model": "a", "epoch": [1, 2, 1, 2], "seconds": [1.0, 2.0, 3.0, 6.0], "y": [4.0, 2.0, 6.0, 4.0]}
    )
    (line,) = lines_of(frame, "seconds", "y", {}, step="epoch")
    assert (line.x, line.y) == ([2.0, 4.0], [5.0, 3.0])


def test_a_model_that_nobody_named_comes_last() -> None:
    frame = pd.DataFrame({"model": ["new", "b", "a"], "x": 1, "y": 1.0})
    assert [line.name for line in lines_of(frame, "x", "y", {"a": "", "absent": "", "b": ""})] == ["a", "b", "new"]
