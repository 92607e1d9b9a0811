"""20 Newsgroups, split by date, without headers and signatures: the text that TopicVec's published table is about.

Both are found as scikit-learn finds them: the header is all before the first blank line, the signature all after the
last blank line or line of hyphens. Quoted lines stay. Words are the runs of letters.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.data.download.archives import read_every_member
from dgmbench.data.download.sources import Web, WebFile
from dgmbench.data.text import CorpusSplits, LabelledText, make_splits
from dgmbench.data.words import split_words

MESSAGES = {"train": 11_314, "test": 7_532}
GROUPS = 20

_FOLDERS = {"20news-bydate-train": "train", "20news-bydate-test": "test"}
_LARGEST = 5_000_000
# of the file at both addresses: scikit-learn pins that of the copy
_SHA256 = "8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610"


def parse(files: Mapping[str, Path]) -> Arrays:
    """From the archive of the collection's page: a folder for each part, in it one for each group, a file a message."""
    (archive,) = files.values()
    parts = messages(read_every_member(archive, _LARGEST))
    found = {part: len(texts) for part, texts in parts.items()}
    if found != MESSAGES:
        told = " and ".join(f"{number:,} for {part}" for part, number in found.items())
        expected = " and ".join(f"{number:,}" for number in MESSAGES.values())
        raise ValueError(f"messages: {told}, expected {expected}")
    if (groups := len({text.label for text in parts["train"]})) != GROUPS:
        raise ValueError(f"{groups} groups, expected {GROUPS}")
    return make_splits(parts["train"], parts["test"]).arrays()


def messages(members: Iterable[tuple[str, bytes]]) -> dict[str, list[LabelledText]]:
    """The messages of each part in the order of group and name, from the files of the archive; others are skipped."""
    found: dict[str, list[tuple[str, str, LabelledText]]] = {part: [] for part in MESSAGES}
    for name, content in members:
        match posixpath.normpath(name).split("/"):
            case [folder, group, message] if folder in _FOLDERS and not message.startswith("."):
                words = split_words(body(content.decode("latin-1")))
                found[_FOLDERS[folder]].append((group, message, LabelledText(group, words)))
    return {part: [text for *_, text in sorted(texts)] for part, texts in found.items()}


def body(message: str) -> str:
    """A message without its header and its signature; empty where no blank line ends the header."""
    from sklearn.datasets._twenty_newsgroups import strip_newsgroup_footer, strip_newsgroup_header

    return str(strip_newsgroup_footer(strip_newsgroup_header(message)))


def _archive(label: str, address: str) -> Origin:
    return Origin(Web(label, (WebFile(address, _SHA256, limit=20_000_000),)), parse)


TWENTY_NEWS_STRIPPED = Dataset(
    "20news-stripped",
    "corpus",
    about="20 Newsgroups by date without headers and signatures, 11,314 documents for training and 7,532 for testing",
    citation="Lang, ICML 1995",
    origins=(
        _archive("the collection's page at qwone.com", "http://qwone.com/~jason/20Newsgroups/20news-bydate.tar.gz"),
        # what follows the # is not sent: it names the file in the cache
        _archive("its copy at figshare.com", "https://ndownloader.figshare.com/files/5975967#/20news-bydate.tar.gz"),
    ),
    make=CorpusSplits.from_arrays,
    # no registry has the archive, so the arrays' checksums could not be taken; the archive's stands for them
    sha256={},
    note="no registry has the archive: fetch 20news-bydate.tar.gz from qwone.com/~jason/20Newsgroups where the network "
    f"allows it, and put it into archives/ of the cache folder as {_SHA256[:12]}-20news-bydate.tar.gz",
)
