"""Several processes that train one model: real ones, on the CPU, connected by gloo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import shared_work
import torch

from dgmbench.errors import UserError
from dgmbench.stages.processes import run_processes


@pytest.mark.parametrize("with_scale", [False, True])
def test_shared_batch_norm_is_that_of_all_rows(with_scale: bool) -> None:
    assert run_processes(shared_work.batch_norm_gap, 3, with_scale) < 1e-12


def test_a_row_has_the_noise_that_it_has_in_a_single_process() -> None:
    alone = torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(5))
    assert torch.equal(run_processes(shared_work.noise_of_all_rows, 2), alone)


def test_a_mistake_in_one_process_ends_all_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^no such thing; give another$"):
        run_processes(shared_work.one_makes_a_mistake, 2)


def test_a_killed_process_ends_all_and_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"process 1 of 2 was killed by SIGKILL; was there enough memory\?"):
        run_processes(shared_work.one_is_killed, 2)


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
if __name__ == "__main__":
    import shared_work
    from dgmbench.stages.processes import run_processes
    run_processes(shared_work.tell_number_and_stay, 2)
""")
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    try:
        children = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
    finally:
        parent.kill()
        parent.wait(timeout=30)
    alive = psutil.wait_procs(children, timeout=30)[1]
    for process in alive:
        process.kill()
    assert not alive
