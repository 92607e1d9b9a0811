"""Labels of user-defined documents: what a class may be called, and which two are one class by mistake."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_LINE_BREAK_OR_SURROGATE = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


def shown(value: object, limit: int = 60) -> str:
    """A value as an error line shows it: on one line, and not too long."""
    text = repr(value[: limit + 1] if isinstance(value, str | bytes) else value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def is_one_line(text: str) -> bool:
    """Whether a text has no line break, and no half of a character (a surrogate), which no file can hold."""
    return not _LINE_BREAK_OR_SURROGATE.search(text)


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
