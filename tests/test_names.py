"""Names of files: one name, one file, whatever file system they lie on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dgmbench
from dgmbench.errors import UserError
from dgmbench.names import file_name, load_object, slug

ALIKE = [
    "file:数据.csv",
    "file:文本.csv",
    "数据",
    "file:a/b.csv",
    "file:a-b.csv",
    "file:A.csv",
    "file:a.csv",
    "mnist",
    "MNIST",
    "Mnist",
    "mnist.",
    ".",
    "..",
    "",
    "unnamed",
    f"file:{'x' * 400}.csv",
    f"file:{'x' * 401}.csv",
    "x" * 60,
    "x" * 61,
    "file:undecodable\udcff.csv",
]


@given(st.text())
def test_a_slug_is_one_file_name(name: str) -> None:
    assert "/" not in slug(name)
    assert not slug(name).startswith(".")
    assert 0 < len(slug(name)) <= 60
    assert slug(slug(name)) == slug(name)


@given(st.text(), st.text())
def test_two_names_never_share_a_file(one: str, other: str) -> None:
    assert (file_name(one).casefold() == file_name(other).casefold()) == (one == other)
    assert "/" not in file_name(one)


@pytest.mark.parametrize("name", ALIKE)
def test_names_that_read_alike_have_files_of_their_own(name: str, tmp_path: Path) -> None:
    found = file_name(name)
    assert found.casefold() not in {file_name(other).casefold() for other in ALIKE if other != name}
    assert found.isascii() and not found.startswith(".")
    (tmp_path / f".{found}.json.12345678.part").touch()  # as long as a file of that name gets


def test_no_file_is_named_by_a_slug_alone() -> None:
    """A run's id has a hash beside it; everything else takes `file_name`."""
    source = Path(dgmbench.__file__).parent
    uses = {str(path.relative_to(source)) for path in source.rglob("*.py") if re.search(r"\bslug\(", path.read_text())}
    assert uses == {"names.py", "run/spec.py"}


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import json; json.loads('{')", "JSONDecodeError: Expecting property name"),
        ("open('/no/such/file.csv')", "FileNotFoundError: .*file.csv"),
        ("import math; math.nothing", "AttributeError: module 'math' has no attribute 'nothing'"),
        ("raise SystemExit('usage: module FILE')", "SystemExit: usage: module FILE"),
        ("def (", "SyntaxError: invalid syntax"),
        ("assert False, 'two\\nlines'", "AssertionError: two lines"),
    ],
)
def test_a_module_that_fails_when_it_is_imported_is_one_line(
    code: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fails_at_import.py").write_text(f"{code}\n")
    with pytest.raises(
        UserError, match=rf"^fails_at_import:f: module 'fails_at_import' cannot be imported: {complaint}"
    ):
        load_object("fails_at_import:f")


def test_a_name_of_no_module_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^\.x:f: module '\.x' cannot be imported: TypeError"):
        load_object(".x:f")
