"""Whatever a configuration file holds, the answer is a plan or one line that names the file."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from dgmbench.errors import UserError
from dgmbench.run.config import plan_of
from dgmbench.run.config_files import read_files
from dgmbench.tasks import all_tasks

REPOSITORY = Path(__file__).parents[2]
MORE = {"vae:": "vae: {options: {hidden: [500, 500]}, seeds: [1, 2]}", "bow:": "bow: {factory: 'math:floor'}"}
WORDS = r"""
    no off yes ~ null 1e-3 010 0x10 1:30 2026-01-31 .nan .inf -1 0 1e999 99999999999999999999 3.0 "" '' 'it''s' "\\0"
    [] {} [[]] {a: b} [1] [{vae: }] {{x}} &a *a <<: !!str !!set !x | > - -- --- ... # % @ ` : :: a:b mnist:x
    file: file:x glove-50d vae epochs: options: seeds: settings: models: datasets: analysis: factory: density:
    classification: preset: threads: false true é 😀 __use_yte__:
""".split()  # noqa: SIM905, shorter than a list
WORDS += ["\ud800", "\x00", "\x07", "\t", "\r", "\u2028", "\ufeff", " ", "    ", ""]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 7, 10**30, 1e-3, 1e300, float("nan"), float("inf"), "", "x", "a b", "it's", "{x}"),
    *("no", "1e-3", "\ud800", "\x00", ".", "a:b", "a.b:c", "math:floor", "file:", "file:x?y", "x" * 300),
    *([], {}, [[]], [None], [1, 1], ["vae", "vae"], [{}], [True], {"": 1}, {"a": {}}, {"options": {"a": [None]}}),
    *({"seeds": []}, {"seeds": [2**32]}, {"factory": "x"}, {"epochs": "1e1"}, {"options": []}, {"k": 1e400}),
]


@cache
def text() -> str:
    """A configuration with one of everything."""
    lines = (REPOSITORY / "config.yaml").read_text(encoding="utf-8")
    for word, more in MORE.items():
        lines = lines.replace(f"    {word}\n", f"    {more}\n")
    return lines


@cache
def values() -> str:
    """The same as JSON."""
    return json.dumps(yaml.safe_load(text()))


def mutated_text(random_: random.Random, lines: str) -> bytes:
    """Words, lines and bytes left out, doubled, moved or replaced."""
    for _ in range(random_.choice([1, 1, 1, 2, 4])):
        rows = lines.split("\n")
        row = random_.randrange(len(rows))
        start = random_.randrange(len(rows[row]) + 1)
        match random_.randrange(8):
            case 0:
                del rows[row]
            case 1:
                rows.insert(random_.randrange(len(rows)), rows[row])
            case 2:
                rows[row] = random_.choice(["", " ", "  ", "    ", "\t", "- "]) + rows[row].lstrip()
            case 3 | 4:
                rows[row] = rows[row][:start] + random_.choice(WORDS) + rows[row][start:]
            case 5:
                key, colon, _value = rows[row].partition(":")
                rows[row] = f"{key}{colon} {random_.choice(WORDS)}"
            case 6:
                rows[row] = rows[row][:start] + rows[row][start + random_.randrange(4) :]
            case 7:
                rows = rows[: row + 1]
        lines = "\n".join(rows)
    data = lines.encode("utf-8", "surrogatepass")
    if random_.random() < 0.05:
        where = random_.randrange(len(data) + 1)
        data = data[:where] + bytes([random_.randrange(256)]) + data[where:]
    return lines.encode("utf-16", "surrogatepass") if random_.random() < 0.01 else data


def mutated_values(random_: random.Random, written: str) -> bytes:
    """Values of the configuration replaced, left out or put under another key; written as JSON."""
    content = json.loads(written)
    for _ in range(random_.choice([1, 1, 2, 3])):
        place: dict[str, Any] = {"": content}
        key = ""
        while isinstance(place[key], dict) and place[key] and random_.random() < 0.8:
            place = place[key]
            key = random_.choice(list(place))
        if random_.random() < 0.2:
            place[str(random_.choice(VALUES))] = place[key]
        place[key] = random_.choice(VALUES)
    return json.dumps(content, ensure_ascii=random_.random() < 0.9).encode("utf-8", "surrogatepass")


def answer(path: Path) -> str:
    """The line of the mistake, or none."""
    try:
        plan = plan_of(read_files([path]), all_tasks())
    except UserError as error:
        return str(error)
    assert plan.runs
    for run in plan.runs:
        assert all(part.isprintable() for part in (run.run_id, run.to_arguments()))
    return ""


def check(seed: int, path: Path) -> str:
    """One configuration drawn with this seed."""
    random_ = random.Random(seed)
    path.write_bytes(mutated_text(random_, text()) if seed % 2 else mutated_values(random_, values()))
    line = answer(path)
    assert "\n" not in line
    assert not line or path.name in line, line
    return line


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_the_answer_is_a_plan_or_one_line(first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [check(seed, tmp_path / "drawn.yaml") for seed in range(first, first + 50)]
    assert 3 < lines.count("") < 47, "most draws are one kind of answer only"
