"""Several processes that do one job together: started, watched, and ended as one."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from dgmbench.errors import UserError

log = logging.getLogger("dgmbench")


def run_processes(work: Callable[..., Any], count: int, *arguments: Any, on_gpu: bool = False) -> Any:
    """Call ``work(*arguments)`` in ``count`` processes at once, which are connected by torch.distributed.

    Each is a new interpreter (a forked one could not use a GPU that its parent has touched), finds its number in
    LOCAL_RANK and the others over a file. They end together: when one fails, the others are ended, and when this
    process is killed, they notice.

    Args:
        work: a function at the top level of a module.
        arguments: they and the result are pickled.
        on_gpu: each process computes on the GPU of its number, and they talk by NCCL; else on the CPU, by gloo.

    Returns:
        What process 0 returned.

    Raises:
        UserError: one of them raised it.
        RuntimeError: one of them failed otherwise; its traceback is in the message.
    """
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="dgmbench-") as name:
        folder = Path(name)
        started = [
            context.Process(
                target=_process,
                args=(folder, number, count, on_gpu, log.getEffectiveLevel(), work, arguments),
                daemon=True,
            )
            for number in range(count)
        ]
        try:
            for process in started:
                process.start()
            running = list(started)
            while running:
                wait([process.sentinel for process in running])
                if failed := [process for process in started if process.exitcode]:
                    # one that was killed is why the others failed
                    first = min(failed, key=lambda process: process.exitcode or 0)
                    raise _failure(folder, started.index(first), count, first.exitcode or 0)
                running = [process for process in running if process.exitcode is None]
        finally:
            for process in started:
                if process.is_alive():
                    process.kill()
            for process in started:
                if process.pid is not None:
                    process.join()
        return pickle.loads((folder / "result").read_bytes())


def _failure(folder: Path, number: int, count: int, exitcode: int) -> Exception:
    """Why a process ended. What the others met afterwards, a lost connection, is not the reason."""
    reasons = sorted(folder.glob("failure-*"), key=lambda path: path.stat().st_mtime_ns)
    if exitcode < 0 or not reasons:
        how = f"was killed by {signal.Signals(-exitcode).name}" if exitcode < 0 else f"ended with status {exitcode}"
        hint = "; was there enough memory?" if exitcode == -signal.SIGKILL else ""
        return RuntimeError(f"process {number} of {count} {how}{hint}")
    is_mistake, text = pickle.loads(reasons[0].read_bytes())
    return UserError(text) if is_mistake else RuntimeError(f"one of {count} processes failed:\n{text}")


def _process(
    folder: Path,
    number: int,
    count: int,
    on_gpu: bool,
    level: int,
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    """What each process does; the result or the reason of a failure goes into the folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of them: the parent ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    log.setLevel(level if number == 0 else logging.ERROR)  # the others would say the same
    os.environ |= {"LOCAL_RANK": str(number), "RANK": str(number), "WORLD_SIZE": str(count), "NODE_RANK": "0"}
    try:
        import torch
        from torch import distributed

        if on_gpu:
            torch.cuda.set_device(number)
        # a file and no port, which another job could take in the meantime
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo", init_method=f"file://{folder / 'meet'}", rank=number, world_size=count
        )
        result = work(*arguments)
        if number == 0:
            _write(folder / "result", result)
        distributed.barrier()
        distributed.destroy_process_group()
    except BaseException as error:
        mistake = isinstance(error, UserError)
        _write(folder / f"failure-{number}", (mistake, str(error) if mistake else traceback.format_exc()))
        # without Python's own exit, which could wait for the others
        os._exit(1)


def _write(path: Path, value: Any) -> None:
    waiting = path.with_name(f".{path.name}")
    waiting.write_bytes(pickle.dumps(value))
    waiting.replace(path)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
