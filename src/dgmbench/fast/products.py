"""Matrix products of a training: how exact they are, and numpy's arrays by PyTorch's products."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch


@lru_cache(maxsize=8)
def multiplies_bfloat16_faster(device: torch.device) -> bool:
    """Than float32: GPUs, and processors with instructions for it (AMX, AVX-512 BF16); elsewhere it is slower."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # from PyTorch 2.10 on
    return device.type == "cuda" or bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


@contextlib.contextmanager
def float32_products(precision: str) -> Iterator[None]:
    """How float32 matrices are multiplied within the body, convolutions on a GPU included; sums are float32.

    PyTorch's own default is exact for matrices and TF32 for convolutions.

    Args:
        precision: ``32`` exactly; ``tf32`` by factors rounded to 10 bits, on a GPU; ``bf16`` to 7 bits.
    """
    matrices, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision({"32": "highest", "tf32": "high", "bf16": "medium"}[precision])
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matrices)
        torch.backends.cudnn.allow_tf32 = convolutions


@contextlib.contextmanager
def denormals_flushed() -> Iterator[None]:
    """Numbers below 1e-38 are 0 within the body, in this thread.

    Importance weights underflow at the beginning of a training with many samples, and a processor multiplies what is
    left of them a hundred times more slowly than other numbers.
    """
    before = bool(torch.tensor(2e-38) * 0.25 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def dot(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """A matrix product of float32, as exact as `float32_products` says: numpy's where that is exact.

    Whole steps take as long by either library; numpy's is called without wrapping arrays as tensors.
    """
    if torch.get_float32_matmul_precision() != "medium":
        return np.dot(a, b, out=out)
    left, right = torch.from_numpy(a), torch.from_numpy(b)
    if out is None:
        return torch.mm(left, right).numpy()
    torch.mm(left, right, out=torch.from_numpy(out))
    return out
