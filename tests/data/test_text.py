"""Corpora: the TAB format, stop words, one vocabulary for both parts, as arrays and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmbench.data.formats.cachopo import read_tab
from dgmbench.data.text import (
    CorpusSplits,
    LabelledText,
    largest_classes,
    make_splits,
    pack_text,
    stop_words,
    unpack_text,
)
from dgmbench.data.words import split_words

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
    arrays = make_splits(train, test).arrays()
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


def test_words_are_the_runs_of_letters():
    assert split_words("The 2nd Über-cat's\nhat_stand, 3.5") == ["the", "nd", "über", "cat", "s", "hat", "stand"]


def test_a_corpus_comes_back_from_its_arrays():
    splits = make_splits([LabelledText("b", ["cat", "dog"]), LabelledText("a", ["cat"])], [LabelledText("b", ["dog"])])
    dated = replace(splits, train_dates=np.array(["1987-02-26T15:01:01", "1987-02-27"], "datetime64[s]"))
    for before in (splits, dated):
        after = CorpusSplits.from_arrays(before.arrays())
        assert after.train.vocabulary == after.test.vocabulary == ("cat", "dog")
        assert after.train.classes == ("a", "b")
        assert before.arrays().keys() == after.arrays().keys()
        assert all((after.arrays()[name] == array).all() for name, array in before.arrays().items())
