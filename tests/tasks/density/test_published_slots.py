"""The published preferences of the memory's slots."""

from __future__ import annotations

import math

from dgmbench.tasks.density.analysis.slots import published_preferences, published_summary


def test_the_published_numbers_agree_with_each_other() -> None:
    preferences, summary = published_preferences(), published_summary()
    assert preferences.shape == (3, 10)
    assert (preferences.sum(0) <= 1).all()  # a class's preferences for all slots sum to 1
    assert summary["mean_entropy"] < math.log(summary["slots"])
    assert summary["active_slots"] <= summary["slots"]
