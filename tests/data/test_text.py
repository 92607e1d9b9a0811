"""Corpora: the TAB format, stop words, one vocabulary for both parts, checks of one's own corpus."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmbench.data import CorpusSplits, checksums, load_corpus
from dgmbench.data.corpora import Corpus
from dgmbench.data.text import (
    LabelledText,
    corpus_arrays,
    largest_classes,
    pack_text,
    read_tab,
    stop_words,
    unpack_text,
)
from dgmbench.errors import UserError

HEADER = "Category\tText\nd\tstring\nclass\t\n"
words_of = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(words_of))
def test_packed_words_come_back(words):
    assert unpack_text(pack_text(words)) == words


def test_a_word_with_a_line_break_cannot_be_packed():
    with pytest.raises(ValueError, match="line break"):
        pack_text(["a\nb"])


def test_a_tab_file_gives_its_documents_in_order():
    found = read_tab((HEADER + "\t\nb\tOne two  one \na\tthree\nb\t\n").encode())
    assert found == [("b", ["one", "two", "one"]), ("a", ["three"]), ("b", [])]


@pytest.mark.parametrize("content", ["", "x\ty\n", HEADER + "no tab\n", HEADER + "\tno category\n"])
def test_a_foreign_tab_file_is_refused(content):
    with pytest.raises(ValueError):
        read_tab(content.encode())


def test_both_parts_share_one_vocabulary_without_stop_words():
    train = [LabelledText("b", ["the", "cat", "and", "the", "dog"]), LabelledText("a", ["of", "the"])]
    test = [LabelledText("b", ["a", "zebra", "saw", "the", "cat"])]
    arrays = corpus_arrays(train, test)
    vocabulary = unpack_text(arrays["vocabulary"])
    assert vocabulary == ["cat", "dog", "saw", "zebra"]
    assert unpack_text(arrays["classes"]) == ["a", "b"]
    assert [vocabulary[w] for w in arrays["train_words"]] == ["cat", "dog"]
    assert [vocabulary[w] for w in arrays["test_words"]] == ["zebra", "saw", "cat"]
    # the document of stop words alone stays, with no words
    assert arrays["train_offsets"].tolist() == [0, 2, 2]
    assert arrays["train_labels"].tolist() == [1, 0]


def test_the_largest_classes_are_kept():
    documents = [LabelledText(label, []) for label in "aabbbccccd"]
    assert largest_classes(documents, 2) == {"b", "c"}


def test_stop_words_are_function_words():
    stop = stop_words()
    assert 180 <= len(stop) <= 220
    assert {"the", "of", "and", "is", "don", "t"} <= stop
    assert not stop & {"god", "said", "oil", "mln", "computer", "x", "new", "make", "#"}
    assert all(word == word.lower() for word in stop)


def of_module(monkeypatch: pytest.MonkeyPatch, splits: object) -> str:
    monkeypatch.setitem(sys.modules, "my_text", SimpleNamespace(make=lambda: splits))
    return "my_text:make"


def test_a_corpus_of_ones_own_loads_by_module_and_function(monkeypatch):
    train = Corpus.from_tokens([["a", "b"], ["b"]], ["x", "y"])
    test = Corpus.from_tokens([["b", "c"]], ["y"], vocabulary=train.vocabulary, classes=train.classes)
    name = of_module(monkeypatch, CorpusSplits(train, test))
    assert load_corpus(name).test.words.tolist() == [1]
    before = checksums(name)
    of_module(monkeypatch, CorpusSplits(train, test.select_documents(np.array([0, 0]))))
    assert {key.removeprefix("array:") for key in before if before[key] != checksums(name)[key]} == {
        "test_words",
        "test_offsets",
        "test_labels",
    }


def test_a_corpus_of_ones_own_that_does_not_fit_is_named(monkeypatch):
    one, other = Corpus.from_tokens([["a"]], ["x"]), Corpus.from_tokens([["b"]], ["x"])
    with pytest.raises(UserError, match="different vocabularies"):
        load_corpus(of_module(monkeypatch, CorpusSplits(one, other)))
    with pytest.raises(UserError, match="without labels"):
        load_corpus(of_module(monkeypatch, CorpusSplits(*[Corpus.from_tokens([["a"]])] * 2)))
    with pytest.raises(UserError, match="returned Corpus"):
        load_corpus(of_module(monkeypatch, one))


def test_an_unknown_corpus_is_met_with_the_known_ones():
    with pytest.raises(UserError, match="unknown corpus 'reuter'; did you mean 'reuters'"):
        load_corpus("reuter")
