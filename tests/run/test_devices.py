"""GPU slots, on a machine that need not have any: the locks are real, the list of GPUs is made up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dgmbench.run import devices

FOUR = {str(i): f"GPU-{i}" for i in range(4)}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four GPUs that torch can use, and an environment that is put back."""
    monkeypatch.setattr(devices, "list_gpus", lambda: FOUR)
    monkeypatch.setattr(devices, "_usable", lambda number: number)
    monkeypatch.setattr(devices, "POLL_SECONDS", 0.01)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)


def allow(monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)


def job(wanted: int, folder: Path, stack: contextlib.ExitStack) -> list[str]:
    """A job that runs until the stack closes; gives the GPUs that it sees. All jobs start from all four."""
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    assert stack.enter_context(devices.reserve_gpus(wanted, folder)) == wanted
    return os.environ["CUDA_VISIBLE_DEVICES"].split(",")


def test_jobs_side_by_side_get_different_gpus(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        seen = [name for wanted in (1, 2, 1) for name in job(wanted, tmp_path, stack)]
        assert sorted(seen) == sorted(FOUR.values())


def test_a_job_waits_until_enough_are_free_and_holds_none_meanwhile(tmp_path: Path) -> None:
    first, second, late = contextlib.ExitStack(), contextlib.ExitStack(), contextlib.ExitStack()
    got: list[str] = []
    with first, second, late:
        held = job(2, tmp_path, first) + job(1, tmp_path, second)
        # one is left: too few for the one that waits, which must not keep it from others
        waiting = threading.Thread(target=lambda: got.extend(job(2, tmp_path, late)))
        waiting.start()
        with contextlib.ExitStack() as other:
            (last,) = job(1, tmp_path, other)
            assert last not in held
            assert not got
        first.close()
        waiting.join(timeout=30)
        assert len(got) == 2
        assert not set(got) & set(held[2:])


def test_a_killed_job_frees_its_slot(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from dgmbench.run import devices
devices.list_gpus = lambda: {FOUR!r}
devices._usable = lambda number: number
with devices.reserve_gpus(3, Path({str(tmp_path)!r})):
    print("holding", flush=True)
    time.sleep(600)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "holding\n"
        with contextlib.ExitStack() as stack:
            assert job(1, tmp_path, stack) == ["GPU-3"]
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=30)
        with contextlib.ExitStack() as stack:
            assert len(job(3, tmp_path, stack)) == 3
    finally:
        holder.kill()


@pytest.mark.parametrize("allowed", ["2", "GPU-2"])
def test_nothing_is_reserved_where_one_is_visible(
    allowed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    allow(monkeypatch, allowed)
    with devices.reserve_gpus(2, tmp_path / "slots") as found:
        assert found == 1
        assert os.environ["CUDA_VISIBLE_DEVICES"] == allowed
    assert not (tmp_path / "slots").exists()
    assert "2 GPUs are wanted and 1 visible: using 1" in caplog.text


@pytest.mark.parametrize("wanted", [4, 6])
def test_a_job_of_all_gpus_waits_for_a_job_of_one(wanted: int, tmp_path: Path) -> None:
    small, large = contextlib.ExitStack(), contextlib.ExitStack()
    got: list[int] = []
    with small, large:
        job(1, tmp_path, small)
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        waiting = threading.Thread(
            target=lambda: got.append(large.enter_context(devices.reserve_gpus(wanted, tmp_path)))
        )
        waiting.start()
        waiting.join(timeout=0.2)
        assert not got
        small.close()
        waiting.join(timeout=30)
        assert got == [4]


def test_only_visible_gpus_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, "3,1")
    with devices.reserve_gpus(1, tmp_path):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-3"
        allow(monkeypatch, "3,1")
        with devices.reserve_gpus(1, tmp_path):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-1"


@pytest.mark.parametrize("allowed", ["", "-1"])
def test_hidden_gpus_mean_the_cpu(
    allowed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    allow(monkeypatch, allowed)
    caplog.set_level("INFO", logger="dgmbench")
    with devices.reserve_gpus(1, tmp_path) as found:
        assert found == 0
    assert "using the CPU" in caplog.text


def test_no_device_wanted_is_the_cpu_without_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_gpus", lambda: pytest.fail("the machine was looked at"))
    with devices.reserve_gpus(0, tmp_path) as found:
        assert found == 0


def test_what_nvidia_smi_prints_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, GPU-aaaa'\necho '1, GPU-bbbb'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.list_gpus() == {"0": "GPU-aaaa", "1": "GPU-bbbb"}
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert devices.list_gpus() == {}
    program.unlink()
    assert devices.list_gpus() == {}


def test_the_thread_limit_holds_for_what_is_loaded_already() -> None:
    code = (
        "import numpy\nfrom threadpoolctl import threadpool_info\nfrom dgmbench.run.devices import limit_threads\n"
        "for threads in (2, 1):\n"
        "    limit_threads(threads)\n"
        "    print({found['num_threads'] for found in threadpool_info() if found['user_api'] == 'blas'})"
    )
    environment = {name: value for name, value in os.environ.items() if name not in devices.THREAD_VARIABLES}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["{2}", "{1}"]
