"""Corpora that a name asks for: what a name may say, and that it says which documents these are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dgmbench.data import checksums, load_corpus, zipf
from dgmbench.data.catalogue import (
    code_of,
    has_labels,
    identity,
    is_function,
    is_user_defined,
    known_datasets,
    require_dataset,
    title_of,
)
from dgmbench.data.corpus_names import FORMS, form_of
from dgmbench.data.drawn_corpora import draw_corpus, parse_name
from dgmbench.errors import UserError

SMALL = "documents=60&words=50&topics=4&test=20&length=8"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipf, "PART", 100)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("zipf-topics", (10_000, 1_000, 50_000, 100, 100.0, 0)),
        ("zipf-topics?documents=1000000&words=100000&topics=1000&length=120.5", (10**6, 1000, 10**5, 1000, 120.5, 0)),
        ("zipf-topics?seed=7&test=5&name=large", (10_000, 5, 50_000, 100, 100.0, 7)),
        ("zipf-topics?documents=1&words=1&topics=1&length=1", (1, 1000, 1, 1, 1.0, 0)),
        ("zipf-topics?length=1000&documents=1000000", (10**6, 1000, 50_000, 100, 1000.0, 0)),
    ],
)
def test_a_name_says_what_is_drawn(name: str, expected: tuple[Any, ...]) -> None:
    made, documents, test, seed = parse_name(name)
    assert (documents, test, made.n_words, made.n_topics, made.length, seed) == expected


@pytest.mark.parametrize("more", ["", "seed=1", "name=small", "documents=90", "length=9"])
def test_the_documents_are_those_of_the_name(more: str) -> None:
    options = dict(option.split("=") for option in f"{SMALL}&{more}".strip("&").split("&"))
    name = "zipf-topics?" + "&".join(f"{option}={value}" for option, value in options.items())
    require_dataset(name, "corpus", "here")
    train, test = load_corpus(name)
    made, documents, _, seed = parse_name(name)
    assert (len(train), len(test), train.n_words, len(train.classes)) == (documents, 20, 50, 4)
    expected = made.draw(documents, seed=seed)
    for array in ("words", "offsets", "labels"):
        np.testing.assert_array_equal(getattr(train, array), getattr(expected, array))
    assert train.words.dtype == test.words.dtype == np.int32
    texts = {train.document(i).tobytes() for i in range(len(train))}
    assert texts.isdisjoint(test.document(i).tobytes() for i in range(len(test)))
    found = checksums(name)
    assert found["source"] == name and found == checksums(name)
    plain = checksums(f"zipf-topics?{SMALL}")
    assert (found["array:train_words"] == plain["array:train_words"]) == (more in ("", "name=small"))


@pytest.mark.parametrize("documents", [1, 99, 100, 101, 350])
def test_the_test_documents_are_the_same_beside_any_number_of_training_documents(documents: int) -> None:
    options = "test=30&words=50&topics=4&length=8"
    expected = draw_corpus(f"zipf-topics?documents=50&{options}").test
    found = draw_corpus(f"zipf-topics?documents={documents}&{options}").test
    np.testing.assert_array_equal(found.words, expected.words)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("?document=5", "unknown option 'document'; did you mean 'documents'"),
        ("?documents=0", "the option documents is '0'; give a whole number from 1 to 999999999, once"),
        ("?documents=1e6", "the option documents is '1e6'; give a whole number"),
        ("?documents=5&documents=6", "the option documents is '6'; give a whole number from 1 to 999999999, once"),
        ("?words=8&topics=9", "8 words for 9 topics; give at least as many words as topics"),
        ("?length=0.5", "the option length is '0.5'; give a number from 1 to 1000, once"),
        ("?length=1001", "the option length is '1001'; give a number from 1 to 1000"),
        ("?length=nan", "the option length is 'nan'; give a number from 1 to 1000"),
        ("?topics=", "the option topics is ''; give a whole number"),
        ("?seed=-1", "the option seed is '-1'; give a whole number from 0 to 999999999"),
        ("?documents=999999999", "about 99,999,999,900 tokens; at most 2,147,483,647 can be drawn"),
        ("?documents=10&test=99999999", "about 9,999,999,900 tokens; at most"),
        ("?name=a/b", "the option name is 'a/b'; give 1 to 40 letters"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line_with_its_place(query: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        require_dataset(f"zipf-topics{query}", "corpus", "config.here")
    assert str(caught.value).startswith("config.here: zipf-topics") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("zipf-topic?documents=5", "unknown dataset 'zipf-topic[?]documents=5'; did you mean 'zipf-topics'"),
        ("zipf-topic", "unknown dataset 'zipf-topic'; did you mean 'zipf-topics'"),
        ("zipf-topics:5", "no module 'zipf-topics'"),
        ("zipf-topics&documents=5", "unknown dataset 'zipf-topics&documents=5'"),
        ("zipf-topicsdocuments=5", "unknown dataset"),
    ],
)
def test_what_is_no_such_name_is_no_such_corpus(name: str, complaint: str) -> None:
    assert form_of(name) is None
    with pytest.raises(UserError, match=complaint):
        require_dataset(name, "corpus", "here")


@pytest.mark.parametrize("kind", ["images", "embeddings", "points"])
@pytest.mark.parametrize("name", ["zipf-topics", "uci:docword.nowhere.txt.gz"])
def test_a_corpus_is_not_taken_for_data_of_another_kind(name: str, kind: str) -> None:
    with pytest.raises(UserError, match=f"here: {name} is a corpus and no "):
        require_dataset(name, kind, "here")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.begins)
def test_what_the_catalogue_knows_of_a_form(form: Any) -> None:
    assert form_of(form.example) is form and form.about
    assert is_user_defined(form.example) and not is_function(form.example)
    assert code_of(form.example) == (form.module,)
    assert has_labels(form.example) is form.labelled
    assert title_of(f"{form.begins}?name=short") == "short"
    assert form.example not in known_datasets("corpus")


def test_the_identity_of_what_is_drawn_is_its_name() -> None:
    names = ["zipf-topics", "zipf-topics?seed=1", "zipf-topics?documents=5", f"zipf-topics?{SMALL}"]
    assert len({identity(name) for name in names}) == len(names)
