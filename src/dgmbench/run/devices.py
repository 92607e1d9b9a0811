"""What a job computes on: processor threads, and GPUs taken by slots so that two jobs never share one.

Everything here happens before torch is imported, which reads its environment once, at import.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout
from threadpoolctl import threadpool_limits

log = logging.getLogger("dgmbench")

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
POLL_SECONDS = 2.0


def limit_threads(threads: int) -> None:
    """Hold the numerical libraries of this process to ``threads`` processor threads."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    threadpool_limits(threads)  # of what is loaded already: numpy, which the datasets import


def list_gpus() -> dict[str, str]:
    """The machine's GPUs as nvidia-smi sees them, uuid by index; empty when it finds none."""
    query = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return {}
    if done.returncode:
        return {}
    pairs = (line.partition(",") for line in done.stdout.splitlines() if "," in line)
    return {index.strip(): uuid.strip() for index, _, uuid in pairs}


def visible_gpus(gpus: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else all, as uuids where they are known."""
    allowed = environment.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return list(gpus.values())
    names = [name.strip() for name in allowed.split(",") if name.strip()]
    # CUDA stops at the first device that is not there; -1 means none
    names = names[: names.index("-1")] if "-1" in names else names
    return [gpus.get(name, name) for name in names] if gpus else []


@contextlib.contextmanager
def reserve_gpus(wanted: int, folder: Path | None = None) -> Iterator[int]:
    """Reserve GPUs for the body of the ``with``, wait while others hold them, and hide the rest from this process.

    A slot is a lock on a file, one per GPU, which the kernel frees however the process ends. All slots or none, so
    that two jobs that want several cannot block each other. A job that sees one GPU alone reserves nothing: it has
    been given that one (SLURM, Kubernetes), or the machine has no other.

    Args:
        wanted: how many; 0 is the CPU.
        folder: where the lock files lie; the temporary folder of the machine by default.

    Yields:
        The number of GPUs to use; fewer than wanted, or 0, when there are no more, which the log says.
    """
    if wanted == 0:
        yield 0
        return
    # so that CUDA numbers the devices as nvidia-smi does
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    candidates = visible_gpus(list_gpus(), os.environ)
    if not candidates:
        log.info("no GPU is visible here: using the CPU")
        yield 0
        return
    if len(candidates) < wanted:
        log.warning("%d GPUs are wanted and %d visible: using %d", wanted, len(candidates), len(candidates))
        wanted = len(candidates)
    if len(candidates) == 1:
        yield _usable(1)
        return
    folder = folder or Path(tempfile.gettempdir()) / "dgmbench-gpus"
    with contextlib.ExitStack() as stack:
        taken = _take(candidates, wanted, folder, stack)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
        log.info("reserved %s", ", ".join(taken))
        yield _usable(wanted)


def _take(candidates: list[str], wanted: int, folder: Path, stack: contextlib.ExitStack) -> list[str]:
    """Wait until ``wanted`` of the candidates are free, and lock them until the stack closes."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # the machine's other users lock the same files
    said = False
    while True:
        with contextlib.ExitStack() as attempt:
            taken = []
            for name in candidates:
                with contextlib.suppress(Timeout):
                    lock = FileLock(folder / f"{name.replace('/', '-')}.lock", timeout=0, mode=0o666)
                    attempt.enter_context(lock)
                    taken.append(name)
                if len(taken) == wanted:
                    stack.enter_context(attempt.pop_all())
                    return taken
        if not said:
            log.info("waiting for %d of %d GPUs", wanted, len(candidates))
            said = True
        time.sleep(POLL_SECONDS)


def _usable(devices: int) -> int:
    import torch

    if torch.cuda.is_available():
        return devices
    log.warning("torch %s cannot use the GPU of this machine: using the CPU", torch.__version__)
    return 0
