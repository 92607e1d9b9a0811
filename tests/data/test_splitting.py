"""The test part of a user's corpus: a share of every class, drawn by a seed that is said."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmbench.data import splitting

ORDERS = {
    "in turn": lambda labels: labels,
    "sorted": sorted,
    "backwards": lambda labels: labels[::-1],
    "pairs": lambda labels: [label for label in labels for _ in (0, 1)][: len(labels)],
    "shuffled": lambda labels: random.Random(3).sample(labels, len(labels)),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("classes", [2, 3, 4, 5, 7, 10])
def test_every_class_has_a_fifth_for_testing_whatever_the_order(order, classes):
    labels = order([f"c{i % classes}" for i in range(50 * classes)])
    drawn = Counter(
        label for label, is_test in zip(labels, splitting.drawn_for_testing(labels), strict=True) if is_test
    )
    sizes = Counter(labels)
    assert all(abs(drawn[label] - size / 5) < 1 for label, size in sizes.items())


@given(st.lists(st.sampled_from("abcde"), max_size=60), st.integers(0, 99))
def test_no_class_of_two_or_more_lacks_a_part(labels, seed):
    chosen = splitting.drawn_for_testing(labels, seed)
    for label, size in Counter(labels).items():
        for_testing = sum(is_test for each, is_test in zip(labels, chosen, strict=True) if each == label)
        assert for_testing == max(1, round(size / 5)) if size > 1 else for_testing == 0


def test_the_drawing_is_the_same_everywhere():
    """SHA-256 decides it: these are the numbers on any machine, with any version of any library."""
    assert [i for i, t in enumerate(splitting.drawn_for_testing(["a"] * 20)) if t] == [2, 4, 7, 19]
    assert [i for i, t in enumerate(splitting.drawn_for_testing(["a"] * 20, seed=1)) if t] == [2, 14, 17, 19]


def test_documents_of_other_classes_change_nothing():
    alone = splitting.drawn_for_testing(["a"] * 20)
    among = splitting.drawn_for_testing(["a", "b", "c"] * 20)
    assert among[::3] == alone
