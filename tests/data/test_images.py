"""Image files: the IDX format, Python 2's shuffle, letters, checks of one's own images."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from types import SimpleNamespace

import hypothesis.extra.numpy as arrays_of
import numpy as np
import pytest
from hypothesis import given

from dgmbench.data import ImageSplits, checksums, known_datasets, load_images
from dgmbench.data.images import LETTERS, parse_idx, parse_letters_table, python2_shuffle
from dgmbench.errors import UserError


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


def test_the_shuffle_of_the_published_letters_split():
    order = python2_shuffle(LETTERS, seed=12345)
    assert order[:5].tolist() == [8110, 9346, 20302, 2071, 22904]
    assert sorted(order) == list(range(LETTERS))


def test_the_shuffle_is_uniform():
    # 24 orders of four things, 4,800 draws: the chi-squared statistic of a fair shuffle is below 50 nearly always
    orders = [tuple(python2_shuffle(4, seed)) for seed in range(4800)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == math.factorial(4)
    assert ((counts - 200) ** 2 / 200).sum() < 50


def test_a_letters_table_with_a_wrong_line_is_refused(tmp_path):
    path = tmp_path / "letter.data.gz"
    path.write_bytes(gzip.compress(b"1\to\t2\t1\t1\t0\t" + b"\t".join([b"0"] * 127) + b"\n"))
    with pytest.raises(ValueError, match="134 columns"):
        parse_letters_table({path.name: path})
    path.write_bytes(gzip.compress(b"1\to\t2\t1\t1\t0\t" + b"\t".join([b"0"] * 128) + b"\n"))
    with pytest.raises(ValueError, match="expected 52,152"):
        parse_letters_table({path.name: path})


def tiny() -> ImageSplits:
    images, labels = np.eye(4, dtype=np.uint8), np.array([0, 1, 0, 1], np.uint8)
    return ImageSplits("tiny", (2, 2), True, images, images[:0], images[:2], labels, labels[:0], labels[:2])


def of_module(monkeypatch: pytest.MonkeyPatch, make) -> str:
    monkeypatch.setitem(__import__("sys").modules, "my_data", SimpleNamespace(make=make))
    return "my_data:make"


def test_images_of_ones_own_load_by_module_and_function(monkeypatch):
    name = of_module(monkeypatch, tiny)
    np.testing.assert_array_equal(load_images(name).train, np.eye(4))
    before = checksums(name)
    assert before == checksums(name)
    changed = replace(tiny(), train=1 - tiny().train)
    of_module(monkeypatch, lambda: changed)
    assert {key for key in before if before[key] != checksums(name)[key]} == {"array:train"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"train": np.eye(4)}, "my_data:make: train is not an"),
        ({"test": np.eye(2, dtype=np.uint8)}, "my_data:make: test is not an"),
        ({"train_labels": np.zeros(3, np.uint8)}, "4 images but 3 labels"),
        ({"train": np.full((4, 4), 255, np.uint8)}, "pixels above 1"),
    ],
)
def test_images_of_ones_own_that_do_not_fit_are_named(monkeypatch, change, complaint):
    name = of_module(monkeypatch, lambda: replace(tiny(), **change))
    with pytest.raises(UserError, match=complaint):
        load_images(name)


def test_a_function_that_returns_something_else_is_named(monkeypatch):
    with pytest.raises(UserError, match="returned ndarray; return a dgmbench"):
        load_images(of_module(monkeypatch, lambda: np.eye(4)))


def test_an_entry_point_names_a_dataset(monkeypatch):
    of_module(monkeypatch, tiny)
    point = SimpleNamespace(name="mine", value="my_data:make")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] * (group == "dgmbench.datasets"))
    assert load_images("mine").name == "tiny"
    assert "mine" in known_datasets("density")


def test_an_unknown_name_is_met_with_the_nearest():
    with pytest.raises(UserError, match="unknown image dataset 'mnits'; did you mean 'mnist'"):
        load_images("mnits")
    with pytest.raises(UserError, match=r"known: mnist, ocr-letters$"):
        load_images("20news")
