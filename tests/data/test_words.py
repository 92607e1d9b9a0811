"""Words by Unicode's rules: marks stay with their letters, and scripts without spaces are named."""

from __future__ import annotations

import sys
import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmbench.data.words import load_tokenizer, split_words, undivided
from dgmbench.errors import UserError

THAI, LAO, KHMER = "วันนี้อากาศดีมากเราไปเที่ยวสวนสาธารณะกัน", "ຂ້ອຍມັກອ່ານປຶ້ມຫຼາຍ", "ខ្ញុំចូលចិត្តអានសៀវភៅណាស់"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The 2nd Über-cat's\nhat_stand, 3.5", ["the", "nd", "über", "cat", "s", "hat", "stand"]),
        ("cafe\u0301 A\u030angstro\u0308m", ["café", "ångström"]),
        ("मैं हिन्दी में किताबें पढ़ता हूँ", ["मैं", "हिन्दी", "में", "किताबें", unicodedata.normalize("NFC", "पढ़ता"), "हूँ"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("السَّلَامُ عَلَيْكُمْ", ["السَّلَامُ", "عَلَيْكُمْ"]),
        ("שָׁלוֹם עוֹלָם", [unicodedata.normalize("NFC", w) for w in ("שָׁלוֹם", "עוֹלָם")]),
        ("می\u200cخواهم \u200cرفت\u200c", ["می\u200cخواهم", "رفت"]),
        ("İstanbul ΣΟΦΟΣ STRASSE", ["i\u0307stanbul", "σοφος"[:-1] + "ς", "strasse"]),
        ("soft\u00adhyphen \ufeffbom zero\u200bwidth", ["softhyphen", "bom", "zero", "width"]),
        ("x² ½ Ⅷ ٣ 1️⃣ ❤️love 👩‍💻", ["x", "love"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("\u0301 \u0301a", ["a"]),
        ("ﬁne ᾳ", ["ﬁne", "ᾳ"]),
        ("", []),
    ],
)
def test_words_are_letters_and_their_marks(text, words):
    assert split_words(text) == words


@given(st.text())
def test_both_forms_of_a_text_have_the_same_words(text):
    composed, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert split_words(composed) == split_words(apart)
    assert all(unicodedata.category(word[0])[0] == "L" for word in split_words(text))


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_words_are_the_runs_of_letters(text):
    letters = "".join(c if c.isalpha() else " " for c in text.lower())
    assert split_words(text) == letters.split()


@pytest.mark.parametrize(
    "text",
    [
        "今天天气很好，我们去公园玩。",
        "今日は天気がいいので公園に行きます。",
        THAI,
        "ຂ້ອຍມັກອ່ານປຶ້ມຫຼາຍ",
        "ខ្ញុំចូលចិត្តអានសៀវភៅណាស់",
    ],
)
def test_a_script_without_spaces_is_noticed(text):
    assert undivided(split_words(text)) in split_words(text)
    assert undivided(split_words(f"{text} and a few English words {text}"))


@pytest.mark.parametrize(
    "text",
    [
        "今天 天气 很 好 我们 去 公园 玩",
        "今日 は 天気 が いい",
        "วันนี้ อากาศ ดี มาก เรา ไป",
        "plain English",
        "Ελληνικά και русский",
        "한국어 텍스트는 띄어쓰기가 있습니다",
        "",
    ],
)
def test_words_that_are_told_apart_are_not(text):
    assert undivided(split_words(text)) == ""


def test_a_few_foreign_words_are_no_matter():
    assert undivided(split_words("an English text about the city of 北京市朝阳区, which is long enough " * 3)) == ""


def of_module(monkeypatch: pytest.MonkeyPatch, function: object) -> str:
    monkeypatch.setitem(sys.modules, "my_words", SimpleNamespace(cut=function))
    return "my_words:cut"


@pytest.mark.parametrize(
    "function",
    [
        str.split,
        lambda text: iter(text.split()),
        lambda text: tuple(text.split(" ")),
        lambda text: [*text.split(), " ", "\n"],
    ],
)
def test_a_tokenizer_gives_the_words(monkeypatch, function):
    assert load_tokenizer(of_module(monkeypatch, function))("Cafe\u0301 au lait") == ["Café", "au", "lait"]


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        ("no function", "is no function"),
        (lambda text: text, "returned str, not a list of words"),
        (lambda text: b"x", "returned bytes, not a list"),
        (lambda text: None, "raised TypeError"),
        (lambda text: [1], "returned 1 among the words, which is no text"),
        (lambda text: ["a\nb"], "a line break"),
        (lambda text: ["\ud800"], "half a character"),
        (lambda text: 1 / 0, "raised ZeroDivisionError"),
    ],
)
def test_a_tokenizer_that_does_not_is_named(monkeypatch, function, complaint):
    with pytest.raises(UserError, match=rf"my_words:cut {complaint}|my_words:cut .*{complaint}"):
        load_tokenizer(of_module(monkeypatch, function))("a text")
