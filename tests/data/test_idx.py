"""The IDX format, and the four files of an image set in the form of MNIST."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays_of
import numpy as np
import pytest
from hypothesis import given

from dgmbench.data.formats.idx import parse_idx


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@given(arrays_of.arrays(np.uint8, arrays_of.array_shapes(max_dims=3, min_side=0)))
def test_an_idx_file_comes_back(array):
    np.testing.assert_array_equal(parse_idx(idx(array)), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x08",
        b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00\x00\x00\x00",
        idx(np.ones((2, 3), np.uint8))[:-1],
        idx(np.ones((2, 3), np.uint8)) + b"x",
        idx(np.ones((2, 3), np.uint8))[:9],
    ],
)
def test_a_damaged_idx_file_is_refused(content):
    with pytest.raises(ValueError):
        parse_idx(content)
