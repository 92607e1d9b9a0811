"""What a pixel's value means: from bool, whole or floating-point numbers to bytes, or a line that says what to give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dgmbench.errors import UserError

WHITE = 255
_BLOCK = 1 << 20  # pixels looked at together, so that no temporary array is as large as the images


@dataclass(frozen=True)
class _Seen:
    """The pixels of a part: kind of number, smallest and largest, whether all are whole, and 0 or 1."""

    kind: str
    low: float
    high: float
    whole: bool
    of_two_values: bool


def as_bytes(parts: Mapping[str, np.ndarray], binary: bool | None, where: str) -> tuple[dict[str, np.ndarray], bool]:
    """Images of any numbers as uint8: 0 and 1 where they are binary, else grey from 0 to 255.

    Bool is binary. Grey whole numbers count from 0 to 255, and so do floating-point ones that are all whole; others
    from 0 to 1. What could be both is refused: grey images without any other value than 0 and 1. The parts count
    together, so that all have one unit.

    Args:
        parts: (n, pixels) arrays by the names of the parts.
        binary: None to find it from the values.
        where: the dataset, for messages.

    Returns:
        The arrays, and whether they are binary.

    Raises:
        UserError: values that have no meaning, or two.
    """
    seen = {part: _look(array, f"{where}: {part}") for part, array in parts.items() if array.size}
    if binary is None:
        binary = all(part.of_two_values for part in seen.values())
    units = _binary_units(seen, where) if binary else _grey_units(seen, where)
    found = {part: _scaled(array, units.get(part, 1)) for part, array in parts.items()}
    return found, binary


def _look(array: np.ndarray, where: str) -> _Seen:
    """What there is in an array that is not empty; raises a UserError for what is in no image."""
    kind = array.dtype.kind
    if kind not in "buif":
        raise UserError(f"{where} is an array of {array.dtype}; give uint8, bool or floating-point numbers")
    low, high, whole, two = np.inf, -np.inf, True, True
    for block in _blocks(array):
        darkest, brightest = float(block.min()), float(block.max())
        if not np.isfinite([darkest, brightest]).all():
            raise UserError(f"{where} has pixels that are NaN or infinite; give numbers from 0 to 1 or 0 to {WHITE}")
        low, high = min(low, darkest), max(high, brightest)
        if kind == "f" and whole:
            whole = bool((block == np.floor(block)).all())
        if two:
            two = bool(((block == 0) | (block == 1)).all())
    if low < 0:
        raise UserError(f"{where} has negative pixels, down to {low:g}; give grey from 0 to {WHITE} or from 0 to 1")
    if high > WHITE:
        raise UserError(f"{where} has pixels up to {high:g}; give grey from 0 to {WHITE} or from 0 to 1")
    return _Seen(kind, low, high, whole, two)


def _binary_units(seen: Mapping[str, _Seen], where: str) -> dict[str, float]:
    for part, found in seen.items():
        if not found.of_two_values:
            place = "above 1" if found.high > 1 else "between 0 and 1"
            raise UserError(f"{where}: {part} has pixels {place}; give binary=False for grey images")
    return {}


def _grey_units(seen: Mapping[str, _Seen], where: str) -> dict[str, float]:
    """What each part is multiplied by to go from 0 to 255."""
    floating = [found for found in seen.values() if found.kind == "f"]
    # all that is floating-point has one unit: a part may happen to have no grey pixel
    from_0_to_1 = any(not found.whole for found in floating) and all(found.high <= 1 for found in floating)
    for part, found in seen.items():
        if found.kind == "b":
            raise UserError(f"{where}: {part} is of bool, which is binary; give binary=True")
        if not found.whole and not from_0_to_1:
            raise UserError(
                f"{where}: {part} has fractions, and the pixels go up to {max(f.high for f in floating):g}; "
                f"give whole numbers from 0 to {WHITE}, or fractions from 0 to 1"
            )
        if found.high == 1 and not (found.kind == "f" and from_0_to_1):
            raise UserError(
                f"{where}: {part} has no other pixels than 0 and 1, and grey goes from 0 to {WHITE}; "
                f"give binary=True for binary images, or multiply grey ones by {WHITE}"
            )
    return {part: WHITE for part, found in seen.items() if found.kind == "f" and from_0_to_1}


def _scaled(array: np.ndarray, unit: float) -> np.ndarray:
    """As uint8, rounded to the nearest; an array that is so already is not copied."""
    if not array.size:
        return np.empty(array.shape, np.uint8)
    if unit == 1:
        return array.astype(np.uint8, copy=False)
    found = np.empty(array.shape, np.uint8)
    for target, block in zip(_blocks(found), _blocks(array), strict=True):
        target[...] = np.rint(block.astype(np.float64) * unit)
    return found


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Some rows at a time."""
    rows = max(1, _BLOCK // array.shape[1])
    return (array[start : start + rows] for start in range(0, len(array), rows))
