"""Names that say by themselves how a corpus is had: from files of a format, or drawn. Each form is a line of `FORMS`.

``file:PATH`` is no such form: what it stands for, images, a corpus or word vectors, its files decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dgmbench.data import drawn_corpora, uci_files
from dgmbench.data.drawn_defaults import DRAWN
from dgmbench.data.text import CorpusSplits


@dataclass(frozen=True)
class CorpusForm:
    """Names that begin alike.

    Attributes:
        begins: how they begin.
        example: one of them.
        about: one line: what it stands for.
        require: raises a UserError for a name that cannot be.
        read: the corpus of a name.
        files: the files that are read for a name.
        module: whose code, with all that it imports, makes the arrays.
        labelled: whether the documents have labels.
    """

    begins: str
    example: str
    about: str
    require: Callable[[str], object]
    read: Callable[[str], CorpusSplits]
    files: Callable[[str], list[Path]]
    module: str
    labelled: bool


def _none(name: str) -> list[Path]:
    """No file is read."""
    return []


FORMS = (
    CorpusForm(
        uci_files.PREFIX,
        example="uci:FOLDER/docword.NAME.txt.gz",
        about="bags of words in the format of the UCI repository, documents without labels",
        require=uci_files.parse_name,
        read=uci_files.read_corpus,
        files=uci_files.corpus_files,
        module=uci_files.__name__,
        labelled=False,
    ),
    CorpusForm(
        DRAWN,
        example="zipf-topics?documents=100000&words=50000&topics=1000&length=100&seed=0",
        about="documents drawn from planted topics, words by Zipf's law, as many as are asked for",
        require=drawn_corpora.parse_name,
        read=drawn_corpora.draw_corpus,
        files=_none,
        module=drawn_corpora.__name__,
        labelled=True,
    ),
)


def form_of(name: str) -> CorpusForm | None:
    """The form that a name has, if it has one of them."""
    address = name.partition("?")[0]
    for form in FORMS:
        if address == form.begins or (form.begins.endswith(":") and address.startswith(form.begins)):
            return form
    return None
