"""What a figure shows, and that all of its legend is on it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from dgmbench.commands.tabulate import tabulate
from dgmbench.report.figures import figure_style, line_styles, panels, shared_legend


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("name", ["vae-{}", "mem-iwae-5{}", "a_longer_module.models:UserDefined{}"])
def test_a_shared_legend_fits_on_its_figure(number, name):
    with figure_style():
        figure, axes = panels(number, 4.0)
        assert isinstance(figure, Figure)
        for ax in axes:
            for model in range(7):
                ax.plot([0, 1], label=name.format(model))
            ax.legend()
        shared_legend(figure)
        figure.draw_without_rendering()
    box, page = figure.legends[0].get_window_extent(), figure.bbox
    assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0
    assert all(ax.get_legend() is None for ax in axes)


def test_a_legend_of_many_lines_leaves_room_for_the_panels():
    with figure_style():
        figure, axes = panels(2, 4.0)
        for ax in axes:
            for model in range(200):
                ax.plot([0, 1], label=f"package.models:Model{model:03d}")
        shared_legend(figure)
        figure.draw_without_rendering()
    assert all(ax.get_window_extent().height > 2 * figure.dpi for ax in axes)
    assert figure.legends[0].get_window_extent().y0 >= figure.bbox.y0


def test_a_model_and_its_variants_have_one_colour_and_different_dashes():
    styles = line_styles({"a": "", "a+": "a", "b": "", "a++": "a", "c+": "c"}, ["red", "green", "blue"])
    palette, dashes = styles["palette"], styles["dashes"]
    assert palette == {"a": "red", "a+": "red", "a++": "red", "b": "green", "c+": "blue"}
    assert dashes["a"] == dashes["b"] == "" and dashes["c+"] == dashes["a+"] != ""
    assert len({dashes["a"], dashes["a+"], dashes["a++"]}) == 3


def test_a_figure_shows_the_data_beside_it(whole):
    folder, table = whole[1].figures, pd.read_csv(whole[1].tables / "toy.csv")
    shown = pd.read_csv(folder / "toy.csv")
    assert list(shown["model"]) == list(table["entrant"])
    np.testing.assert_allclose(shown["ours"], table["error"], atol=1e-6)
    np.testing.assert_allclose(shown["paper"], table["paper_error"])
    curves = pd.read_csv(folder / "toy_curves.csv")
    assert len(curves) == 12 * 4
    spec = whole[0].runs[0]
    written = pd.read_csv(whole[1].trained(spec) / "curve.csv")["loss"]
    drawn = curves[(curves["dataset"] == spec.dataset) & (curves["model"] == spec.model) & (curves["seed"] == 0)]
    np.testing.assert_array_equal(drawn["loss"], written)


def test_datasets_that_the_configuration_leaves_out_have_no_panel(plan_of, workspace, write):
    plan = plan_of(datasets=["here"])
    for run in plan.runs:
        write(run, workspace, [0, 100])
    tabulate(plan, workspace)
    for name in ("toy", "toy_curves"):
        assert set(pd.read_csv(workspace.figures / f"{name}.csv")["dataset"]) == {"here"}


def test_a_long_curve_is_thinned_and_keeps_its_ends(plan_of, workspace, write):
    plan = plan_of(datasets=["here"], models=["plain"], epochs=1999)
    write(plan.runs[0], workspace, [0, 100])
    tabulate(plan, workspace)
    epochs = pd.read_csv(workspace.figures / "toy_curves.csv")["epoch"]
    assert len(epochs) <= 502 and {1, 1999} <= set(epochs)
