"""Running the registries' own clients, npm and apt-get, which know how they are configured."""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import psutil

from dgmbench.data.dataset import SourceError

log = logging.getLogger("dgmbench")

SAID_EVERY = 30.0
"""Seconds after which it is logged, again and again, that a client is still at work."""
START, SLOWEST = 120.0, 50_000
"""Seconds that a client has, and the bytes a second for which it has more."""


def copy_what_is_left(command: Sequence[str], target: IO[bytes], limit: int) -> None:
    """Run a registry's client in an empty folder, and copy the one file that it leaves there.

    Raises:
        SourceError: it failed, took too long, or left something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        run_client(command, START + limit / SLOWEST, folder)
        files = list(Path(folder).iterdir())
        if len(files) != 1 or not files[0].is_file() or files[0].stat().st_size > limit:
            raise SourceError(f"the client left {len(files)} files, or more than the {limit:,} bytes expected")
        with files[0].open("rb") as source:
            shutil.copyfileobj(source, target)


def run_client(command: Sequence[str], timeout: float, folder: str | None = None) -> str:
    """What a registry's client prints when it runs in a folder.

    Raises:
        SourceError: it failed, with its words, or took longer than ``timeout`` seconds; it is ended then.
    """
    program = [shutil.which(command[0]) or command[0], *command[1:]]
    name = " ".join(command[:2])
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            program, stdin=nothing, stdout=pipe, stderr=pipe, text=True, errors="replace", cwd=folder
        )
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}") from error
    try:
        output, errors = _wait(process, name, timeout)
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        raise SourceError(f"{name}: {_complaint(errors) or f'exit status {process.returncode}'}")
    return output


def _wait(process: subprocess.Popen[str], name: str, timeout: float) -> tuple[str, str]:
    """What a client prints, and its complaints."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < timeout:
        try:
            return process.communicate(timeout=min(SAID_EVERY, timeout - passed))
        except subprocess.TimeoutExpired:
            if (passed := time.monotonic() - began) >= timeout:
                break
            log.info("%s: still at work after %.0f s, of %.0f at most", name, passed, timeout)
    raise SourceError(f"{name} gave no answer in {timeout:.0f} s")


def _end(process: subprocess.Popen[str]) -> None:
    """End a client and what it started, which may go on without it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        client = psutil.Process(process.pid)
        client.suspend()  # so that it starts nothing more
        for child in client.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def _complaint(stderr: str) -> str:
    """The code and the first sentence of the error lines; npm's also hold errno, syscall and log files."""
    lines = [line.removeprefix("npm error ").removeprefix("E: ").strip() for line in stderr.splitlines()]
    codes = [line.removeprefix("code ") for line in lines if line.startswith("code ")]
    sentences = [line for line in lines if line and not line.startswith(("code ", "errno ", "syscall ", "W: "))]
    return ": ".join(codes[:1] + sentences[:1])
