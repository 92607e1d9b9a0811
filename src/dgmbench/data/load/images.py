"""Loading images."""

from __future__ import annotations

from dgmbench.data.catalogue import find_dataset, is_user_defined
from dgmbench.data.download.store import stored
from dgmbench.data.images import ImageSplits
from dgmbench.data.user_data import user_splits


def load_images(name: str) -> ImageSplits:
    """Images by name, or user-defined ones (``module:function``, entry point), in their published split.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        splits: ImageSplits = user_splits(name, ImageSplits)
    else:
        dataset = find_dataset(name, "images")
        splits = dataset.make(stored(dataset)[1])
    return splits
