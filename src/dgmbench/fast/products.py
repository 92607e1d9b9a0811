"""Matrix products of trainings and evaluations: how exact they are, and numpy's arrays by PyTorch's products."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

log = logging.getLogger("dgmbench")

ALIGNMENT = 16  # bytes: a vector register's smallest, and what numpy gives every new array
PRECISIONS = {"32": "highest", "tf32": "high", "bf16": "medium"}  # PyTorch's names


@lru_cache(maxsize=8)
def multiplies_bfloat16_faster(device: torch.device) -> bool:
    """Than float32 as numpy multiplies it: GPUs, and processors with instructions for it (AMX, AVX-512 BF16)."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # from PyTorch 2.10 on
    return device.type == "cuda" or bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


@lru_cache(maxsize=8)
def rounds_on_the_processor(precision: str) -> bool:
    """Whether products that may have rounded factors have them, by trying it.

    PyTorch hands such products to oneDNN, and oneDNN 3.12 computes them in float32 on processors that have AVX-512 BF16
    and no AMX.
    """
    before = torch.get_float32_matmul_precision()
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 512, 512, generator=generator, dtype=torch.float32, device="cpu")
    try:
        with torch.autocast("cpu", enabled=False):
            torch.set_float32_matmul_precision("highest")
            exact = a @ b
            torch.set_float32_matmul_precision(PRECISIONS[precision])
            return bool((a @ b - exact).abs().max() > 1e-2)
    finally:
        torch.set_float32_matmul_precision(before)


def precision_in_use(precision: str, device: torch.device) -> str:
    """What `float32_products` of this precision comes to on a device."""
    return precision if device.type == "cuda" or rounds_on_the_processor(precision) else "32"


def precision_to_set(asked: str, device: torch.device) -> str:
    """What `float32_products` is best given for what was asked: processors have no tf32, and few have bf16.

    Exact products on AMD's AVX-512 are asked for as bf16, which goes to oneDNN there: exact, and twice as fast as by
    other libraries.
    """
    if device.type == "cuda":
        return asked
    faster = multiplies_bfloat16_faster(device)
    by_onednn = faster and not rounds_on_the_processor("bf16")
    if asked == "bf16" and faster:
        if by_onednn:
            log.info("precision %s: this processor multiplies as fast in float32, and does so", asked)
        return asked
    if asked != "32":
        log.info("precision %s: this processor does not multiply that faster, and computes in float32", asked)
    return "bf16" if by_onednn else "32"


@contextlib.contextmanager
def float32_products(precision: str) -> Iterator[None]:
    """How float32 matrices are multiplied within the body, convolutions on a GPU included; sums are float32.

    PyTorch's own default is exact for matrices and TF32 for convolutions.

    Args:
        precision: ``32`` exactly; ``tf32`` by factors rounded to 10 bits, on a GPU; ``bf16`` to 7 bits.
    """
    matrices, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision(PRECISIONS[precision])
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matrices)
        torch.backends.cudnn.allow_tf32 = convolutions


@contextlib.contextmanager
def exact_dot() -> Iterator[None]:
    """`dot` is exact within the body, and so is what else is multiplied there, unless it is on a GPU."""
    with float32_products(precision_to_set("32", torch.device("cpu"))):
        yield


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
    """A matrix product of float32, as exact as `float32_products` says: by numpy, or at "medium" by oneDNN.

    On Intel's processors whole steps take as long by numpy as by PyTorch's MKL, and its arrays need no wrapping.

    Args:
        a: (n, m) float32.
        b: (m, k) float32.
        out: (n, k) float32, written to and returned; a new array where it is None.
    """
    if torch.get_float32_matmul_precision() != "medium":
        return np.dot(a, b, out=out)
    left, right = _aligned(a), _aligned(b)
    if out is None or out.ctypes.data % ALIGNMENT:
        product = torch.mm(left, right).numpy()
        if out is None:
            return product
        out[:] = product
        return out
    torch.mm(left, right, out=torch.from_numpy(out))
    return out


def _aligned(a: np.ndarray) -> Tensor:
    """oneDNN sums in another order where an array begins within a register; that of a resumed training may."""
    return torch.from_numpy(a if a.ctypes.data % ALIGNMENT == 0 else a.copy(order="K"))
