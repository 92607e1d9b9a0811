"""What pixels mean: bool, whole and floating-point numbers become bytes of the same grey, or a line says why not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmbench.data.pixels import as_bytes
from dgmbench.errors import UserError

GREY = np.array([[0, 51, 102], [204, 255, 1]])
MASK = np.array([[0, 1, 1], [0, 0, 1]])


def read(train: np.ndarray, binary: bool | None, test: np.ndarray | None = None) -> tuple[np.ndarray, bool]:
    parts = {"train": train, "test": train if test is None else test, "valid": train[:0]}
    found, is_binary = as_bytes(parts, binary, "mine")
    assert all(array.dtype == np.uint8 and array.shape == parts[part].shape for part, array in found.items())
    return found["train"], is_binary


@pytest.mark.parametrize("binary", [None, False])
@pytest.mark.parametrize("kind", ["uint8", "int16", "int64", "uint64", "float32", "float64", "float16"])
def test_whole_numbers_count_from_0_to_255(kind: str, binary: bool | None) -> None:
    found, is_binary = read(GREY.astype(kind), binary)
    assert not is_binary
    np.testing.assert_array_equal(found, GREY)


@pytest.mark.parametrize("binary", [None, False])
@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_fractions_count_from_0_to_1(kind: str, binary: bool | None) -> None:
    found, is_binary = read((GREY / 255).astype(kind), binary)
    assert not is_binary
    np.testing.assert_array_equal(found, GREY)


@pytest.mark.parametrize("binary", [None, True])
@pytest.mark.parametrize("kind", ["bool", "uint8", "int64", "float32", "float64"])
def test_zeros_and_ones_are_binary(kind: str, binary: bool | None) -> None:
    found, is_binary = read(MASK.astype(kind), binary)
    assert is_binary
    np.testing.assert_array_equal(found, MASK)


def test_a_part_without_fractions_has_the_unit_of_the_others() -> None:
    found, _ = as_bytes({"train": GREY / 255, "test": np.array([[0.0, 1.0]])}, None, "mine")
    assert found["test"].tolist() == [[0, 255]]


def test_more_images_than_are_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgmbench.data.pixels._BLOCK", 7)
    grey = np.random.default_rng(0).random((20, 3))
    np.testing.assert_array_equal(read(grey, None)[0], np.rint(grey * 255))
    grey[19, 2] = np.nan
    with pytest.raises(UserError, match="NaN"):
        read(grey, None)


@pytest.mark.parametrize(
    ("train", "binary", "complaint"),
    [
        (MASK.astype(np.uint8), False, "train has no other pixels than 0 and 1.*give binary=True.*by 255"),
        (MASK.astype(float), False, "train has no other pixels than 0 and 1"),
        (MASK.astype(bool), False, "is of bool, which is binary; give binary=True"),
        (GREY.astype(np.uint8), True, "train has pixels above 1; give binary=False"),
        (GREY / 255, True, "train has pixels between 0 and 1; give binary=False"),
        (np.array([[0.5, np.nan]]), None, "NaN or infinite"),
        (np.array([[0.5, np.inf]]), None, "NaN or infinite"),
        (np.array([[0.5, -np.inf]]), False, "NaN or infinite"),
        (np.array([[-1, 5]]), None, "negative pixels, down to -1"),
        (np.array([[-0.25, 0.5]]), None, "negative pixels, down to -0.25"),
        (np.array([[0, 256]]), None, "pixels up to 256"),
        (np.array([[0, 65535]], np.uint16), False, "pixels up to 65535"),
        (np.array([[0, 12.5]]), None, "has fractions, and the pixels go up to 12.5"),
        (np.array([[0, 1j]]), None, "an array of complex128"),
        (np.array([[0, None]]), None, "an array of object"),
        (np.array([["0", "1"]]), None, "an array of <U1"),
        (np.array([["2020-01-01"]], "datetime64[D]"), None, "an array of datetime64"),
    ],
)
def test_what_has_no_meaning_or_two_is_refused_in_one_line(
    train: np.ndarray, binary: bool | None, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        read(train, binary)
    assert str(caught.value).startswith("mine: train") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("train", "test"),
    [(GREY, MASK), (GREY.astype(float), MASK.astype(float)), (GREY / 255, GREY.astype(float)), (GREY, MASK == 1)],
)
def test_parts_of_different_units_are_refused(train: np.ndarray, test: np.ndarray) -> None:
    for one, other in ((train, test), (test, train)):
        with pytest.raises(UserError, match=r"mine: (train|test) (has|is)"):
            read(one, False, other)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["bool", "uint8", "int8", "uint16", "int64", "float16", "float32", "float64", "complex64"]),
    low=st.sampled_from([0.0, 0.0, 0.0, -3.0, 0.2]),
    high=st.sampled_from([0.0, 1.0, 1.0, 2.0, 16.0, 255.0, 255.0, 256.0, 70000.0, float("inf"), float("nan")]),
    whole=st.booleans(),
    binary=st.sampled_from([None, True, False]),
    shape=st.tuples(st.integers(0, 4), st.integers(1, 9)),
    seed=st.integers(0, 1000),
)
def test_the_mean_grey_is_kept_or_one_line_says_why_not(
    kind: str, low: float, high: float, whole: bool, binary: bool | None, shape: tuple[int, int], seed: int
) -> None:
    values = low + (high - low) * np.random.default_rng(seed).random(shape)
    with np.errstate(invalid="ignore", over="ignore"):
        given_array = (np.rint(values) if whole else values).astype(kind)
    try:
        found, is_binary = read(given_array, binary)
    except UserError as error:
        assert "\n" not in str(error)
        return
    if not given_array.size:
        return
    assert found.max() <= (1 if is_binary else 255)
    fractions = given_array.dtype.kind == "f" and bool((given_array % 1).any())
    unit = 1 if is_binary or fractions else 255
    mean = found.mean() / (1 if is_binary else 255)
    assert abs(mean - given_array.astype(float).mean() / unit) <= 1 / 255
