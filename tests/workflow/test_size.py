"""Planning takes time in proportion to the number of runs: counted in function calls and in the length of patterns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
COUNTED = """
import cProfile, json, pstats, re, sys
from snakemake.cli import main

longest, compile_pattern = 0, re._compile


def counted(pattern, flags):
    global longest
    longest = max(longest, len(getattr(pattern, "pattern", pattern)))
    return compile_pattern(pattern, flags)


re._compile = counted
profile = cProfile.Profile()
try:
    profile.runcall(main, sys.argv[1:])
except SystemExit as end:
    assert not end.code
print(json.dumps([pstats.Stats(profile).total_calls, longest]), file=sys.stderr)
"""


def planned(folder: Path, n_runs: int) -> tuple[int, int]:
    """Function calls of a dry run, and the length of the longest pattern."""
    section = {"datasets": ["ocr-letters"], "models": ["vae"], "settings": {"epochs": 1}}
    (folder / "plan.json").write_text(json.dumps({"seeds": list(range(n_runs)), "density": section}))
    options = ["--dry-run", "--quiet", "all", "--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", "plan.json"]
    done = subprocess.run(
        [sys.executable, "-c", COUNTED, *options, "--cores", "2"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    calls, longest = json.loads(done.stderr.splitlines()[-1])
    return calls, longest


def test_twice_as_many_runs_are_twice_as_much_work(tmp_path: Path) -> None:
    few, more, most = (planned(tmp_path, n_runs) for n_runs in (25, 50, 100))
    assert most[0] - more[0] < 2.2 * (more[0] - few[0])
    assert most[1] == more[1] == few[1]
