"""What datasets there are: the modules of `dgmbench.data.datasets`, and user-defined ones."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

import dgmbench.data.datasets as datasets
from dgmbench.data.corpus_names import FORMS, form_of
from dgmbench.data.dataset import Dataset, Kind
from dgmbench.data.image_files import holds_images, image_files
from dgmbench.data.user_data import entry_points
from dgmbench.data.user_files import PREFIX, corpus_files, options_of
from dgmbench.data.user_functions import load_function
from dgmbench.data.user_vectors import is_vector_file, vector_dataset, vector_file, vector_sha256
from dgmbench.data.words import load_tokenizer
from dgmbench.errors import UserError
from dgmbench.names import did_you_mean

_BUILT_IN = [
    (value, found.name)
    for found in pkgutil.iter_modules(datasets.__path__, f"{datasets.__name__}.")
    for value in vars(importlib.import_module(found.name)).values()
    if isinstance(value, Dataset)
]
_HOME = {dataset.name: module for dataset, module in _BUILT_IN}
CATALOGUE = {dataset.name: dataset for dataset, _ in _BUILT_IN}
_WORDS = {
    "images": "image dataset",
    "corpus": "corpus",
    "embeddings": "embeddings",
    "points": "points",
    None: "dataset",
}


def find_dataset(name: str, kind: Kind | None = None) -> Dataset:
    """The built-in dataset of a name, of a kind if one is given; or the word embeddings in a user's file.

    Raises:
        UserError: there is none.
    """
    if _may_be_vectors(name, kind):
        return vector_dataset(name)
    known = {n: d for n, d in CATALOGUE.items() if kind in (None, d.kind)}
    if name not in known:
        known_names = [*known, *(entry_points() if kind != "embeddings" else ())]
        raise UserError(f"unknown {_WORDS[kind]} {name!r}{did_you_mean(name, known_names)}")
    return known[name]


def is_vectors(name: str) -> bool:
    """Whether a name stands for the word embeddings in a user's file, which need not exist."""
    return form_of(name) is None and is_vector_file(name)


def _may_be_vectors(name: str, kind: str | None) -> bool:
    """Whether a name stands for the word embeddings in a user's file, where a kind is wanted."""
    return kind in (None, "embeddings") and (
        is_vectors(name) or (kind is not None and name.startswith(PREFIX) and name not in CATALOGUE)
    )


def is_user_defined(name: str) -> bool:
    """Whether the name stands for a user-defined dataset."""
    return name not in CATALOGUE and (":" in name or name in entry_points() or form_of(name) is not None)


def has_labels(name: str) -> bool:
    """Whether the documents, or images, that a name stands for may have labels, as far as the name tells."""
    form = form_of(name)
    return form is None or form.labelled


def known_datasets(*kinds: str) -> list[str]:
    """The names of these kinds. Entry points of other packages count for all: what they return shows when called."""
    return [*(name for name, dataset in CATALOGUE.items() if dataset.kind in kinds), *entry_points()]


def require_dataset(name: str, kind: str | tuple[str, ...], where: str) -> None:
    """Raise a UserError for an unknown dataset, with the place where it is named.

    Args:
        kind: of its data, or several; the first is what a user's files hold.
    """
    kinds = (kind,) if isinstance(kind, str) else kind
    kind = kinds[0]
    vectors, form = _may_be_vectors(name, kind), form_of(name)
    if vectors or form or (":" in name and kind != "embeddings"):
        try:
            if vectors:
                vector_file(name)
            elif form and "corpus" not in kinds:
                raise UserError(f"{name} is a corpus and no {_WORDS[kind]}")
            elif form:
                form.require(name)
            elif not name.startswith(PREFIX):
                load_function(name)
            elif kind == "images":
                image_files(name)
            else:
                _require_files(name)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
    elif name not in (known := known_datasets(*kinds)):
        if name in CATALOGUE:
            what = f"{name!r} is of kind {CATALOGUE[name].kind}, not {' or '.join(kinds)}"
            raise UserError(f"{where}: {what}; known: {', '.join(sorted(known))}")
        further = [form.begins for form in FORMS if "corpus" in kinds]
        raise UserError(f"{where}: unknown dataset {name!r}{did_you_mean(name, [*known, *further])}")


def _require_files(name: str) -> None:
    corpus_files(name)
    if tokenizer := options_of(name).get("tokenizer"):
        load_tokenizer(tokenizer)


def title_of(name: str) -> str:
    """What tables call a dataset: its name, or the short one that the name of a user's files gives."""
    return options_of(name).get("name", name) if name.startswith(PREFIX) or form_of(name) else name


def require_titles(names: Iterable[str], where: str) -> None:
    """Raise a UserError for two datasets that tables would call by one name; a built-in name belongs to its own.

    Nor may a short name that is given differ from another's in case alone, which some file systems do not tell apart.
    """
    taken, folded = {name: name for name in CATALOGUE}, dict[str, str]()
    for name in names:
        title = title_of(name)
        if (other := taken.setdefault(title, name)) != name:
            raise UserError(f"{where}: {name} has the short name of {other}; give it another by name=")
        other = folded.setdefault(title.casefold(), name)
        if other != name and (title, title_of(other)) != (name, other):
            raise UserError(
                f"{where}: {name} is called {title}, which differs from {title_of(other)}, the name of {other}, in "
                "case alone; give it another by name="
            )


def identity(name: str) -> str:
    """A hash of what a dataset is, without fetching or loading it: its pinned checksums, or the files of a user's.

    What a user-defined function gives is not in it, see `dgmbench.data.load.checksums.loaded_apart`.

    Raises:
        UserError: a file of the user's cannot be read.
    """
    if name in CATALOGUE:
        return _digest(name, *(f"{array} {sha256}" for array, sha256 in sorted(CATALOGUE[name].sha256.items())))
    if form := form_of(name):
        return _digest(name, *(f"{file} {_sha256(file)}" for file in form.files(name)))
    if is_vector_file(name):
        return _digest(vector_sha256(name))
    if not name.startswith(PREFIX):
        return _digest()
    if holds_images(name):
        # folders name the classes
        return _digest(*(f"{file} {_sha256(file)}" for file in image_files(name)))
    # the stop words are no code, and decide what is left of a user's documents
    stop_words = _sha256(Path(__file__).with_name("stopwords.txt"))
    # where a text lies decides its class and its part
    return _digest(*(f"{file} {_sha256(file)}" for file in corpus_files(name)), stop_words)


def is_function(name: str) -> bool:
    """Whether a user's function makes the arrays, or the words of a text: it may read anything when it is called."""
    if form_of(name) or not is_user_defined(name):
        return False
    return not name.startswith(PREFIX) or "tokenizer" in options_of(name)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _digest(*lines: str) -> str:
    return hashlib.sha256("\n".join(lines).encode(errors="surrogatepass")).hexdigest()[:12]


def code_of(name: str) -> tuple[str, ...]:
    """The modules whose code, with all that they import, makes a dataset's arrays; none for an unknown name."""
    if name in CATALOGUE:
        return (_HOME[name],)
    if form := form_of(name):
        return (form.module,)
    if is_vector_file(name):
        return (vector_file.__module__,)
    if name.startswith(PREFIX):
        if holds_images(name):
            return (image_files.__module__,)
        tokenizer = options_of(name).get("tokenizer", "").partition(":")[0]
        return (corpus_files.__module__, *([tokenizer] if tokenizer else []))
    module = entry_points().get(name, name if ":" in name else "").partition(":")[0]
    return (module,) if module else ()
