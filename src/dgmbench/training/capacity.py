"""Whether a training fits into memory, told before it starts; and what to do when memory runs out all the same."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from dgmbench.errors import UserError
from dgmbench.fast.images.fused import fused_step


def kept_bytes(model: nn.Module, n_pixels: int, rows: int, k: int) -> int:
    """What a training step keeps for its backward pass, in bytes: the least that it needs beside the model.

    Three small passes tell it, where a step is not written out: it is a constant, a part that grows with the images and
    one that grows with the samples.
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    step = fused_step(model, torch.empty(0, n_pixels, device=device))
    if step is not None:
        return step.kept_bytes(rows, k)
    model = copy.deepcopy(model).train()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        base, samples, images = (_kept(model, n_pixels, *size) for size in ((2, 1), (2, 2), (4, 1)))
    per_sample = (samples - base) / 2
    per_image = (images - base) / 2 - per_sample
    return round(base + (rows - 2) * per_image + (rows * k - 2) * per_sample)


def _kept(model: nn.Module, n_pixels: int, rows: int, k: int) -> int:
    own = {p.untyped_storage().data_ptr() for p in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    x = (torch.arange(rows * n_pixels, device=device) % 3 == 0).float().view(rows, n_pixels)
    step: Any = getattr(model, "training_terms", model.log_weights)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        # what is kept lives as long as the result, so that no two arrays have had the same address
        result = step(x, k)
    del result
    return sum(kept.values())


def free_bytes(device: torch.device, sharing: int = 1) -> int:
    """Free memory of a device in bytes; main memory and swap are divided among the processes that share them."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return (psutil.virtual_memory().available + psutil.swap_memory().free) // sharing


def require_memory(model: nn.Module, n_pixels: int, rows: int, k: int, device: torch.device, sharing: int = 1) -> None:
    """Refuse a training step that cannot fit into the memory that is free.

    Args:
        rows: images of the batch in this process.
        sharing: processes that share the machine's memory.

    Raises:
        UserError: what it needs, what there is, and which setting to lower.
    """
    need, free = kept_bytes(model, n_pixels, rows, k), free_bytes(device, sharing)
    if need > free:
        raise UserError(
            f"a step with {rows} images and {k} samples of each needs more than {need / 1e9:.1f} GB and "
            f"{free / 1e9:.1f} GB are free on {device}: lower {'importance_samples' if k > 1 else 'batch_size'}"
            f"{' or batch_size' if k > 1 else ''}"
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


@contextlib.contextmanager
def float32_products(tf32: bool) -> Iterator[None]:
    """How a GPU multiplies float32 matrices, convolutions included, within the body: exactly, or with TF32's 10 bits.

    PyTorch's own default is exact for matrices and TF32 for convolutions.
    """
    matrices, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matrices)
        torch.backends.cudnn.allow_tf32 = convolutions
