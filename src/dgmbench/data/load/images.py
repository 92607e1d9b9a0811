"""Loading images."""

from __future__ import annotations

from dgmbench.data.catalogue import find_dataset, is_user_defined
from dgmbench.data.download.store import arrays
from dgmbench.data.images import ImageSplits
from dgmbench.data.user_data import user_images


def load_images(name: str) -> ImageSplits:
    """Images by name, or user-defined ones (``module:function``, entry point), in their published split.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        return user_images(name)
    dataset = find_dataset(name, "images")
    splits: ImageSplits = dataset.make(arrays(dataset))
    return splits
