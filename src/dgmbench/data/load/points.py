"""Loading points, or what may be images or points."""

from __future__ import annotations

from dgmbench.data.catalogue import CATALOGUE, find_dataset, is_user_defined
from dgmbench.data.download.store import stored
from dgmbench.data.images import ImageSplits
from dgmbench.data.load.images import load_images
from dgmbench.data.points import PointSplits
from dgmbench.data.user_data import user_splits


def load_points(name: str) -> PointSplits:
    """Points by name, or user-defined ones (``module:function``, entry point).

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        points: PointSplits = user_splits(name, PointSplits)
        return points
    dataset = find_dataset(name, "points")
    points = dataset.make(stored(dataset)[1])
    return points


def load_images_or_points(name: str) -> ImageSplits | PointSplits:
    """What a name stands for; of a user-defined function, what it returns.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        found: ImageSplits | PointSplits = user_splits(name, ImageSplits, PointSplits)
        return found
    return load_points(name) if name in CATALOGUE and CATALOGUE[name].kind == "points" else load_images(name)
