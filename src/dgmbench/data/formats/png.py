"""Grey images from PNG files."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from dgmbench.data.download.archives import BROKEN
from dgmbench.errors import UserError

LARGEST_FILE = 1 << 26
"""Bytes of a file."""
LARGEST = 1 << 24
"""Pixels of an image."""
_DAMAGED = (*BROKEN, OSError, SyntaxError, MemoryError, ArithmeticError, struct.error, Image.DecompressionBombError)


def read_png(path: Path) -> np.ndarray:
    """(height, width) uint8, 0 to 255. Colours that are all grey are taken as such.

    Raises:
        UserError: a damaged file, colour, transparency, more than 8 bits a pixel, or several images.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UserError(f"{path} is larger than {LARGEST_FILE >> 20} MB")
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large images, which have a limit here
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                if image.width * image.height > LARGEST:
                    raise UserError(f"{path} has {image.width} x {image.height} pixels; give at most {LARGEST:,}")
                image.verify()  # the checksums, which loading does not compare
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                return _grey(image, path)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.strerror:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        unknown = isinstance(error, UnidentifiedImageError)
        what = "no PNG header" if unknown else " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{path} is no whole PNG file ({what}); write it again") from error


def _grey(image: Image.Image, path: Path) -> np.ndarray:
    if getattr(image, "n_frames", 1) > 1:
        raise UserError(f"{path} is animated; give one image a file")
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return np.asarray(image.convert("L"))
    if image.mode.startswith(("I", "F")):
        raise UserError(f"{path} has 16 bits a pixel; save it as grey with 8 bits")
    colours = np.asarray(image.convert("RGBA"))  # (height, width, 4)
    if (colours[..., 3] != 255).any():
        raise UserError(f"{path} is transparent in parts; save it as grey without transparency")
    if (colours[..., :1] != colours[..., 1:3]).any():
        raise UserError(f"{path} is in colour; save it as grey")
    return colours[..., 0]
