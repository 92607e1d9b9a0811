"""The notebook of the examples runs from its first cell to its last, and says and draws what it promises."""

from __future__ import annotations

import json
import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

TOUR = Path(__file__).parents[1] / "examples" / "tour.ipynb"
SIZES = "EPOCHS, TEST_IMAGES = 1, 20\nTRAIN_DOCUMENTS, TEST_DOCUMENTS, TOPICS, SWEEPS = 300, 100, 5, 10\n"


def cells(kind: str) -> list[str]:
    content = json.loads(TOUR.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == kind]


def test_the_notebook_is_valid_and_kept_without_output() -> None:
    content = json.loads(TOUR.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    assert all(
        not cell["outputs"] and cell["execution_count"] is None for cell in content["cells"] if "outputs" in cell
    )
    assert sum(text.startswith("EPOCHS") for text in cells("code")) == 1


@pytest.mark.network
def test_the_notebook_runs_with_small_sizes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matplotlib.use("Agg")
    drawn: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: drawn.append(plt.gcf().number) or plt.close("all"))
    names: dict[str, object] = {"__name__": "__main__"}
    for number, text in enumerate(cells("code")):
        source = SIZES if text.startswith("EPOCHS") else text.replace(".split(256)", ".split(256)[:8]")
        exec(compile(source, f"cell {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert len(drawn) == 5
    assert len(re.findall(r"k = +\d+: -\d+\.\d\d ± \d", printed)) == 3
    assert len(re.findall(r"^ ?\d( \S+){8}$", printed, re.MULTILINE)) == 5
    assert re.search(r"precision \d+\.\d, recall \d+\.\d, F1 \d+\.\d", printed)
    assert "LDA(n_topics=5, seed=1, n_sweeps=10) accuracy" in printed
