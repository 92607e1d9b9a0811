"""Labels of user-defined documents: what a class may be called, and which two are one class by mistake."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

_FLAWS = {
    "a line break": "\n\r\v\f\x1c-\x1e\x85\u2028\u2029",
    "half a character": "\ud800-\udfff",  # a surrogate, which no file can hold
    "a control character": "\0-\x08\x0e-\x1f\x7f-\x9f",  # a tab is a space
}
_ANY_FLAW = re.compile(f"[{''.join(_FLAWS.values())}]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


def shown(value: object, limit: int = 60) -> str:
    """A value as an error line shows it: on one line, and not too long."""
    text = repr(value[: limit + 1] if isinstance(value, str | bytes) else value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def listed(labels: Collection[str], most: int = 10) -> str:
    """How many labels there are, and the first of them: ``2: 'a', 'b'``."""
    named = ", ".join(map(shown, sorted(labels)[:most]))
    return f"{len(labels)}: {named}" + (", …" if len(labels) > most else "")


def flaw(text: str) -> str:
    """What is in a name that no name can have, in words; empty where it has none of it."""
    found = _ANY_FLAW.search(text)
    return next(words for words, of in _FLAWS.items() if re.match(f"[{of}]", found[0])) if found else ""


def alike(labels: Iterable[str]) -> tuple[str, str] | None:
    """Two labels that a reader takes for one: other in case, spaces or the form of a number (1, 1.0) alone."""
    found: dict[str, str] = {}
    for label in labels:
        if (other := found.setdefault(_essence(label), label)) != label:
            return other, label
    return None


def _essence(label: str) -> str:
    """What is left of a label when case, spaces, invisible characters and forms of one letter do not count."""
    composed = unicodedata.normalize("NFC", label)
    seen = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    plain = " ".join(unicodedata.normalize("NFC", seen.casefold()).split())
    return str(float(plain)) if _NUMBER.fullmatch(plain) else plain
