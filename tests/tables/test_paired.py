"""Paired intervals against scipy, and against what is known without computing."""

import numpy as np
import pytest
from fake_results import plan, write_density
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel
from sklearn.metrics import f1_score

from dgmbench.tables import density
from dgmbench.tables.cells import collect
from dgmbench.tables.paired import f1_difference, mean_difference


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 200), level=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_mean_difference_is_the_interval_of_a_paired_t_test(seed, n, level):
    rng = np.random.default_rng(seed)
    common = rng.normal(-90, 20, n)
    ours, theirs = common + rng.normal(0.3, 1, n), common + rng.normal(0, 1, n)
    found = mean_difference(ours, theirs, level)
    expected = ttest_rel(ours, theirs).confidence_interval(level)
    assert found.mean == pytest.approx((ours - theirs).mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.excludes_zero == (ttest_rel(ours, theirs).pvalue < 1 - level)


def test_one_example_says_nothing_and_other_examples_are_refused():
    assert not mean_difference(np.array([3.0]), np.array([1.0])).excludes_zero
    with pytest.raises(ValueError, match="same examples"):
        mean_difference(np.zeros(3), np.zeros(4))


def test_f1_difference_is_the_difference_of_macro_f1():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 5, 400)
    ours = np.where(rng.random((2, 400)) < 0.1, rng.integers(0, 6, (2, 400)), labels)
    theirs = np.where(rng.random((1, 400)) < 0.3, rng.integers(0, 5, (1, 400)), labels)
    found = f1_difference(labels, ours, theirs)
    ours_f1 = np.mean([f1_score(labels, one, average="macro") for one in ours])
    assert found.mean == pytest.approx(100 * (ours_f1 - f1_score(labels, theirs[0], average="macro")))
    assert found.low < found.mean < found.high
    assert found.excludes_zero and found == f1_difference(labels, ours, theirs)
    same = f1_difference(labels, ours, ours)
    assert same == (0.0, 0.0, 0.0) and not same.excludes_zero


def bold(plan_, workspace):
    sheet = density.sheet(collect(plan_, workspace, "density"), plan_)
    return [name for name, cells in sheet.rows if cells[0].best]


def test_the_best_is_marked_only_when_it_beats_the_second_beyond_doubt(workspace):
    asked = plan()
    vae, mem_vae, iwae = asked.of("density")[:3]
    rng = np.random.default_rng(0)
    common = rng.normal(-90, 20, 500)
    write_density(vae, workspace, common)
    assert bold(asked, workspace) == []  # nothing to beat
    write_density(mem_vae, workspace, common + rng.normal(0.01, 1, 500))
    assert bold(asked, workspace) == []
    write_density(mem_vae, workspace, common + rng.normal(0.5, 1, 500))
    assert bold(asked, workspace) == ["mem-vae"]
    write_density(iwae, workspace, common + 5, status="diverged")
    assert bold(asked, workspace) == ["mem-vae"]  # a diverged run wins nothing


def test_models_are_compared_only_on_the_same_images_and_k(workspace):
    asked = plan()
    vae, mem_vae, iwae_5, mem_iwae_5 = asked.of("density")[:4]
    values = np.random.default_rng(0).normal(-90, 20, 50)
    write_density(vae, workspace, values)
    write_density(mem_vae, workspace, values + 1.0)
    write_density(iwae_5, workspace, values[:40])
    write_density(mem_iwae_5, workspace, values[:40], k=7)
    grid = density.comparisons(collect(asked, workspace, "density"))
    found = {line[1]: line[2:] for line in grid.rows if line[0] == "mnist"}
    assert found["mem-vae minus vae"] == ("+1.00 [+1.00, +1.00]", "yes")
    assert found["iwae-5 minus vae"] == ("measured on other test images", "")
    assert found["mem-iwae-5 minus iwae-5"] == ("measured with another k", "")
    assert found["mem-iwae-50 minus iwae-50"] == ("mem-iwae-50 is missing", "")
    assert found["mem-vae minus large-vae"] == ("large-vae is missing", "")
