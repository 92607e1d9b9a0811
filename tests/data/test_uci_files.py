"""Bags of words in the format of the UCI repository: what is written is read, and what is wrong is one line."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgmbench.data import checksums, load_corpus
from dgmbench.data.catalogue import code_of, identity, is_function, is_user_defined, require_dataset, title_of
from dgmbench.data.formats import docword
from dgmbench.data.splitting import drawn_for_testing
from dgmbench.data.uci_files import corpus_files, read_corpus
from dgmbench.errors import UserError

Bags = list[dict[int, int]]
"""The count of each word, by its number from 0, of each document."""


def write(folder: Path, bags: Bags, words: int, name: str = "toy", packed: bool = False, end: str = "\n") -> str:
    """The two files; the name of the corpus."""
    entries = [f"{d} {w + 1} {n}" for d, bag in enumerate(bags, 1) for w, n in bag.items()]
    counts = end.join([str(len(bags)), str(words), str(len(entries)), *entries, ""]).encode()
    vocabulary = "".join(f"word{w}\n" for w in range(words)).encode()
    ending = ".gz" if packed else ""
    for stem, content in ((f"docword.{name}.txt", counts), (f"vocab.{name}.txt", vocabulary)):
        (folder / f"{stem}{ending}").write_bytes(gzip.compress(content, 1) if packed else content)
    return f"uci:{folder}/docword.{name}.txt{ending}"


def bags_of(name: str, documents: int, seed: int = 0) -> Bags:
    """What loading gives, in the order of the file."""
    train, test = read_corpus(name)
    drawn = drawn_for_testing([""] * documents, seed)
    parts = {False: iter(range(len(train))), True: iter(range(len(test)))}
    found = []
    for tested in drawn:
        corpus = test if tested else train
        words, numbers = np.unique(corpus.document(next(parts[tested])), return_counts=True)
        found.append(dict(zip(words.tolist(), numbers.tolist(), strict=True)))
    return found


BAGS = st.integers(1, 12).flatmap(
    lambda words: st.tuples(
        st.lists(st.dictionaries(st.integers(0, words - 1), st.integers(1, 4), min_size=1), min_size=2, max_size=15),
        st.just(words),
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    made=BAGS,
    block=st.sampled_from([1, 7, 64, docword.BLOCK]),
    packed=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\n\n", " \n"]),
)
def test_what_is_written_is_read(
    made: tuple[Bags, int], block: int, packed: bool, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bags, words = made
    monkeypatch.setattr(docword, "BLOCK", block)
    name = write(tmp_path, bags, words, packed=packed, end=end)
    assert bags_of(name, len(bags)) == bags


def corpus(documents: int = 40, words: int = 30, seed: int = 0) -> Bags:
    random = np.random.default_rng(seed)
    return [
        {int(w): int(random.integers(1, 5)) for w in sorted(random.choice(words, 8, replace=False))}
        for _ in range(documents)
    ]


@pytest.mark.parametrize("block", [1, 10, 100, 1000, docword.BLOCK])
def test_the_size_of_the_parts_that_are_read_changes_nothing(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write(tmp_path, corpus(), 30)
    expected = checksums(name)
    monkeypatch.setattr(docword, "BLOCK", block)
    assert checksums(name) == expected


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_a_fifth_is_for_testing_and_the_order_of_words_is_drawn(seed: int, tmp_path: Path) -> None:
    name = write(tmp_path, corpus(), 30)
    train, test = read_corpus(f"{name}?seed={seed}")
    assert (len(train), len(test), train.labels, test.labels) == (32, 8, None, None)
    assert bags_of(f"{name}?seed={seed}", 40, seed) == corpus()
    # the words of the file ascend, and a document's first words are not those that are first in the vocabulary
    first = np.mean([train.document(i)[0] for i in range(len(train))])
    assert 8 < first < 21
    other = read_corpus(f"{name}?seed={seed + 1}").train
    assert train.words.tolist() != other.words.tolist()
    assert read_corpus(f"{name}?seed={seed}").train.words.tolist() == train.words.tolist()


def test_documents_without_words_stay_empty(tmp_path: Path) -> None:
    bags: Bags = [{0: 1, 1: d + 1} if d % 3 else {} for d in range(30)]
    assert bags_of(write(tmp_path, bags, 2), len(bags)) == bags


def test_words_may_come_in_any_order_and_blanks_may_be_more_than_one(tmp_path: Path) -> None:
    name = write(tmp_path, [{0: 1}, {1: 1}], 3)
    (tmp_path / "docword.toy.txt").write_text(" 2\n3 \n\n4\n1  3   2\n 1\t1 1\n2 2 7 \n\n2 1 1")
    assert bags_of(name, 2) == [{2: 2, 0: 1}, {1: 7, 0: 1}]


def test_test_documents_may_have_a_file_of_their_own(tmp_path: Path) -> None:
    name = write(tmp_path, corpus(10), 30)
    write(tmp_path, corpus(7, seed=1), 30, name="held-out")
    splits = read_corpus(f"{name}?test={tmp_path}/docword.held-out.txt")
    for part, bags in ((splits.train, corpus(10)), (splits.test, corpus(7, seed=1))):
        expected = np.zeros((len(bags), 30))
        for d, bag in enumerate(bags):
            expected[d, list(bag)] = list(bag.values())
        np.testing.assert_array_equal(part.counts.toarray(), expected)


@pytest.mark.parametrize("query", ["", "?name=toys", "?seed=3&name=a+b", "?vocab=PLACE/vocab.toy.txt", "?seed=999"])
def test_a_name_stands_for_its_files(query: str, tmp_path: Path) -> None:
    name = write(tmp_path, corpus(), 30) + query.replace("PLACE", str(tmp_path))
    require_dataset(name, "corpus", "here")
    assert is_user_defined(name) and not is_function(name)
    assert [path.name for path in corpus_files(name)] == ["docword.toy.txt", "vocab.toy.txt"]
    assert code_of(name) == ("dgmbench.data.uci_files",)
    short = {"?name=toys": "toys", "?seed=3&name=a+b": "a b"}
    assert title_of(name) == short.get(query, name)
    assert load_corpus(name).train.vocabulary[:2] == ("word0", "word1")
    before = identity(name)
    (tmp_path / "vocab.toy.txt").write_text("".join(f"other{w}\n" for w in range(30)))
    assert identity(name) != before


def test_packed_files_are_not_taken_for_word_vectors(tmp_path: Path) -> None:
    name = write(tmp_path, corpus(), 30, packed=True)
    require_dataset(name, "corpus", "here")
    assert code_of(name) == ("dgmbench.data.uci_files",) and checksums(name)["source"] == name
    with pytest.raises(UserError, match="is a corpus and no image dataset"):
        require_dataset(name, "images", "here")


def edited(change: Callable[[list[str]], object]) -> Callable[[Path], None]:
    """A change of the lines of the counts: 3 documents of 4 words, 5 entries in lines 4 to 8."""

    def edit(folder: Path) -> None:
        path = folder / "docword.toy.txt"
        lines = path.read_text().splitlines()
        change(lines)
        path.write_text("".join(f"{line}\n" for line in lines))

    return edit


def put(line: int, text: str) -> Callable[[Path], None]:
    return edited(lambda lines: lines.__setitem__(line - 1, text))


def vocabulary(content: str | bytes) -> Callable[[Path], None]:
    whole = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / "vocab.toy.txt").write_bytes(whole) and None


COUNTS = "docword.toy.txt"


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (put(1, "three"), f"{COUNTS}, line 1: 'three' is no whole number from 1 on; the first three lines"),
        (put(2, "-4"), f"{COUNTS}, line 2: '-4' is no whole number"),
        (put(3, "0"), f"{COUNTS}, line 3: '0' is no whole number from 1"),
        (put(1, "1 1 1"), f"{COUNTS}, line 1: '1 1 1' is no whole number"),
        (put(1, "99999999999"), f"{COUNTS}, line 1: 99,999,999,999 documents; at most 50,000,000 can be read"),
        (put(1, "1051"), f"{COUNTS}, line 1: 1,051 documents, and line 3 says that they have 5 entries together"),
        (put(2, "5"), f"vocab.toy.txt has 4 words, and .*{COUNTS}, line 2, says 5"),
        (edited(lambda lines: lines.__delitem__(slice(2, None))), f"{COUNTS} ends before it says, in three lines"),
        (edited(lambda lines: lines.clear()), f"{COUNTS} ends before it says, in three lines"),
        (put(3, "6"), f"{COUNTS} has 5 entries, and line 3 says 6: is it cut off?"),
        (put(3, "4"), f"{COUNTS}, line 8 is one more than the 4 entries that line 3 says there are"),
        (put(1, "2"), f"{COUNTS}, line 8: document 3; line 1 says that they are 1 to 2"),
        (put(4, "0 1 2"), f"{COUNTS}, line 4: document 0; line 1 says that they are 1 to 3"),
        (put(5, "1 5 1"), f"{COUNTS}, line 5: word 5; line 2 says that they are 1 to 4"),
        (put(5, "1 -2 1"), f"{COUNTS}, line 5: word -2; line 2 says that they are 1 to 4"),
        (put(6, "2 1 0"), f"{COUNTS}, line 6: the count is 0; give 1 to 1000000"),
        (put(6, "2 1 1000001"), f"{COUNTS}, line 6: the count is 1000001; give 1 to 1000000"),
        (put(8, "1 4 1"), f"{COUNTS}, line 8: document 1 comes after document 2; give the documents in ascending"),
        (put(6, "1 2 7"), f"{COUNTS}, line 6: word 2 of document 1 is there already; give one count"),
        (put(7, "2 3"), f"{COUNTS}, line 7: '2 3' is not three whole numbers, a document, a word and a count"),
        (put(7, "2 3 1 1"), f"{COUNTS}, line 7: '2 3 1 1' is not three whole numbers"),
        (put(7, "2 3 1.5"), f"{COUNTS}, line 7: '2 3 1.5' is not three whole numbers"),
        (put(7, "2 x 1"), f"{COUNTS}, line 7: '2 x 1' is not three whole numbers"),
        (put(7, "2 3 99999999999999999999"), f"{COUNTS}, line 7: '2 3 99999999999999999999' is not three whole"),
        (put(7, "2 3 " + "1" * 5000), f"{COUNTS}, line 7(: '2 3 1111| has more than 1,000 bytes)"),
        (put(7, 'word "3" \0 1'), f"{COUNTS}, line 7: .* is not three whole numbers"),
        (vocabulary("a\nb\nc\n"), f"vocab.toy.txt has 3 words, and .*{COUNTS}, line 2, says 4"),
        (vocabulary("a\n\nc\nd\n"), "vocab.toy.txt, line 2 has no word; give a word on each line"),
        (vocabulary("a\nb\nc\na\n"), "vocab.toy.txt, line 4: the word 'a' is in line 1 already; give each word once"),
        (vocabulary("a\nb\nc\nd\0\n"), "vocab.toy.txt, line 4: the word .* has a control character; take it out"),
        (vocabulary(b"a\nb\xff\nc\nd\n"), "vocab.toy.txt, line 2: the word .* is not UTF-8; save the file as UTF-8"),
        (lambda folder: (folder / "vocab.toy.txt").unlink(), "no file .*vocab.toy.txt, which has the words, one"),
        (lambda folder: (folder / COUNTS).unlink(), f"no file .*{COUNTS}"),
    ],
)
@pytest.mark.parametrize("block", [5, docword.BLOCK])
def test_what_is_wrong_is_said_in_one_line(
    edit: Callable[[Path], None], complaint: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docword, "BLOCK", block)
    name = write(tmp_path, [{0: 2, 1: 1}, {0: 1, 2: 3}, {3: 1}], 4)
    edit(tmp_path)
    with pytest.raises(UserError, match=complaint) as caught:
        read_corpus(name)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("file", ["docword", "vocab"])
def test_a_cut_archive_is_said_in_one_line(file: str, share: float, tmp_path: Path) -> None:
    name = write(tmp_path, corpus(400), 30, packed=True)
    path = tmp_path / f"{file}.toy.txt.gz"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError) as caught:
        read_corpus(name)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("?sed=1", "unknown option 'sed'; did you mean 'seed'"),
        ("?seed=-1", "the option seed is '-1'; give a whole number from 0 to 999999999, once"),
        ("?seed=1&seed=2", "the option seed is '2'; give a whole number from 0 to 999999999, once"),
        ("?name=", "the option name is ''; give 1 to 40 letters"),
        ("?vocab=nowhere.txt", "no file nowhere.txt"),
        ("?test=nowhere.txt", "no file nowhere.txt"),
        ("?test=ITSELF", "the training and the test documents must be different files"),
        ("?vocab=~nobody-at-all/x", "nobody-at-all"),
    ],
)
def test_options_that_cannot_be_are_refused_with_their_place(query: str, complaint: str, tmp_path: Path) -> None:
    name = write(tmp_path, corpus(), 30)
    query = query.replace("ITSELF", name.removeprefix("uci:"))
    with pytest.raises(UserError, match=complaint) as caught:
        require_dataset(name + query, "corpus", "config.here")
    assert str(caught.value).startswith("config.here: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["uci:", "uci:nowhere", "uci:.", "uci:a\0b", "uci:counts.txt"])
def test_a_path_that_cannot_be_is_refused(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("counts.txt").write_text("1\n1\n1\n1 1 1\n")
    with pytest.raises(UserError, match=r"no path|no file|null|is not called docword.NAME.txt; say where"):
        require_dataset(address, "corpus", "config.here")


@pytest.mark.parametrize(("bags", "part"), [([{0: 1}], "0 test documents"), ([{}, {0: 1}], "1 training document")])
def test_both_parts_must_have_words(bags: Bags, part: str, tmp_path: Path) -> None:
    if part.startswith("1"):  # whichever of the two is drawn is the one with the word
        bags = [{0: 1} if tested else {} for tested in drawn_for_testing(["", ""], 0)]
    with pytest.raises(UserError, match=f"{part} without a word; give more documents"):
        read_corpus(write(tmp_path, bags, 1))
