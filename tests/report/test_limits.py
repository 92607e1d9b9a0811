"""A value far beyond the others does not make these one point: the axis ends before it, and it is named."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from dgmbench.commands.tabulate import tabulate
from dgmbench.names import load_object
from dgmbench.report.comparison import _limits
from dgmbench.report.figures import figure_style, panels
from dgmbench.report.limits import limits_of, near, widened
from dgmbench.report.marks import draw_row, no_room_below_zero


@pytest.mark.parametrize(
    ("values", "trusted", "found"),
    [
        ([-85, -84, -83.5], (), ()),
        ([-85, -84, -210], (), ()),
        ([-85, -84, -1e6], (), (-85, -84)),
        ([0.001, 0.0012, 1e9], (), (0.001, 0.0012)),
        ([-85, -84, math.nan, math.inf], (), ()),
        ([-85, -84, -600, math.nan], (True, True, False, True), (-85, -84)),
        ([-85, -84, -90], (True, True, False), ()),
        ([-1e6, -84], (False, True), (-84, -84)),
        ([-1e6, -2e6], (False, False), ()),
        ([0, 0, 0.5], (), ()),
        ([], (), ()),
        ([math.nan], (), ()),
    ],
)
def test_an_axis_ends_before_a_value_far_beyond_the_others(values, trusted, found):
    assert limits_of(values, trusted) == found
    assert not near(values, trusted)[~np.isfinite(np.asarray(values, float))].any()


MANY = [-8.57, -8.1, -8.26, -7.87, -7.95, -7.88, -8.44, -8.06, -7.86, -20.1]


def test_values_can_be_judged_by_their_spread_however_far_they_are_from_zero() -> None:
    assert limits_of(MANY) == ()
    assert limits_of(MANY, by_spread=True) == (-8.57, -7.86)
    assert limits_of([*MANY[:-1], -9.5], by_spread=True) == ()
    assert limits_of([1.0] * 9 + [2.0], by_spread=True) == ()


@pytest.mark.parametrize(("values", "found"), [(MANY, (-8.59, -7.84)), (MANY[-5:], ()), ([-88.7, -88.78, -85], ())])
def test_a_row_far_off_does_not_stretch_a_panel_of_many(values: list[float], found: tuple[float, ...]) -> None:
    facts = {"ours": values, "error": 0.02, "other": np.nan, "other_error": np.nan, "paper": np.nan, "status": "ok"}
    assert _limits(pd.DataFrame(facts), 1.0) == pytest.approx(found)


def test_limits_are_never_a_single_place():
    for limits in ((-84.0, -84.0), (0.0, 0.0), (1.0, 2.0)):
        low, high = widened(limits, 0.05)
        assert low < limits[0] <= limits[1] < high


def test_a_value_beyond_the_axis_is_an_arrow_with_its_value():
    point = {
        "ours": -1e6,
        "error": 2.0,
        **dict.fromkeys(("other", "other_error"), math.nan),
        "paper": -84.0,
        "status": "diverged",
    }
    with figure_style() as colours:
        _, (ax,) = panels(1, 2.0)
        draw_row(ax, 0, point, 1.96, colours, (-90.0, -80.0), (-92.0, -78.0))
        reached = [x for line in ax.lines for x in line.get_xdata()]
    assert [each.get_text() for each in ax.texts] == ["-1,000,000, diverged"]
    assert min(reached) == -92.0 and max(reached) == -84.0
    assert [line.get_marker() for line in ax.lines].count("<") == 1


def test_a_diverged_row_leaves_room_for_the_others(plan_of, workspace, write, cells_of, toy):
    plan = plan_of()
    for number, spec in enumerate(plan.runs):
        wrong = np.arange(200) < 20 + number
        write(spec, workspace, wrong * (1e9 if spec.model == "rival" else 100.0))
        if spec.model == "rival" and spec.dataset == "here":
            curve = "epoch,loss\n" + "".join(f"{epoch},{10.0 ** (3 * epoch)}\n" for epoch in range(1, 5))
            (workspace.trained(spec) / "curve.csv").write_text(curve)
    tabulate(plan, workspace)
    table = load_object(toy.table)
    compared, curves = table.figures(cells_of(plan, workspace), workspace)
    here, there = compared.chart.panels
    assert here.limits and there.limits and all(0 <= limit < 20 for limit in (*here.limits, *there.limits))
    named = compared.text.partition("Beyond the axis, at its edge: ")[2]
    assert named == "rival on here (1.1e+08), rival on there (1.25e+08)."
    assert max(pd.read_csv(compared.path.with_suffix(".csv"))["ours"]) > 1e8, "the data beside the figure have it"
    assert all(panel.limits[1] < 10 for panel in curves.chart.panels)
    assert curves.text.endswith(" Beyond the axis, at its edge: rival on here, seed 0 (1e+12).")


@pytest.mark.parametrize(("limits", "lowest", "left"), [((-30, 100), 2, -3), ((-30, 100), -5, -8), ((40, 100), 50, 40)])
def test_numbers_that_are_never_negative_have_no_room_below_zero(limits, lowest, left):
    _, (ax,) = panels(1, 2.0)
    ax.set_xlim(*limits)
    no_room_below_zero(ax, lowest)
    assert ax.get_xlim() == pytest.approx((left, 100))
