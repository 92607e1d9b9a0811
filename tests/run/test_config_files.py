"""Configuration files of any shape: what they say, or one line with the file and the line where they do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dgmbench.errors import UserError
from dgmbench.run.config import plan_of
from dgmbench.run.config_files import check_arguments, read_files
from dgmbench.tasks import all_tasks

RUN = "density: {datasets: [mnist], models: [vae]}\n"


def read(folder: Path, *contents: str | bytes, suffix: str = "yaml") -> dict[str, Any]:
    paths = [folder / f"{name}.{suffix}" for name, _ in zip("abcd", contents, strict=False)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_files(paths).content


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-2E5", -2e5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1_000", 1000),
        ("0x10", 16),
        ("0b11", 3),
        ("0", 0),
        ("-0", 0),
        ("1:30", "1:30"),
        ("1:30.5", "1:30.5"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31 10:00:00", "2026-01-31 10:00:00"),
        ("0.10", 0.1),
        (".inf", float("inf")),
        ("yes", True),
        ("off", False),
        ("TRUE", True),
        ("~", None),
        ("", None),
        ("'yes'", "yes"),
        ('"1e-3"', "1e-3"),
        ("!!str 2024", "2024"),
        ("!!float 3e0", 3.0),
        ("1e", "1e"),
        ("=", "="),
        ("{x: [1, no, a b]}", {"x": [1, False, "a b"]}),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: Any, here: Path) -> None:
    read_value = read(here, f"key: {text}\n")["key"]
    assert (read_value, type(read_value)) == (value, type(value))


@pytest.mark.parametrize(
    "key", ["2024", "on", "no", "1e-3", "2026-01-31", "1:30", "010", "null", "{{x}}", "a b", "it's"]
)
def test_a_key_is_the_text_that_stands_there(key: str, here: Path) -> None:
    assert read(here, f"{key!r}: 1\n") == {key: 1}
    if not key.startswith("{"):
        assert read(here, f"{key}: 1\n") == {key: 1}


def multiplied(opening: str, inner: str, closing: str) -> str:
    """Forty lines that stand for 2 ** 40 values: each names the one before it more than once."""
    lines = [f"a{n}: &a{n} {opening}{inner.replace('*a', f'*a{n - 1}')}{closing}\n" for n in range(1, 40)]
    return "".join(["a0: &a0 {x: 1}\n", *lines])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"preset: caf\xe9\n", "a.yaml, line 1: this is not UTF-8; save the file as UTF-8"),
        ("a: 1\n".encode("utf-16"), "a.yaml, line 1: this is not UTF-8; save the file as UTF-8"),
        (b"a: 1\nb: \xff\n", "a.yaml, line 2: this is not UTF-8; save the file as UTF-8"),
        ("a: 1\nb: 2\na: 3\n", "a.yaml, line 3: 'a' stands twice, first in line 1"),
        ("a:\n  b: {c: 1, 'c': 2}\n", "a.yaml, line 2: 'c' stands twice, first in line 2"),
        ("true: 1\n'true': 2\n", "a.yaml, line 2: 'true' stands twice, first in line 1"),
        ('{"a": 1,\n "a": 2}', "a.yaml, line 2: 'a' stands twice, first in line 1"),
        ("", "a.yaml: a configuration is a mapping of keys to values; this file says nothing"),
        ("# nothing\n", "a.yaml: a configuration is a mapping of keys to values; this file says nothing"),
        ("3\n", "a.yaml: a configuration is a mapping of keys to values; give keys at the top"),
        ("- a: 1\n", "a.yaml: a configuration is a mapping of keys to values; give keys at the top"),
        (
            "a: 1\n---\nb: 2\n",
            "a.yaml, line 2: this is not valid YAML: expected a single document in the stream but found another "
            "document; write each into a file of its own, without lines of ---",
        ),
        (
            "a:\n\tb: 1\n",
            "a.yaml, line 2: this is not valid YAML: while scanning for the next token found character '\\t' that "
            "cannot start any token; indent with spaces, not with a tab",
        ),
        ("a: [\n", "a.yaml, line 2: this is not valid YAML: while parsing a flow node"),
        ("a: *none\n", "a.yaml, line 1: this is not valid YAML: found undefined alias 'none'"),
        ("a: b: c\n", "a.yaml, line 1: this is not valid YAML: mapping values are not allowed here"),
        ("a: 1\nb: \x01\n", "a.yaml, line 2: a control character"),
        ("a: 1\n{x}: 2\n", "a.yaml, line 2: a key is text, not a list or a mapping; put it in quotes"),
        ("a: 1\n'': 2\n", "a.yaml, line 2: a key is missing before the colon"),
        ("a: 1\nb: 010\n", "a.yaml, line 2: 010 is octal to some and decimal to others; write it without"),
        ("a: 1\nb: [08]\n", "a.yaml, line 2: 08 is octal to some and decimal to others; write it without the"),
        ("a: !!python/name:os.system\n", "a.yaml, line 1: the tag 'tag:yaml.org,2002:python/name:os.system' means"),
        ("a: !!binary aGk=\n", "a.yaml, line 1: the tag 'tag:yaml.org,2002:binary' means nothing here"),
        ("a: 1\n<<: 3\n", "a.yaml, line 2: << takes a mapping, or a list of mappings"),
        ('a: "\\0"\n', "a.yaml, line 1: a text with the character of code 0, which no command can be given"),
        ('a: "\\ud800"\n', "a.yaml, line 1: half of a pair of escapes: this is no character"),
        (f"a: {'9' * 5000}\n", "a.yaml, line 1: a number of 5000 digits"),
        ("a: &a [*a]\n", "a.yaml, line 1: nested more than 50 levels deep"),
        ("a: " + "[" * 60 + "]" * 60, "a.yaml, line 1: nested more than 50 levels deep"),
        ("a: " + "[" * 5000, "a.yaml: nested more than 50 levels deep"),
        (multiplied("[", "*a, *a, *a", "]"), "a.yaml, line "),
        (multiplied("{", "x: *a, y: *a", "}"), "a.yaml, line "),
        ("a: 1\n__use_yte__: true\n?nothing: 3\n", "a.yaml: this template cannot be filled in: "),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_file_and_line(content: str | bytes, line: str, here: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(here, content)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
    (here / "a.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    if "__use_yte__" not in str(content):
        # what snakemake is given is checked before it reads it
        with pytest.raises(SystemExit, match=r"^dgmbench: error: a\.yaml"):
            check_arguments(["--cores", "2", "--configfile", "a.yaml", "--dry-run"])


def test_anchors_and_merge_keys_are_copies(here: Path) -> None:
    text = "a: &a {x: 1, y: {z: 2}}\nb: {y: {z: 3}, <<: *a}\nc: {<<: [{x: 7}, *a], w: 4}\nd: *a\n"
    content = read(here, text, "a: {y: {z: 9}}\n")
    assert content["a"] == {"x": 1, "y": {"z": 9}}
    assert content["b"] == {"x": 1, "y": {"z": 3}}
    assert content["c"] == {"x": 7, "y": {"z": 2}, "w": 4}
    assert content["d"] == {"x": 1, "y": {"z": 2}}, "the overlay changed what another place says"


@pytest.mark.parametrize("indent", [None, 1, "\t"])
@pytest.mark.parametrize("text", ["é😀", "a\tb\nc", "{x}", "it's \"", "\\/", "", "1e-3", "yes", "<<", "a: b # c"])
def test_json_is_read_as_it_was_written(text: str, indent: Any, here: Path) -> None:
    config = {text or "key": [text, 1e-7, 10**20, True, None, {"x": text}], "a": 1e22}
    for ascii_only in (True, False):
        written = json.dumps(config, indent=indent, ensure_ascii=ascii_only)
        assert read(here, written, suffix="json") == config


def test_a_template_is_filled_in_as_snakemake_does(here: Path) -> None:
    text = "__use_yte__: true\nseeds: ?list(range(3))\nb:\n  ?if False:\n    c: 1\n  ?else:\n    d: 2\n"
    assert read(here, text) == {"seeds": [0, 1, 2], "b": {"d": 2}}
    assert read(here, "__use_yte__: false\na: 1\n") == {"a": 1}


@pytest.mark.parametrize(
    ("above", "line"),
    [
        ("density:\n  models:\n    vea:\n", "b.yaml, line 3: config.density.models.vea: unknown model 'vea'; did you"),
        ("density:\n  models:\n    - vae\n    - vea\n", "b.yaml, line 4: config.density.models.vea: unknown model"),
        ("density:\n  models:\n    - vae: {k: 3}\n", "b.yaml, line 2: config.density.models: a list holds names alone"),
        ("density:\n  models: [yes]\n", "b.yaml, line 2: config.density.models: True is no name; put it in quotes"),
        ("density:\n  models:\n    -\n", "b.yaml, line 2: config.density.models: a name is missing after the dash"),
        ("\ndensity:\n  modls: [vae]\n", "b.yaml, line 3: config.density.modls: unknown key 'modls'; did"),
        ("2024: 1\n", "b.yaml, line 1: config.2024: unknown key '2024'; known: "),
        ("seed: [1]\n", "b.yaml, line 1: config.seed: unknown key 'seed'; did you mean 'seeds'?"),
        ("seeds:\n- 1\n- 1:30\n", "b.yaml, line 1: config.seeds: [1, '1:30'] is not a list of whole numbers "),
        ("density:\n  settings:\n    epochs: 0\n", "b.yaml, line 3: config.density.settings.epochs: 0 is too small"),
        ("density:\n  settings:\n    epoch: 1\n", "b.yaml, line 3: config.density.settings.epoch: unknown"),
        ("density:\n  models:\n    vae:\n      options:\n        h: 1\n", "b.yaml, line 5: config.density.models.v"),
        ("density:\n  settings:\n    options:\n      h: 1\n", "b.yaml, line 4: config.density.settings.opti"),
        ("density:\n  models:\n    m:\n      factory: no_mod:M\n", "b.yaml, line 3: config.density.models.m: no_mod"),
        ("density:\n  datasets:\n    'file:no.csv':\n", "b.yaml, line 3: config.density.datasets.file:no.csv: "),
        ("preset: 2024\n", "b.yaml, line 1: config.preset: 2024 is not text; put it in quotes if it is the name"),
        ("density: no\n", "a.yaml and b.yaml: config: no runs; give "),
    ],
)  # fmt: skip
def test_a_mistake_in_what_is_asked_for_names_the_line_of_its_key(above: str, line: str, here: Path) -> None:
    (here / "a.yaml").write_text(RUN)
    (here / "b.yaml").write_text(above)
    with pytest.raises(UserError) as caught:
        plan_of(read_files([here / "a.yaml", here / "b.yaml"]), all_tasks())
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("preset", "why"),
    [
        ("", "it is empty"),
        ("../a", "'/' is in it"),
        ("{x}", "'{' is in it"),
        ("a\nb", "'\\n' is in it"),
        ("a\x07", "'\\x07' is in it"),
        ("\ud800", "'\\ud800' is in it"),
        (".a", "it begins with a dot"),
        ("a ", "it begins or ends with a space"),
        ("ä" * 101, "it is longer than 200 bytes"),
        ("reference", "the published runs are kept there"),
    ],
)
def test_a_preset_that_cannot_be_a_folder_is_refused(preset: str, why: str) -> None:
    from dgmbench.run.config import read_plan

    with pytest.raises(UserError) as caught:
        read_plan({"preset": preset}, all_tasks())
    assert str(caught.value).endswith(f"cannot name the folder of the results: {why}; choose another name")
