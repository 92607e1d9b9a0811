"""Damaged files of every format: a result or an error that the caller expects, never a crash, a hang or lost memory."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from dgmbench.data.dataset import Dataset, Origin
from dgmbench.data.download.store import stored
from tests.data import fuzz
from tests.data.test_store import Given


def test_every_parser_takes_damaged_files():
    command = [sys.executable, "-m", "tests.data.fuzz", str(40 * len(fuzz.PARSERS)), "2016"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ)
    assert done.returncode == 0, done.stderr[-2000:] or f"the process ended with {done.returncode}"
    assert done.stdout.startswith(f"{40 * len(fuzz.PARSERS)} cases")


def test_mutations_are_many_and_the_same_for_a_seed():
    import random

    content = bytes(range(100))
    made = [fuzz.mutate(content, random.Random(seed)) for seed in range(300)]
    assert made == [fuzz.mutate(content, random.Random(seed)) for seed in range(300)]
    assert len(set(made)) > 250


OF_USERS = ("vectors", "vectors.gz", "bags", "bags.gz")  # their files have one source
NAMES = [name for name in fuzz.PARSERS if name not in OF_USERS]


@pytest.mark.parametrize("name", NAMES)
def test_after_a_damaged_file_the_next_source_is_asked(name, cache, caplog):
    parse, content = fuzz.PARSERS[name]

    def parse_first(files):
        parse(content[: len(content) // 3])
        raise ValueError("read to the end")  # some formats have no end

    def parse_second(files):
        return {"a": np.zeros(3)}

    origins = (Origin(Given("first", b"x"), parse_first), Origin(Given("second", b"y"), parse_second))
    manifest, _ = stored(Dataset("damaged", "images", "", "", origins, dict))
    assert manifest["source"] == "second"
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("damaged: first failed: cannot be read: ")
    assert "\n" not in line
