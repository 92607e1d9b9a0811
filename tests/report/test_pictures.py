"""Pictures inside the page: smaller, and the same to look at."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgmbench.report.pictures import data_address


def decoded(address: str) -> bytes:
    head, _, content = address.partition(",")
    assert head == "data:image/png;base64"
    return base64.b64decode(content)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
@pytest.mark.parametrize("fine", [True, False])
def test_a_picture_of_few_colours_stays_what_it_is(mode: str, fine: bool, tmp_path: Path) -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[5:10] = 255
    path = tmp_path / "a.png"
    Image.fromarray(pixels).convert(mode).save(path)
    shown = Image.open(io.BytesIO(decoded(data_address(path, fine)))).convert("RGB")
    assert shown.size == (30, 20)
    assert np.abs(np.asarray(shown, int) - pixels).max() <= 4


def test_fine_keeps_greys_apart_and_coarse_is_smaller(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    greys = np.tile(np.repeat(np.arange(256, dtype=np.uint8), 2), (64, 1))
    greys = np.clip(greys + rng.integers(0, 3, greys.shape), 0, 255).astype(np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(greys).convert("RGBA").save(path)
    fine, coarse = (decoded(data_address(path, fine)) for fine in (True, False))
    found = np.asarray(Image.open(io.BytesIO(fine)).convert("L"), int)
    assert np.abs(found - greys).max() <= 4
    assert len(coarse) < len(fine) and len(coarse) < path.stat().st_size


@pytest.mark.parametrize("content", [b"", b"picture", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_no_picture_goes_in_as_it_is(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    assert decoded(data_address(tmp_path / "a.png", True)) == content
