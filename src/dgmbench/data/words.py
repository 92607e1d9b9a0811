"""From a text to its words, by the classes that Unicode gives to characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from dgmbench.data.labels import flaw, shown
from dgmbench.data.user_functions import failed, load_function
from dgmbench.errors import UserError

_JOINERS = "\u200c\u200d"  # within a word they decide how letters are drawn: Hindi, Persian
_ZERO_WIDTH_SPACE = "\u200b"
# Scripts whose words stand without spaces between them, by how the names of their characters begin, and how many
# characters the words of a text have at most, on average, when they are told apart.
_WITHOUT_SPACES = {"CJK": 3, "HIRAGANA": 3, "KATAKANA": 3, "THAI": 8, "LAO": 8, "KHMER": 8, "MYANMAR": 8}
_SHARE = 0.2  # of the letters of a text; below it they are foreign words

Tokenizer = Callable[[str], Sequence[str]]


def split_words(text: str) -> list[str]:
    """The runs of letters in a text, lower-case, in the composed form of Unicode (NFC).

    Marks, such as the vowel signs of Hindi, belong to the letter before them. Digits, punctuation and what else is no
    letter stand between words; characters that only steer the layout, such as soft hyphens, are no part of a text.
    """
    text = unicodedata.normalize("NFC", text.lower())
    table = {ord(character): _kept(character) for character in set(text)}
    words = (run.strip(_JOINERS) for run in text.translate(table).split())
    return [word for word in map(_from_first_letter, words) if word]


@cache
def _kept(character: str) -> str:
    """What a character is in a word: itself, nothing, or a space where it is no part of one."""
    kind = unicodedata.category(character)
    if kind[0] in "LM" or character in _JOINERS:
        return character
    return "" if kind == "Cf" and character != _ZERO_WIDTH_SPACE else " "


def _from_first_letter(word: str) -> str:
    """Without marks that have no letter before them."""
    if word.isascii() or unicodedata.category(word[0])[0] == "L":
        return word
    start = next((i for i, character in enumerate(word) if unicodedata.category(character)[0] == "L"), len(word))
    return word[start:]


def undivided(words: Iterable[str]) -> str:
    """A word of a text in a script without spaces between words that is more than one; empty where all is well.

    Texts of such a script whose words were told apart by spaces before have short words, on average.
    """
    letters, found, length = 0, [], 0.0
    for word in words:
        letters += len(word)
        if limit := 0 if word.isascii() else _word_limit(word):
            found.append(word)
            length += len(word) / limit
    if sum(map(len, found)) <= _SHARE * letters or length <= len(found):
        return ""
    return max(found[:1000], key=len)


def _word_limit(word: str) -> int:
    return next(filter(None, map(_limit, word)), 0)


@cache
def _limit(character: str) -> int:
    return _WITHOUT_SPACES.get(unicodedata.name(character, "").partition(" ")[0].partition("-")[0], 0)


def load_tokenizer(name: str) -> Tokenizer:
    """The function ``module:function``, text → words; what it returns is checked, and blank words are left out.

    It gets each text in the composed form of Unicode (NFC), otherwise as it stands in the file.

    Raises:
        UserError: there is no such function; later, from the tokenizer: it fails, or returns no words.
    """
    function = load_function(name, f"tokenizer {name}", ("a text",))

    def tokenize(text: str) -> list[str]:
        try:
            words = function(unicodedata.normalize("NFC", text))
            words = words if isinstance(words, str | bytes) else list(words)
        except (Exception, SystemExit) as error:  # whatever the user's code raises is what is wrong with it
            raise failed(f"tokenizer {name}", error) from error
        if not isinstance(words, list):
            raise UserError(f"tokenizer {name} returned {type(words).__name__}, not a list of words")
        for word in words:
            if not isinstance(word, str):
                raise UserError(f"tokenizer {name} returned {shown(word)} among the words, which is no text")
        words = [str(word) for word in words if word.strip()]
        if wrong := next(filter(flaw, words), ""):
            raise UserError(f"tokenizer {name} returned the word {shown(wrong)}, which has {flaw(wrong)}")
        return words

    return tokenize
