"""Points that a seed makes, and those of users."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from dgmbench.data import PointSplits, checksums, known_datasets, load_images, load_points
from dgmbench.data.catalogue import CATALOGUE, require_dataset
from dgmbench.data.datasets import old_faithful_like, rings, two_moons
from dgmbench.data.download import store
from dgmbench.errors import UserError

DRAWN = {"two-moons": two_moons, "rings": rings, "old-faithful-like": old_faithful_like}
A = np.arange(20.0).reshape(10, 2)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded: the cache is made from the seed."""
    monkeypatch.setenv("DGMBENCH_CACHE", str(tmp_path))


@pytest.mark.parametrize("name", DRAWN)
def test_a_seed_gives_the_same_points_everywhere(name: str) -> None:
    splits = load_points(name)
    assert [len(splits.train), len(splits.valid), len(splits.test)] == [2000, 1000, 2000]
    for part, array in splits.arrays().items():
        assert array.dtype == np.float64 and array.shape[1] == 2
        # pinned in the catalogue, and compared with it when the cache was made
        assert CATALOGUE[name].sha256[part] == store.array_sha256(array)
    everything = np.concatenate(list(splits.arrays().values()))
    assert len(np.unique(everything, axis=0)) == len(everything)
    assert checksums(name)["source"].startswith("drawn with seed")


def distance_to_half_circles(points: np.ndarray) -> np.ndarray:
    angle = np.linspace(0, np.pi, 2000)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    curve = np.concatenate([upper, [1, 0.5] - upper])
    return np.array([np.sqrt(((curve - point) ** 2).sum(axis=1).min()) for point in points])


def test_two_moons_and_rings_are_noisy_curves() -> None:
    moons = distance_to_half_circles(load_points("two-moons").test[:500])
    assert np.sqrt((moons**2).mean()) == pytest.approx(two_moons.NOISE, rel=0.1)
    radius = np.linalg.norm(load_points("rings").train, axis=1)
    nearest = np.abs(radius[:, None] - rings.RADII).argmin(axis=1)
    off = radius - rings.RADII[nearest]
    assert np.sqrt((off**2).mean()) == pytest.approx(rings.NOISE, rel=0.1)
    np.testing.assert_allclose(np.bincount(nearest) / len(radius), rings.RADII / 6, atol=0.03)


def test_old_faithful_like_is_the_mixture_that_it_says() -> None:
    points = load_points("old-faithful-like").train
    density = sum(
        w * multivariate_normal(m, c).pdf(points)
        for w, m, c in zip(
            old_faithful_like.WEIGHTS, old_faithful_like.MEANS, old_faithful_like.COVARIANCES, strict=True
        )
    )
    long = points[:, 0] > 3.15
    assert long.mean() == pytest.approx(old_faithful_like.WEIGHTS[1], abs=0.03)
    np.testing.assert_allclose(points[long].mean(axis=0), old_faithful_like.MEANS[1], atol=0.05)
    np.testing.assert_allclose(np.cov(points[long].T), old_faithful_like.COVARIANCES[1], atol=0.05)
    assert np.isfinite(np.log(density)).all()


def test_points_are_no_images() -> None:
    assert set(DRAWN) <= set(known_datasets("points")) and not set(DRAWN) & set(known_datasets("images"))
    require_dataset("rings", ("images", "points"), "here")
    for name, kind, line in [
        ("rings", "images", "'rings' is of kind points, not images"),
        ("rings", "corpus", "'rings' is of kind points, not corpus"),
        ("ring", ("images", "points"), "unknown dataset 'ring'"),
    ]:
        with pytest.raises(UserError, match=f"here: {line}"):
            require_dataset(name, kind, "here")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="unknown image dataset 'rings'"):
        load_images("rings")


@pytest.fixture
def give() -> Iterator[Callable[[Any], str]]:
    """Name a function that returns something."""
    module = types.ModuleType("my_points")

    def named(found: Any) -> str:
        module.make = lambda: found  # type: ignore[attr-defined]
        return "my_points:make"

    sys.modules["my_points"] = module
    yield named
    del sys.modules["my_points"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8, np.float16])
def test_users_points_of_any_numbers_are_float64(give: Callable[[Any], str], dtype: Any) -> None:
    found = load_points(give(PointSplits("mine", A.astype(dtype), A[:0], A[:3].astype(dtype))))
    np.testing.assert_array_equal(found.train, A)
    assert found.train.dtype == found.valid.dtype == np.float64 and found.valid.shape == (0, 2)
    assert set(checksums("my_points:make")) == {"source", "array:train", "array:valid", "array:test"}


def broken(row: int, value: float) -> np.ndarray:
    found = A.copy()
    found[row, 1] = value
    return found


MISTAKES: dict[str, tuple[Any, Any, Any, str]] = {
    "NaN": (broken(4, np.nan), A, A, r"train: point 4 \(from 0\) has a coordinate that is NaN or infinite"),
    "infinity": (A, A, broken(0, -np.inf), r"test: point 0 \(from 0\)"),
    "one dimension": (
        A[:, 0],
        A,
        A,
        r"train is float64 \(10,\); give a numpy array of numbers \(points, coordinates\)",
    ),
    "a list": (A.tolist(), A, A, "train is of list"),
    "text": (A.astype(str), A, A, "train is <U"),
    "None": (A, None, A, "valid is of NoneType"),
    "complex": (A.astype(complex), A, A, "train is complex128"),
    "another width": (A, A, A[:, :1], "test has 1 coordinates a point, and train has 2"),
    "no training points": (A[:0], A, A, "train has no points"),
    "no coordinates": (A[:, :0], A, A, "train has no points"),
    "nothing to test on": (A, A[:0], A[:0], "test has no points, nor has valid"),
}


@pytest.mark.parametrize(("train", "valid", "test", "message"), MISTAKES.values(), ids=MISTAKES)
def test_what_is_wrong_with_users_points_is_said_in_one_line(
    give: Callable[[Any], str], train: Any, valid: Any, test: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message) as found:
        load_points(give(PointSplits("mine", train, valid, test)))
    assert "\n" not in str(found.value) and "my_points:make" in str(found.value)
