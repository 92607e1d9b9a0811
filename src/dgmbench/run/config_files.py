"""Configuration files: what they say, and in which line they say it.

YAML as people write it: a key that stands twice is a mistake, every key is text, ``1e-3`` is a number, ``1:30`` and
``2026-01-31`` are text. JSON is read too. Anchors and merge keys work; what they repeat is copied.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dgmbench.errors import UserError
from dgmbench.names import close_match
from dgmbench.run.checkout import DEFAULT, PRESETS, checkout, has_workflow
from dgmbench.run.overlay import overlay, settled

_DEEPEST = 50
_MOST = 100_000  # values of one file, which aliases may multiply
_TEMPLATE = "__use_yte__"  # a file with this key is filled in by the template engine of Snakemake


@dataclass(frozen=True)
class Configuration:
    """Configuration files laid over each other, see `dgmbench.run.overlay`.

    Attributes:
        content: plain mappings, lists, texts, numbers.
        files: as they are named in messages.
        places: file and line of each key, by its names from the top, joined by dots.
        with_left_out: the content as if nothing had been left out by ``false`` or by a list of names.
    """

    content: dict[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    with_left_out: Mapping[str, Any] = field(default_factory=dict)

    def located(self, message: str) -> str:
        """A message that begins with ``config`` and the names of a key, after the file and the line of that key."""
        end = len(message)
        while end > 0:
            key = message[:end].removeprefix("config.")
            if key in self.places:
                return f"{self.places[key]}: {message}"
            end = max(message.rfind(mark, 0, end) for mark in ".:")
        return f"{' and '.join(self.files)}: {message}" if self.files else message


def read_files(paths: Sequence[Path], last: Mapping[str, Any] | None = None, place: str = "--config") -> Configuration:
    """What configuration files say together.

    Args:
        last: what lies over them.
        place: where that stands, in words.

    Raises:
        UserError: a file is missing, is neither YAML nor JSON, or says something twice; with the file and the line.
    """
    content: dict[str, Any] = {}
    places: dict[str, str] = {}
    for path in paths:
        of_file, lines = _read(path)
        if _TEMPLATE in of_file:
            of_file = _filled_in(path)
        overlay(content, of_file)
        places |= {key: f"{shown(path)}, line {line}" for key, line in lines.items()}
    overlay(content, last or {})
    places |= dict.fromkeys(_keys(last or {}, ()), place)
    return Configuration(settled(content), tuple(map(shown, paths)), places, settled(content, with_left_out=True))


def _keys(content: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The keys of a configuration, and the names in its lists, each by the names from the top, joined by dots."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield ".".join((*path, key))
            yield from _keys(value, (*path, key))
    elif isinstance(content, list):
        yield from (".".join((*path, value)) for value in content if isinstance(value, str))


def command_line_values(value: Any) -> Any:
    """The values of ``--config KEY=VALUE``, of which Snakemake leaves most as text, read as those in files."""
    if isinstance(value, Mapping):
        return {key: command_line_values(below) for key, below in value.items()}
    if isinstance(value, list):
        return [command_line_values(below) for below in value]
    if not isinstance(value, str):
        return value
    return _Reading("--config", {}).scalar(yaml.ScalarNode("plain", value, yaml.Mark("", 0, 0, 0, "", 0)))


def shown(path: Path) -> str:
    """A file as messages name it: from the current folder where it lies in it."""
    return str(path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path)


def check_arguments(arguments: Sequence[str]) -> None:
    """End the process with one line where a configuration file among Snakemake's arguments cannot be read.

    Snakemake reads these files itself before it comes to the Snakefile, and ends with a traceback or names no file.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)  # --config is another option
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="extend", type=Path, default=[])
    for path in parser.parse_known_args(arguments)[0].configfile:
        try:
            _read(path)
        except UserError as error:
            raise SystemExit(f"dgmbench: error: {error}") from None


_WORDS = {word: truth for truth, words in ((True, "true yes on"), (False, "false no off")) for word in words.split()}
_PLAIN = {form: truth for word, truth in _WORDS.items() for form in (word, word.title(), word.upper())} | {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{f"{sign}.{form}": float(f"{sign}inf") for sign in ("", "+", "-") for form in ("inf", "Inf", "INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_WHOLE = re.compile(r"[-+]?(?:[0-9][0-9_]*|0x[0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*|0b[01_]*[01][01_]*)")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_YAML = "tag:yaml.org,2002:"
_TAGS = {"plain", *(_YAML + kind for kind in ("str", "int", "float", "bool", "null", "map", "seq"))}


_ADVICE = {
    r"'\t'": "; indent with spaces, not with a tab",
    "another document": "; write each into a file of its own, without lines of ---",
}
"""By a part of what the YAML library says, what to do."""


class _Loader(yaml.BaseLoader):
    """Leaves what is not in quotes to `_Reading`."""


_Loader.add_implicit_resolver("plain", re.compile(""), None)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """What a file says, and the line of each key, by its names from the top, joined by dots."""
    text = _text(path)
    try:
        node = yaml.compose(_without_tabs(text), Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{shown(path)}, line {mark.line + 1}" if mark else shown(path)
        words = " ".join(filter(None, [error.context, error.problem]))
        advice = next((what for part, what in _ADVICE.items() if part in words), "")
        raise UserError(f"{place}: this is not valid YAML: {' '.join(words.split())}{advice}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(f"{shown(path)}, line {line}: a control character, {error.character!r}") from None
    except RecursionError:
        raise UserError(f"{shown(path)}: nested more than {_DEEPEST} levels deep") from None
    if not isinstance(node, yaml.MappingNode):
        found = "this file says nothing" if node is None else "give keys at the top"
        raise UserError(f"{shown(path)}: a configuration is a mapping of keys to values; {found}")
    lines: dict[str, int] = {}
    return _Reading(shown(path), lines).mapping(node, ()), lines


def _filled_in(path: Path) -> dict[str, Any]:
    import yte

    try:
        filled_in = yte.process_yaml(_text(path), require_use_yte=True)
    except Exception as error:  # the template's own code may raise anything
        raise UserError(f"{shown(path)}: this template cannot be filled in: {' '.join(str(error).split())}") from error
    if not isinstance(filled_in, dict):
        raise UserError(f"{shown(path)}: this template does not become a mapping of keys to values")
    return filled_in


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        presets = [each.stem for each in PRESETS.glob("*.yaml")]
        close = close_match(path.stem, presets)
        advice = f"; did you mean {PRESETS / close}.yaml?" if close else ""
        if path == DEFAULT and not has_workflow():
            advice = f"; change to {checkout()}"
        raise UserError(f"no configuration file {path}{advice}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{shown(path)}, line {line}: this is not UTF-8; save the file as UTF-8") from None


def _without_tabs(text: str) -> str:
    """JSON may be indented with tabs, YAML may not; within the texts of JSON there are none."""
    if "\t" in text and text.lstrip().startswith("{"):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return text
        return text.replace("\t", " ")
    return text


def _is_merge(key: yaml.Node) -> bool:
    return key.tag == "plain" and key.value == "<<"


class _Reading:
    """From the nodes of one file to plain values."""

    def __init__(self, file: str, lines: dict[str, int]) -> None:
        self.file, self.lines, self.values = file, lines, 0

    def mapping(self, node: yaml.MappingNode, path: tuple[str, ...]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                for below in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    if not isinstance(below, yaml.MappingNode):
                        raise self.mistake(key_node, "<< takes a mapping, or a list of mappings")
                    content = self.value(below, path) | content
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                continue
            key, line = self.key(key_node), key_node.start_mark.line + 1
            if key in first:
                raise self.mistake(key_node, f"{key!r} stands twice, first in line {first[key]}")
            first[key] = self.lines[".".join((*path, key))] = line
            content[key] = self.value(value_node, (*path, key))
        return content

    def key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.mistake(node, "a key is text, not a list or a mapping; put it in quotes")
        text = self.characters(node)
        if not text:
            raise self.mistake(node, "a key is missing before the colon")
        return text

    def value(self, node: yaml.Node, path: tuple[str, ...]) -> Any:
        self.values += 1
        if self.values > _MOST:
            raise self.mistake(node, f"more than {_MOST} values; does an alias multiply them?")
        if len(path) > _DEEPEST:
            raise self.mistake(node, f"nested more than {_DEEPEST} levels deep")
        if node.tag not in _TAGS:
            raise self.mistake(node, f"the tag {node.tag!r} means nothing here")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return list(self.items(node, path))
        return self.scalar(node)

    def items(self, node: yaml.SequenceNode, path: tuple[str, ...]) -> Iterator[Any]:
        for below in node.value:
            if isinstance(below, yaml.ScalarNode):
                self.lines[".".join((*path, below.value))] = below.start_mark.line + 1
                yield self.value(below, path)
            else:
                yield self.value(below, (*path, ""))

    def scalar(self, node: yaml.Node) -> Any:
        text = self.characters(node)
        if node.tag == _YAML + "str":
            return text
        if text in _PLAIN:
            return _PLAIN[text]
        digits = text.replace("_", "")
        if not _WHOLE.fullmatch(text):
            return float(digits) if _NUMBER.fullmatch(text) else text
        plain = digits.lstrip("+-")
        if plain.isdigit() and plain.startswith("0") and plain.strip("0"):
            raise self.mistake(node, f"{text} is octal to some and decimal to others; write it without the leading 0")
        try:
            return int(digits, 10 if plain.isdigit() else 0)
        except ValueError:
            raise self.mistake(node, f"a number of {len(digits)} digits") from None

    def characters(self, node: yaml.Node) -> str:
        try:
            # JSON writes a character beyond the first 65,536 as a pair of escapes
            text = str(node.value).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise self.mistake(node, "half of a pair of escapes: this is no character") from None
        if "\0" in text:
            raise self.mistake(node, "a text with the character of code 0, which no command can be given")
        return text

    def mistake(self, node: yaml.Node, words: str) -> UserError:
        return UserError(f"{self.file}, line {node.start_mark.line + 1}: {words}")
