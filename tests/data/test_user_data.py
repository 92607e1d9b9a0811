"""User-defined datasets: functions, entry points, and what does not fit."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from dgmbench.data import CorpusSplits, ImageSplits, checksums, known_datasets, load_corpus, load_images
from dgmbench.data.catalogue import require_dataset
from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError


def tiny() -> ImageSplits:
    images, labels = np.eye(4, dtype=np.uint8), np.array([0, 1, 0, 1], np.uint8)
    return ImageSplits("tiny", (2, 2), True, images, images[:0], images[:2], labels, labels[:0], labels[:2])


def of_module(monkeypatch: pytest.MonkeyPatch, make) -> str:
    monkeypatch.setitem(__import__("sys").modules, "my_data", SimpleNamespace(make=make))
    return "my_data:make"


def test_images_of_a_user_load_by_module_and_function(monkeypatch):
    name = of_module(monkeypatch, tiny)
    np.testing.assert_array_equal(load_images(name).train, np.eye(4))
    before = checksums(name)
    assert before == checksums(name)
    changed = replace(tiny(), train=1 - tiny().train)
    of_module(monkeypatch, lambda: changed)
    assert {key for key in before if before[key] != checksums(name)[key]} == {"array:train"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"train": np.eye(4, dtype=np.uint8)[:, :3]}, "my_data:make: train is not an .* it has 3 pixels an image"),
        ({"test": np.eye(2, dtype=np.uint8)}, "my_data:make: test is not an"),
        ({"train_labels": np.zeros(3, np.uint8)}, "4 images but 3 labels"),
        ({"train": np.full((4, 4), 255, np.uint8)}, "pixels above 1"),
    ],
)
def test_images_of_a_user_that_do_not_fit_are_named(monkeypatch, change, complaint):
    name = of_module(monkeypatch, lambda: replace(tiny(), **change))
    with pytest.raises(UserError, match=complaint):
        load_images(name)


def test_a_function_that_returns_something_else_is_named(monkeypatch):
    with pytest.raises(UserError, match="returned ndarray; return a dgmbench"):
        load_images(of_module(monkeypatch, lambda: np.eye(4)))


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: {}["train"], "my_data:make raised KeyError: 'train' .*test_user_data.py, line"),
        (lambda: np.load("nowhere"), "my_data:make raised FileNotFoundError.*, line"),
        (lambda: np.zeros(3)[[]].item(), "my_data:make raised ValueError: .*test_user_data.py, line"),
        (lambda: tiny(1), "my_data:make raised TypeError: .*test_user_data.py, line"),
        (lambda: Corpus.from_tokens(5), "my_data:make raised TypeError: .*test_user_data.py, line"),
        (partial(np.load, "nowhere"), "my_data:make raised FileNotFoundError"),
    ],
)
def test_a_function_that_fails_is_named_with_the_line(monkeypatch, make, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        load_images(of_module(monkeypatch, make))
    assert "\n" not in str(caught.value)
    assert "user_data.py" not in str(caught.value).replace("test_user_data.py", "")


class NeedsSeed:
    def __init__(self, seed: int) -> None:
        pass

    def __call__(self, path: str) -> None:
        pass


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda a: a, "is called with no arguments: missing a .*'a'; name a function without arguments"),
        (lambda *, folder: folder, "is called with no arguments: missing a .*'folder'"),
        (NeedsSeed, "is called with no arguments: missing a .*'seed'"),
        (NeedsSeed(1), "is called with no arguments: missing a .*'path'"),
        (partial(lambda a, b: a, 1), "is called with no arguments: missing a .*'b'"),
        (math.sqrt, "is called with no arguments: missing a .*'x'"),
        (tiny(), "is no function but of type ImageSplits; name a function without arguments"),
        (3, "is no function but of type int"),
        ("train.csv", "is no function but of type str"),
        (None, "is no function but None"),
    ],
)
def test_what_cannot_be_called_without_arguments_is_said_before_it_is_called(monkeypatch, make, complaint):
    name = of_module(monkeypatch, make)
    for kind in ("images", "corpus"):
        with pytest.raises(UserError, match=f"^here: my_data:make {complaint}"):
            require_dataset(name, kind, "here")
    for read in (load_images, load_corpus, checksums):
        with pytest.raises(UserError, match=f"^my_data:make {complaint}"):
            read(name)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tiny(),
        lambda a=1, *b, c=2, **d: tiny(),
        partial(lambda a: tiny(), 1),
        tiny,
        type("C", (), {"m": staticmethod(tiny)}).m,
    ],
)
def test_what_can_be_called_without_arguments_is(monkeypatch, make):
    name = of_module(monkeypatch, make)
    require_dataset(name, "images", "here")
    assert load_images(name).name == "tiny"


@pytest.mark.parametrize("classes", [("a\0", "b"), ("a", "b\x07"), ("a\nb", "b"), ("\ud800", "b"), ("a\x85", "b")])
def test_classes_of_images_are_names(monkeypatch, classes):
    with pytest.raises(
        UserError, match=r"^my_data:make: the class '.*' has (a control c|a line b|half a c).*; take it out"
    ):
        load_images(of_module(monkeypatch, lambda: replace(tiny(), classes=classes)))


def test_an_entry_point_names_a_dataset(monkeypatch):
    of_module(monkeypatch, tiny)
    point = SimpleNamespace(name="mine", value="my_data:make")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] * (group == "dgmbench.datasets"))
    assert load_images("mine").name == "tiny"
    assert "mine" in known_datasets("density")


def test_an_unknown_name_is_met_with_the_nearest():
    with pytest.raises(UserError, match="unknown image dataset 'mnits'; did you mean 'mnist'"):
        load_images("mnits")
    with pytest.raises(UserError, match=r"known: fashion-mnist, mnist, ocr-letters$"):
        load_images("20news")


def corpus_of_module(monkeypatch: pytest.MonkeyPatch, splits: object) -> str:
    return of_module(monkeypatch, lambda: splits)


def test_a_corpus_of_a_user_loads_by_module_and_function(monkeypatch):
    train = Corpus.from_tokens([["a", "b"], ["b"]], ["x", "y"])
    test = Corpus.from_tokens([["b", "c"]], ["y"], vocabulary=train.vocabulary, classes=train.classes)
    name = corpus_of_module(monkeypatch, CorpusSplits(train, test))
    assert load_corpus(name).test.words.tolist() == [1]
    before = checksums(name)
    corpus_of_module(monkeypatch, CorpusSplits(train, test.select_documents(np.array([0, 0]))))
    assert {key.removeprefix("array:") for key in before if before[key] != checksums(name)[key]} == {
        "test_words",
        "test_offsets",
        "test_labels",
    }


def test_a_corpus_of_a_user_that_does_not_fit_is_named(monkeypatch):
    one, other = Corpus.from_tokens([["a"]], ["x"]), Corpus.from_tokens([["b"]], ["x"])
    with pytest.raises(UserError, match="different vocabularies"):
        load_corpus(corpus_of_module(monkeypatch, CorpusSplits(one, other)))
    with pytest.raises(UserError, match="without labels"):
        load_corpus(corpus_of_module(monkeypatch, CorpusSplits(*[Corpus.from_tokens([["a"]])] * 2)))
    with pytest.raises(UserError, match="returned Corpus"):
        load_corpus(corpus_of_module(monkeypatch, one))


def two(of=("x", "y"), **changes) -> Corpus:
    """Two documents, with some of the arrays changed."""
    return replace(Corpus.from_tokens([["a", "b"], ["b"]], of), **changes)


@pytest.mark.parametrize(
    ("corpus", "complaint"),
    [
        (lambda: two().select_documents(np.array([], int)), "train has no documents"),
        (lambda: two(("x\ny", "z")), r"the class 'x\\ny' has a line break"),
        (lambda: two(("\ud800", "z")), "half a character"),
        (lambda: two(("\0", "z")), r"the class '\\x00' has a control character; take it out"),
        (lambda: two(("x\x1b[31m", "z")), r"the class 'x\\x1b\[31m' has a control character"),
        (lambda: two(("x", "z\x7f")), r"the class 'z\\x7f' has a control character"),
        (lambda: two(vocabulary=("a\0", "b")), r"the word 'a\\x00' has a control character"),
        (lambda: two(vocabulary=("a", "b\x9f")), r"the word 'b\\x9f' has a control character"),
        (lambda: two(("Sport", "sport")), "'Sport' and 'sport' differ in case"),
        (lambda: two(classes=(1, 2)), "the class 1 is int; give text"),
        (lambda: two(classes=("x", None)), "the class None is NoneType; give text"),
        (lambda: two(classes=("x", "x")), "the class 'x' stands twice"),
        (lambda: two(vocabulary=("a", "a")), "the word 'a' stands twice"),
        (lambda: two(vocabulary=("a\nc", "b")), "the word 'a.nc' has a line break"),
        (lambda: two(words=np.array([0, 1, 9])), "train: words holds numbers outside the vocabulary"),
        (lambda: two(words=np.array([0, 1, -1])), "train: words holds numbers outside"),
        (lambda: two(words=np.array([0.0, 1, 1])), "train: words is no array of whole numbers"),
        (lambda: two(words=[0, 1, 1]), "train: words is no array of whole numbers"),
        (lambda: two(offsets=np.array([0, 2])), "train: offsets do not go from 0 up to the 3 tokens"),
        (lambda: two(offsets=np.array([0, 3, 2, 3])), "train: offsets do not go"),
        (lambda: two(offsets=np.array([0, 2, 4])), "train: offsets holds numbers outside the tokens"),
        (lambda: two(labels=np.array([0, 2], np.int32)), "train: labels holds numbers outside the classes"),
        (lambda: two(labels=np.array([0], np.int32)), "train has 2 documents but 1 label;"),
        (lambda: two(labels=np.array([0.5, 1])), "train: labels is no array of whole numbers"),
    ],
)
def test_a_malformed_corpus_is_one_line(monkeypatch, corpus, complaint):
    part = corpus()
    name = corpus_of_module(monkeypatch, (part, part))
    for read in (load_corpus, checksums):
        with pytest.raises(UserError, match=f"my_data:make: .*{complaint}|my_data:make: {complaint}") as caught:
            read(name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("documents", "options", "complaint"),
    [
        (["a text", "another"], {}, "document 0 is a text, not a list of words"),
        ([["a"], "another"], {}, "document 1 is a text"),
        ([["a"], b"bytes"], {}, "document 1 is a text"),
        ([["a"], [1, 2]], {}, "document 1 holds int where words are due"),
        ([["a"], ["b", None]], {"vocabulary": ["a", "b"]}, "document 1 holds NoneType where words are due"),
        ([["a"], [["b"]]], {}, "document 1 holds list where words are due"),
        ([["a"], ["b"]], {"labels": ["x", None]}, "the label of document 1 is None, no text"),
        ([["a"], ["b"]], {"labels": [None, None]}, "the label of document 0 is None"),
        ([["a"], ["b"]], {"labels": [float("nan"), "x"]}, "the label of document 0 is nan"),
        ([["a"], ["b"]], {"labels": [0, 1]}, "the label of document 0 is 0"),
        ([["a"], ["b"]], {"labels": ["x"]}, "2 documents but 1 labels"),
    ],
)
def test_what_is_no_list_of_words_makes_no_corpus(documents, options, complaint):
    with pytest.raises(UserError, match=complaint):
        Corpus.from_tokens(documents, **options)


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda words: iter(list(words))])
def test_words_may_come_in_any_sequence(kind):
    corpus = Corpus.from_tokens([kind(["a", "b"]), kind([])], np.array(["x", "y"]))
    assert corpus.vocabulary == ("a", "b") and corpus.lengths.tolist() == [2, 0] and corpus.classes == ("x", "y")


def test_an_unknown_corpus_is_met_with_the_known_ones():
    with pytest.raises(UserError, match="unknown corpus 'reuter'; did you mean 'reuters'"):
        load_corpus("reuter")


def test_a_pair_of_corpora_is_a_corpus_with_two_parts(monkeypatch):
    part = Corpus.from_tokens([["a"]], ["x"])
    train, test = load_corpus(corpus_of_module(monkeypatch, (part, part)))
    assert train is test is part


def test_each_document_needs_a_date_or_none_has_one(monkeypatch):
    part = Corpus.from_tokens([["a"], ["a", "b"]], ["x", "y"])
    dates = np.array(["1987-02-26", "1987-02-27"], "datetime64[s]")
    name = corpus_of_module(monkeypatch, CorpusSplits(part, part, dates, dates))
    assert "array:train_dates" in checksums(name)
    with pytest.raises(UserError, match="2 documents but 1 date;"):
        load_corpus(corpus_of_module(monkeypatch, CorpusSplits(part, part, dates, dates[:1])))


def test_grey_and_binary_images_have_other_checksums(monkeypatch):
    binary = checksums(of_module(monkeypatch, tiny))
    as_grey = {"binary": False, **{part: getattr(tiny(), part) * 255 for part in ("train", "valid", "test")}}
    grey = checksums(of_module(monkeypatch, lambda: replace(tiny(), **as_grey)))
    assert {key for key in binary if binary[key] != grey[key]} == {"array:form", "array:train", "array:test"}
