"""Loading labelled text."""

from __future__ import annotations

from dgmbench.data.catalogue import find_dataset, is_user_defined
from dgmbench.data.download.store import stored
from dgmbench.data.text import CorpusSplits
from dgmbench.data.user_data import user_splits


def load_corpus(name: str) -> CorpusSplits:
    """A corpus by name, or a user-defined one.

    A user-defined corpus is named by ``module:function``, by an entry point, or by its files,
    ``file:reviews.csv?label=stars`` (see `dgmbench.data.user_files`).

    Words are lower-case and without stop words; the rest is as in the file, documents in the file's order or in the
    order of time. Documents that stop words alone made up stay, with no words. Classes are sorted by name.

    Raises:
        UserError: unknown name, or the data cannot be had.
    """
    if is_user_defined(name):
        splits: CorpusSplits = user_splits(name, CorpusSplits)
    else:
        dataset = find_dataset(name, "corpus")
        splits = dataset.make(stored(dataset)[1])
    return splits
