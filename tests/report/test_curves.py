"""Curves that trainings left: a broken one is left out, said, and hides no table."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest

from dgmbench.report.curves import _range_of_interest, read_curve
from dgmbench.report.figures import figure_style, line_styles
from dgmbench.report.seconds_curve import _markers


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"loss,bound\n1,2\n",
        b"epoch,loss\n,1\n",
        b"epoch,loss\none,1\n",
        b"epoch\n1,2\n3,4,5\n",
        b"\xff\xfe\x00",
    ],
)
def test_a_broken_curve_is_left_out_and_said(content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "curve.csv"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="dgmbench"):
        assert read_curve(path).empty
    (message,) = caplog.messages
    assert message.startswith(f"{path} is broken (") and message.endswith("remove its folder and run again")


def test_a_curve_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "curve.csv").write_text("epoch,loss\n1,0.5\n2,nan\n")
    assert read_curve(tmp_path / "curve.csv")["epoch"].tolist() == [1, 2]
    assert read_curve(tmp_path / "none.csv").empty
    assert not caplog.messages


def test_the_axis_shows_short_trainings_beside_long_ones() -> None:
    short = {"model": "vae", "epoch": [1, 2], "bound": [-454.0, -400.0]}
    long = {"model": "mixture-of-bernoullis", "epoch": [*range(1, 15)], "bound": [-160.0 + n / 2 for n in range(14)]}
    frame = pd.concat([pd.DataFrame(curve).assign(dataset="mnist", seed=0) for curve in (short, long)])
    low, high = _range_of_interest(frame.reset_index(drop=True), "bound", [])  # type: ignore[arg-type]
    assert low < -454 and high > -154
    alone = pd.DataFrame(long).assign(dataset="mnist", seed=0)
    low, _ = _range_of_interest(alone, "bound", [])  # type: ignore[arg-type]
    assert -160 < low < -159  # without the first steps


@pytest.mark.parametrize("rows", [1, 10, 12, 40])
def test_no_two_rows_have_one_colour_and_one_shape(rows: int) -> None:
    names = {f"row {number}": "" for number in range(rows)}
    with figure_style() as colours:
        palette = line_styles(names, colours)["palette"]
        shapes = _markers(names, len(colours))
    assert len({(palette[name], shapes[name]) for name in names}) == rows
