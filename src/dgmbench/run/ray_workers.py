"""Workers in processes of their own, by Ray: on this machine, where Ray starts and ends with them, or on a cluster."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from dgmbench.errors import UserError, counted
from dgmbench.run.workers import Died, LostError, Maker

CONNECT_SECONDS = 10.0
"""Until a cluster that does not answer is given up."""
START_SECONDS = 300.0
"""Until workers for which a cluster has no room are given up."""
_REASON = re.compile(
    r"Worker exit detail: ([^.]*\.)|because (its node has died)|"
    r"(RPC error: .*?) rpc_code|(Failed to retrieve object \w+)"
)
"""In what Ray says of a worker or of results, on several lines and with several numbers of its own."""
_LEAST_STORE = 80 * 2**20  # bytes of the object store; Ray asks for 75 MiB
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # who asks for a result learns what went wrong, and says it
    "RAY_DEDUP_LOGS_SKIP_REGEX": "A worker died or was killed|Raylet is terminated|has been marked dead",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
}


class RayWorkers:
    """As `dgmbench.run.workers.InProcess`, each worker a Ray actor with a processor core; a handle is an object of Ray.

    Ray that is started here listens on this machine's loopback address alone and asks for a token, keeps its files in a
    temporary folder of its own, and ends with `close`. A connection that this process has to Ray already is used as it
    is, and stays.

    Args:
        makers: of each worker; importable by name on every machine, with all that they hold.
        address: ``host:port`` of a Ray cluster's head, or ``auto`` for one that this machine belongs to; empty for
            this machine alone.
        store: bytes of results that there are at once, for Ray on this machine.

    Raises:
        UserError: Ray is not installed, the cluster cannot be reached, or has no room for the workers.
    """

    def __init__(self, makers: Sequence[Maker], *, address: str = "", store: int = 0) -> None:
        self._ray = _ray()
        with ExitStack() as stack:
            if not self._ray.is_initialized():
                stack.enter_context(_joined(address) if address else _started(len(makers), store))
            kind = self._ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(_Holder)
            self._actor = kind.remote
            self._makers = [self._ray.put(maker) for maker in makers]
            self._actors = [self._actor(maker) for maker in self._makers]
            stack.callback(self._kill)
            self._starting = set(range(len(makers)))
            self._wait_for_room()
            self._stack = stack.pop_all()

    def call(
        self, method: str, arguments: Mapping[int, Sequence[Any]], results: int = 1
    ) -> dict[int, list[Any] | Died]:
        """See `dgmbench.run.workers.Workers`.

        Raises:
            UserError: a worker or the object store has too little memory, there is no room for a worker that replaces
                another, or a worker says what a user can correct.
        """
        self._wait_for_room()
        asked = {
            i: self._actors[i].call.options(num_returns=1 + results).remote(method, *given)
            for i, given in arguments.items()
        }
        return {i: died if (died := self._death(first)) else handles for i, (first, *handles) in asked.items()}

    def put(self, value: Any) -> Any:
        return self._ray.put(value)

    def values(self, handles: Iterable[Any]) -> list[Any]:
        try:
            return list(self._ray.get(list(handles)))
        except self._ray.exceptions.ObjectLostError as error:
            raise LostError(_line(error)) from error

    def replace(self, worker: int) -> None:
        self._ray.kill(self._actors[worker])
        self._actors[worker] = self._actor(self._makers[worker])
        self._starting.add(worker)

    def close(self) -> None:
        self._stack.close()

    def _death(self, handle: Any) -> Died | None:
        """Wait for a result, and tell whether it is one."""
        exceptions = self._ray.exceptions
        try:
            self._ray.get(handle)
        except (exceptions.RayActorError, exceptions.WorkerCrashedError, exceptions.OutOfMemoryError) as error:
            return Died(_line(error))
        except exceptions.RayError as error:
            cause = getattr(error, "cause", error)
            if isinstance(cause, exceptions.ObjectLostError):
                raise LostError(_line(cause)) from error
            if isinstance(cause, UserError):
                raise cause from None
            if isinstance(cause, MemoryError):
                raise UserError(
                    f"a worker ran out of memory ({_line(cause)}); ask for more workers, whose parts are smaller, or "
                    "for machines with more memory"
                ) from error
            if isinstance(cause, exceptions.ObjectStoreFullError | exceptions.OutOfDiskError):
                raise UserError(f"Ray has no room for what workers hand on: {_line(cause)}") from error
            raise
        return None

    def _wait_for_room(self) -> None:
        """Wait until new workers have started or died; a call of one for which there is no core would not return."""
        ready = [self._actors[worker].ready.remote() for worker in self._starting]
        _, missing = self._ray.wait(ready, num_returns=len(ready), timeout=START_SECONDS) if ready else ([], [])
        if missing:
            cores = int(self._ray.cluster_resources().get("CPU", 0))
            raise UserError(
                f"Ray has no core for {len(missing)} of {counted(len(self._actors), 'worker')}, after "
                f"{START_SECONDS:.0f} s: each needs one of its own, and the cluster has {cores}, perhaps not free; ask "
                "for fewer workers or add a machine"
            )
        self._starting.clear()

    def _kill(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)


class _Holder:
    """A worker in a process of Ray; it is made when it is first needed."""

    def __init__(self, maker: Maker) -> None:
        self._maker, self._worker = maker, None

    def ready(self) -> bool:
        return True

    def call(self, method: str, *arguments: Any) -> list[Any]:
        """What the worker's method gives, after a mark that it did."""
        if self._worker is None:
            self._worker = self._maker()
        return [True, *getattr(self._worker, method)(*arguments)]


def _ray() -> Any:
    try:
        with _environment(**_QUIET):
            import ray
    except ImportError as error:
        raise UserError("Ray is not installed: pip install 'dgmbench[ray]'") from error
    return ray


@contextmanager
def _started(workers: int, store: int) -> Iterator[None]:
    """Ray on this machine, for so many workers, until the end of the block."""
    ray = _ray()
    # sockets lie in it, whose paths may have about a hundred characters
    near = tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix="dgmbench-", dir=near if len(near) < 30 else "/tmp")
    named = {
        **_QUIET,
        # without clusters Ray takes the loopback address; with them it listens on all addresses of the machine
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_TOKEN": _token(),  # else Ray writes one into the home folder
        "RAY_worker_niceness": "0",  # as this process; else workers come last on a machine that does other work
    }
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(_environment(**named))
        stack.enter_context(_constant("ENABLE_RAY_CLUSTER", False))
        stack.callback(ray.shutdown)
        _init(
            ray,
            address="local",
            num_cpus=workers,
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=max(store, _LEAST_STORE),
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
        yield


@contextmanager
def _joined(address: str) -> Iterator[None]:
    """A connection to a cluster, until the end of the block."""
    ray = _ray()
    if address != "auto":
        _require_answer(address)
    with ExitStack() as stack:
        stack.enter_context(_environment(**_QUIET))
        # something else that listens there would be asked twenty times, half a minute each
        stack.enter_context(_constant("NUM_REDIS_GET_RETRIES", 2))
        stack.callback(ray.shutdown)
        try:
            _init(ray, address=address)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise UserError(
                f"no Ray cluster at {address!r}: {_line(error)}; if it asks for a token, RAY_AUTH_MODE and "
                "RAY_AUTH_TOKEN must be here what they are there"
            ) from error
        yield


def _require_answer(address: str) -> None:
    """Raise a UserError for an address where nothing listens: Ray would end the process."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise UserError(f"the address of a Ray cluster is {address!r}; it must be host:port of its head, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"no Ray cluster answers at {address} ({_line(error)}); start one with ray start --head --port={port}, or "
            "give its head's address"
        ) from error


@contextmanager
def _environment(**named: str) -> Iterator[None]:
    """Environment variables, for this process and those that it starts; one that the user has set stays."""
    before = dict(os.environ)
    os.environ.update({name: value for name, value in named.items() if name not in before})
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            if name.startswith("RAY_") or name == "PYTHONBREAKPOINT":  # of which Ray adds some
                del os.environ[name]


@contextmanager
def _constant(name: str, value: Any) -> Iterator[None]:
    """A constant of Ray that it reads from the environment when it is imported; here it may be imported already."""
    constants = _ray()._private.ray_constants
    before = getattr(constants, name)
    setattr(constants, name, value)
    try:
        yield
    finally:
        setattr(constants, name, before)


def _init(ray: Any, **options: Any) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **options)
    finally:  # Ray takes the handler
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


@cache
def _token() -> str:
    """Of all Ray that this process starts: Ray reads it once."""
    return secrets.token_hex(32)


def _line(error: BaseException) -> str:
    """The reason of an error in one line."""
    text = " ".join(str(error).split())
    reason = _REASON.search(text)
    return (reason[reason.lastindex or 0] if reason else text)[:200] or type(error).__name__
