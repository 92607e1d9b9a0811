"""How the workflow's plan grows with the number of runs: processor seconds and memory of ``snakemake --dry-run``.

python benchmarks/plan_size.py 100 300 1000 3000
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def measure(n_runs: int) -> tuple[float, float, float]:
    """Processor seconds, seconds and megabytes of planning this many runs that differ in their seeds."""
    section = {"datasets": ["ocr-letters"], "models": ["vae"]}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "plan.json").write_text(json.dumps({"seeds": list(range(n_runs)), "density": section}))
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "all", "--cores", "2"]
        command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", "plan.json"]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return processor, time.perf_counter() - start, after.ru_maxrss / 1024


def main() -> None:
    """Print a line for each number of runs, the smallest first: the memory is that of the largest so far."""
    print("runs  processor s  s  MB")
    for n_runs in sorted(map(int, sys.argv[1:])) or [100, 300, 1000, 3000]:
        processor, seconds, megabytes = measure(n_runs)
        print(f"{n_runs:5}  {processor:.1f}  {seconds:.1f}  {megabytes:.0f}", flush=True)


if __name__ == "__main__":
    main()
