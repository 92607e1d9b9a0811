"""Test log-likelihood by importance sampling, for any model that gives log-weights."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
import queue
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from dgmbench.fast.products import exact_dot

# Samples drawn at once: enough rows for the matrix products to run at full speed, few enough for the cache.
BLOCK = 1000


class DensityModel(Protocol):
    """What the evaluator needs of a model.

    A model may also have a method ``snapshot() -> Snapshot | None``, a faster way to the same log-weights.
    """

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(batch, pixels) → (k, batch) of log p(x, z) − log q(z | x), z ~ q(z | x), in nats."""
        ...


class Snapshot(Protocol):
    """A model's weights at one moment, laid out for one thread to evaluate one image after another."""

    def given(self, x: np.ndarray) -> Callable[[int, bytes], np.ndarray]:
        """(pixels,) float32 → a function of a number of samples k and a seed, which gives their (k,) log-weights.

        Fewer samples from the same seed are the first of more.
        """
        ...


@torch.no_grad()
def log_likelihood(
    model: DensityModel,
    x: Tensor | np.ndarray,
    k: int,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """log p(x) ≈ log (1/k) Σ_i p(x, z_i) / q(z_i | x), a lower bound in expectation that tightens with k.

    Images go through the model one by one, in blocks of up to 1000 samples, and the random numbers of a block follow
    from the seed, the image's own values and the block's number. So an image's value depends neither on the images
    beside it nor on their order, memory does not grow with k, and a larger k extends the samples of a smaller one
    block by block. A `Snapshot` draws other samples than the model itself, and with several threads each computes
    an image of its own.

    Args:
        model: put into evaluation mode for the time of the call if it is a torch module.
        x: (n, pixels).
        k: importance samples per row.
        seed: of the importance samples.
        progress: called with rows done and rows in all.

    Returns:
        (n,) float64 nats, one per row of ``x``.

    Raises:
        ValueError: k is below 1, ``x`` is not two-dimensional, or the log-weights have another shape than (k, 1).
    """
    if k < 1:
        raise ValueError(f"k is the number of importance samples, at least 1, not {k}")
    rows = torch.as_tensor(x)
    if rows.ndim != 2:
        raise ValueError(f"x is (n, pixels), not {tuple(rows.shape)}")
    parameter = next(model.parameters(), None) if isinstance(model, torch.nn.Module) else None
    if parameter is not None:
        rows = rows.to(parameter.device, parameter.dtype)
    elif not rows.is_floating_point():
        rows = rows.float()
    values = np.empty(len(rows))
    devices = [rows.device] if rows.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), evaluation_mode(model):
        # made anew in every call, so that it cannot be older than the weights
        snapshots = _snapshots(model, min(torch.get_num_threads(), len(rows)))
        found = _by_snapshots(snapshots, rows, k, seed) if snapshots else _by_log_weights(model, rows, k, seed)
        with contextlib.closing(found):
            for i, value in enumerate(found):
                values[i] = value
                if progress is not None:
                    progress(i + 1, len(rows))
    return values


@contextlib.contextmanager
def evaluation_mode(model: object) -> Iterator[None]:
    """Within the body a torch module is in evaluation mode; anything else stays as it is."""
    if not isinstance(model, torch.nn.Module):
        yield
        return
    before = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(before)


def _snapshots(model: DensityModel, count: int) -> list[Snapshot]:
    """As many of a model that offers them, one for each thread; none otherwise."""
    make: Callable[[], Snapshot | None] = getattr(model, "snapshot", lambda: None)
    made = [make() for _ in range(count)]
    return [snapshot for snapshot in made if snapshot is not None]


def _by_snapshots(snapshots: list[Snapshot], rows: Tensor, k: int, seed: int) -> Generator[float]:
    """The value of each row in order; one thread alone computes an image, so that their number changes nothing."""
    images = np.ascontiguousarray(rows.numpy())
    free: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
    for snapshot in snapshots:
        free.put(snapshot)

    @np.errstate(invalid="ignore")  # what is not a number is told by the value
    def one(x: np.ndarray) -> float:
        snapshot = free.get()
        try:
            log_weights, key, total = snapshot.given(x), x.tobytes(), -math.inf
            for block, size in _blocks(k):
                total = np.logaddexp(total, _log_sum_exp(log_weights(size, _digest(key, block, seed))))
            return float(total - math.log(k))
        finally:
            free.put(snapshot)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with exact_dot(), _libraries().limit(limits=1, user_api="blas"):
            if len(snapshots) == 1:
                yield from map(one, images)
            else:
                with ThreadPoolExecutor(len(snapshots), initializer=torch.set_num_threads, initargs=(1,)) as pool:
                    yield from pool.map(one, images)
    finally:
        torch.set_num_threads(threads)


@functools.cache
def _libraries() -> ThreadpoolController:
    """The threads of numpy's products; looking for the library takes milliseconds."""
    return ThreadpoolController()


def _by_log_weights(model: DensityModel, rows: Tensor, k: int, seed: int) -> Generator[float]:
    """The value of each row in order, by PyTorch with the threads that it has."""
    for row, key in zip(rows, rows.cpu().float().numpy(), strict=True):
        total = -math.inf
        for block, size in _blocks(k):
            _set_seed(row.device, int.from_bytes(_digest(key.tobytes(), block, seed), "little") >> 1)
            log_w = model.log_weights(row.unsqueeze(0), size)
            if log_w.shape != (size, 1):
                raise ValueError(
                    f"log_weights gave {tuple(log_w.shape)} for one image and {size} samples, not ({size}, 1)"
                )
            total = np.logaddexp(total, float(torch.logsumexp(log_w.double(), dim=0)))
        yield float(total - math.log(k))


def _blocks(k: int) -> Iterator[tuple[int, int]]:
    """Number and size of each block of k samples."""
    for block, start in enumerate(range(0, k, BLOCK)):
        yield block, min(BLOCK, k - start)


def _digest(key: bytes, block: int, seed: int) -> bytes:
    """What the random numbers of a block follow from."""
    return hashlib.blake2b(key, digest_size=8, salt=b"%d" % block, person=b"%d" % seed).digest()


def _log_sum_exp(log_w: np.ndarray) -> float:
    """In float64, as torch.logsumexp has it: −∞ of nothing but −∞, and NaN of a NaN."""
    largest = float(log_w.max())
    if math.isinf(largest):
        return largest
    return largest + math.log(np.exp(log_w.astype(np.float64) - largest).sum())


def _set_seed(device: torch.device, seed: int) -> None:
    """Seed the generator of one device; ``torch.manual_seed`` seeds every one there might be, at ten times the cost."""
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
