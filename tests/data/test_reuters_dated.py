"""The dated stories: dates as the wire wrote them, documents, the split in the order of time."""

from __future__ import annotations

import numpy as np
import pytest

from dgmbench.data.datasets.reuters_dated import date_of, document, split


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("26-FEB-1987 15:01:01.79", "1987-02-26T15:01:01"),
        (" 3-MAR-1987  09:15:05.40", "1987-03-03T09:15:05"),
        ("27-MAR-1987 00:02:59.13\x05\x05\x05RM", "1987-03-27T00:02:59"),
        ("31-MAR-1987 605:12:19.12", "1987-03-31T05:12:19"),
    ],
)
def test_dates_are_read_as_the_wire_wrote_them(text, date):
    assert date_of(text) == np.datetime64(date)


@pytest.mark.parametrize("text", ["", "1987-02-26", "26-FOO-1987 15:01:01.79"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match="is no date"):
        date_of(text)


def test_a_document_is_title_and_body_without_the_signature():
    story = {"title": "REUTER TO <BUY> U.S. UNIT", "body": "Reuter said.\n Reuter\n\x03", "topics": ["acq", "earn"]}
    assert document(story) == ("acq", ["reuter", "to", "buy", "u", "s", "unit", "reuter", "said"])
    assert document({"title": None, "topics": ["acq"]}) == ("acq", [])


def test_stories_are_sorted_by_date_and_split_at_a_day():
    days = ["20-OCT-1987 1", "7-APR-1987 2", "8-APR-1987 0", "26-FEB-1987 1", "1-MAR-1987 1"]
    bodies = ["late", "third", "fourth", "first", "second"]
    stories = [
        {"id": str(i), "date": f"{day}0:00:00.00", "title": body, "topics": ["earn"]}
        for i, (day, body) in enumerate(zip(days, bodies, strict=True))
    ]
    stories += [stories[0] | {"id": "9", "topics": []}, stories[0] | {"id": "10", "title": ""}]
    splits = split(stories)
    words = [[part.vocabulary[w] for w in part.words] for part in splits]
    assert words == [["first", "second", "third"], ["fourth", "late"]]
    assert splits.train_dates.astype("datetime64[D]").astype(str).tolist() == ["1987-02-26", "1987-03-01", "1987-04-07"]
