"""Text of a configuration, and the paths of a checkout, reach no shell and no formatter, and work as they stand."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
STRANGE = 'it\'s {x} $(touch stolen) `touch stolen`; "two"  words'
DOCUMENTS = "text,label\n" + "".join(f"{'good fine' if n % 2 else 'bad awful'} dog,{n % 2}\n" for n in range(40))
METHOD = """
import numpy as np

class Words:
    def __init__(self, note="", table=None):
        assert note == NOTE and table == {NOTE: [NOTE]}, (note, table)

    def fit(self, corpus, labels):
        return self

    def transform(self, corpus):
        return np.array([[len(corpus.document(i)), 1.0] for i in range(len(corpus))])
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The workflow in a folder whose name is no plain word."""
    folder = tmp_path / f"a checkout of {STRANGE.replace('/', '')}"
    folder.mkdir()
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "workflow", folder / "workflow")
    (folder / "profiles").symlink_to("workflow/profiles")
    return folder


@pytest.mark.network
def test_a_workflow_of_strange_names_in_a_strange_folder_runs(checkout: Path) -> None:
    preset = STRANGE.replace("{x}", "x")
    (checkout / f"{STRANGE}.csv").write_text(DOCUMENTS)
    (checkout / "words.py").write_text(METHOD.replace("NOTE", repr(STRANGE)))
    method = {"factory": "words:Words", "options": {"note": STRANGE, "table": {STRANGE: [STRANGE]}}}
    section = {"corpora": [f"file:{STRANGE}.csv"], "methods": {STRANGE: method}}
    config = {"preset": preset, "tracking": False, "density": False, "classification": section}
    (checkout / f"{STRANGE}.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--replace-workflow-config", "--configfile"]
    environment = os.environ | {"STRANGE": STRANGE, "DGMBENCH_NOTE": STRANGE}
    done = subprocess.run(
        [*command, f"{STRANGE}.json"], cwd=checkout, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = checkout / "results" / preset
    assert json.loads((results / "config.json").read_text()) == config
    with (results / "tables/classification.csv").open(newline="") as file:
        cells = {(line["corpus"], line["method"]): line["status"] for line in csv.DictReader(file)}
    assert cells[f"file:{STRANGE}.csv", STRANGE] == "ok", cells
    assert not [*checkout.rglob("stolen"), *checkout.parent.glob("stolen")]
    assert not Path("stolen").exists()
