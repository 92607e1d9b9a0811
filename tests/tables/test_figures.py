"""What a figure shows, and that all of its legend is on it."""

import pandas as pd
import pytest
from fake_results import PUBLISHED_MODELS, fill, plan
from matplotlib.figure import Figure

from dgmbench.report.figures import panels, shared_legend
from dgmbench.commands.tabulate import tabulate


def test_datasets_that_the_configuration_leaves_out_have_no_panel(workspace):
    asked = plan(density={"settings": {"epochs": 2}, "datasets": ["ocr-letters"], "models": PUBLISHED_MODELS})
    fill(asked, workspace)
    tabulate(asked, workspace)
    assert set(pd.read_csv(workspace.figures / "density.csv")["dataset"]) == {"ocr-letters"}
    assert set(pd.read_csv(workspace.figures / "classification.csv")["dataset"]) == {"20news", "reuters"}


@pytest.mark.parametrize("number", [1, 2])
def test_a_shared_legend_fits_on_its_figure(number):
    figure, axes = panels(number, 4.0)
    assert isinstance(figure, Figure)
    for ax in axes:
        for model in [*PUBLISHED_MODELS, "large-vae"]:
            ax.plot([0, 1], label=model)
        ax.legend()
    shared_legend(figure)
    figure.draw_without_rendering()
    box, page = figure.legends[0].get_window_extent(), figure.bbox
    assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0
    assert all(ax.get_legend() is None for ax in axes)
