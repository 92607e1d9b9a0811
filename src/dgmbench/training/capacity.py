"""Whether a training fits into memory, checked before it starts; and what to do when memory still runs out."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from dgmbench.errors import UserError
from dgmbench.training.batches import Batches
from dgmbench.training.losses import Loss


def kept_bytes(model: nn.Module, loss: Loss, batches: Batches, rows: int, device: torch.device) -> int:
    """What a training step keeps for its backward pass, in bytes: the least that it needs beside the model.

    Two small passes tell it, where a step is not written out: it is a constant and a part that grows with the examples.

    Args:
        model: on the CPU.
        device: where it will be trained.
    """
    fast_step: Callable[[], Any] = getattr(model, "fast_step", lambda: None)
    step = fast_step() if device.type == "cpu" else None
    if step is not None:
        return step.kept_bytes(rows)
    state = copy.deepcopy(model.state_dict())
    with torch.random.fork_rng(devices=[]):
        two, four = (_kept(model, loss, batches.some(n)) for n in (2, 4))
    model.load_state_dict(state)  # batch norm's statistics
    return round(two + (rows - 2) * (four - two) / 2)


def _kept(model: nn.Module, loss: Loss, x: Tensor) -> int:
    own = {p.untyped_storage().data_ptr() for p in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        # what is kept lives as long as the result, so that no two arrays have had the same address
        result = loss(x)
    del result
    return sum(kept.values())


def free_bytes(device: torch.device, sharing: int = 1) -> int:
    """Free memory of a device in bytes; main memory and swap are divided among the processes that share them."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return (psutil.virtual_memory().available + psutil.swap_memory().free) // sharing


def require_memory(
    model: nn.Module, loss: Loss, batches: Batches, rows: int, device: torch.device, sharing: int, advice: str
) -> None:
    """Refuse a training step that cannot fit into the memory that is free.

    Args:
        rows: examples of a batch in one process.
        sharing: processes that share the machine's memory.

    Raises:
        UserError: what it needs, what there is, and which setting to lower.
    """
    need, free = kept_bytes(model, loss, batches, rows, device), free_bytes(device, sharing)
    if need > free:
        raise UserError(
            f"a step with {rows} examples needs more than {need / 1e9:.1f} GB and {free / 1e9:.1f} GB are free on "
            f"{device}: {advice}"
        )


@contextlib.contextmanager
def explain_lack_of_memory(where: str, advice: str) -> Iterator[None]:
    """Turn torch's and numpy's errors about memory, from within the body, into one line with advice.

    Raises:
        UserError: memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_lack_of_memory(error):
            raise
        raise UserError(f"{where}: out of memory; {advice}") from error


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: CUDA has a class for it, the CPU's allocator a message alone."""
    known = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(part in str(error) for part in known)
