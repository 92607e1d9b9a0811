"""Pictures inside a page: as few bytes as their few colours take."""

from __future__ import annotations

import base64
import io
from pathlib import Path


def data_address(path: Path, fine: bool) -> str:
    """A PNG as an address that holds it, in few colours.

    Args:
        fine: with 256 colours chosen for it, so that greys stay apart; else coarser, a quarter of the bytes.
    """
    from PIL import Image

    method = Image.Quantize.MEDIANCUT if fine else Image.Quantize.FASTOCTREE
    buffer = io.BytesIO()
    try:
        with Image.open(path) as picture:
            few = picture.convert("RGB").quantize(256 if fine else 128, method, dither=Image.Dither.NONE)
        few.save(buffer, "PNG", optimize=True)
    except (OSError, ValueError, Image.DecompressionBombError):  # not ours, or damaged: as it is
        return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
