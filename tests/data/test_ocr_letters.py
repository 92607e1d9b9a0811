"""OCR letters: Python 2's shuffle, the authors' table."""

from __future__ import annotations

import gzip
import math

import numpy as np
import pytest

from dgmbench.data.datasets.ocr_letters import LETTERS, parse_table, python2_shuffle


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
        parse_table({path.name: path})
    path.write_bytes(gzip.compress(b"1\to\t2\t1\t1\t0\t" + b"\t".join([b"0"] * 128) + b"\n"))
    with pytest.raises(ValueError, match="expected 52,152"):
        parse_table({path.name: path})
