"""The catalogue: each dataset is one file that keeps the contract, and no import in data leads back."""

from __future__ import annotations

import ast
import graphlib
import re
from pathlib import Path

import pytest

import dgmbench.data as data
from dgmbench.data.catalogue import CATALOGUE, code_of, find_dataset, identity, known_datasets, require_dataset
from dgmbench.data.dataset import Dataset
from dgmbench.data.points import Seed
from dgmbench.errors import UserError

FOLDER = Path(data.__file__).parent
FILES = sorted(path.stem for path in (FOLDER / "datasets").glob("[!_]*.py"))
SHA256 = re.compile(r"[0-9a-f]{64}")
BELOW = ("dgmbench.errors", "dgmbench.files", "dgmbench.names")


def test_each_file_holds_datasets_that_the_catalogue_finds():
    assert {module.rpartition(".")[2] for name in CATALOGUE for module in code_of(name)} == set(FILES)
    for name in CATALOGUE:
        assert find_dataset(name).name == name
        assert name in known_datasets(CATALOGUE[name].kind)


@pytest.mark.parametrize("dataset", CATALOGUE.values(), ids=lambda dataset: dataset.name)
def test_a_dataset_keeps_the_contract(dataset: Dataset):
    assert dataset.kind in ("images", "corpus", "embeddings", "points")
    assert dataset.about and dataset.citation and dataset.origins
    pins = [pin for origin in dataset.origins for pin in pins_of(origin.source)]
    assert all(SHA256.fullmatch(pin) for pin in (*filter(None, pins), *dataset.sha256.values()))
    # a file may come without a checksum where the arrays have theirs, and the other way round
    assert all(pins) or dataset.sha256
    labels = [origin.source.label for origin in dataset.origins]
    assert len(set(labels)) == len(labels)


def pins_of(source) -> list[str | None]:
    if isinstance(source, Seed):  # nothing is fetched
        return []
    return [file.sha256 for file in source.files] if hasattr(source, "files") else [source.sha256]


def test_identities_differ():
    assert len({identity(name) for name in CATALOGUE}) == len(CATALOGUE)


def test_the_identity_of_files_follows_their_content(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,b\n")
    before = identity(f"file:{path}")
    assert identity(f"file:{path}") == before
    path.write_text("text,label\na,c\n")
    assert identity(f"file:{path}") != before


@pytest.mark.parametrize("change", ["content", "class", "part", "removed", "added", "renamed"])
def test_the_identity_of_a_folder_is_content_and_place(change, tmp_path):
    """A text that moves to another class or part is other data, though no text has changed."""
    for place in ("train/good/1", "train/good/2", "train/poor/1", "test/good/3", "test/poor/4"):
        path = tmp_path / f"{place}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text {place[-1]}")
    before = identity(f"file:{tmp_path}")
    assert identity(f"file:{tmp_path}") == before
    match change:
        case "content":
            (tmp_path / "train/good/1.txt").write_text("text 9")
        case "class":
            (tmp_path / "train/good").rename(tmp_path / "train/happy")
        case "part":
            (tmp_path / "train/good/1.txt").rename(tmp_path / "test/good/1.txt")
        case "removed":
            (tmp_path / "train/good/1.txt").unlink()
        case "added":
            (tmp_path / "train/good/0.txt").write_text("")
        case "renamed":
            (tmp_path / "train/good/1.txt").rename(tmp_path / "train/good/5.txt")
    assert identity(f"file:{tmp_path}") != before


def test_the_code_of_a_dataset_is_its_module():
    assert code_of("mymodule:make") == ("mymodule",)
    assert code_of("file:reviews.csv") == ("dgmbench.data.user_files",)
    assert code_of("file:reviews.csv?tokenizer=my_words:cut") == ("dgmbench.data.user_files", "my_words")
    assert code_of("unknown") == ()


@pytest.mark.parametrize(
    ("name", "kind", "complaint"),
    [
        ("mnits", "images", "config.here: unknown dataset 'mnits'; did you mean 'mnist'"),
        ("mnist", "corpus", "config.here: 'mnist' is of kind images, not corpus; known: 20news, "),
        ("file:nowhere.csv", "corpus", "config.here: file:nowhere.csv: no file or folder nowhere.csv"),
        ("nomodule:make", "images", "config.here: nomodule:make: no module 'nomodule'"),
        ("nomodule:make", "embeddings", "config.here: unknown dataset 'nomodule:make'"),
    ],
)
def test_an_unknown_dataset_is_said_with_its_place(name, kind, complaint):
    with pytest.raises(UserError) as caught:
        require_dataset(name, kind, "config.here")
    assert str(caught.value).startswith(complaint)


def imports_of(path: Path, modules: set[str]) -> set[str]:
    """The modules of this package that a file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module
            names = {f"{node.module}.{alias.name}" for alias in node.names} & modules
            found |= names or {node.module}
    return {name for name in found if name.partition(".")[0] == "dgmbench"}


def test_no_import_in_data_leads_back_or_up():
    files = {".".join(("dgmbench.data", *p.relative_to(FOLDER).with_suffix("").parts)): p for p in FOLDER.rglob("*.py")}
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    graph = {name: imports_of(path, set(files)) for name, path in files.items()}
    # the catalogue imports by name what lies in the folder
    graph["dgmbench.data.catalogue"] |= {f"dgmbench.data.datasets.{stem}" for stem in FILES}
    assert {name for imported in graph.values() for name in imported} - files.keys() <= set(BELOW)
    graphlib.TopologicalSorter(graph).prepare()
