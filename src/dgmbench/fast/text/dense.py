"""Drawing a topic from (n_dk + alpha_k) q_k over all K topics at once, in blocks of one vector register."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types, uint64
from numba.core import cgutils
from numba.extending import intrinsic

BLOCK = 16
"""Floats to a block: one AVX-512 register; compilers for other machines split it."""


def padded(n_topics: int) -> int:
    """The row length: K rounded up to whole blocks. Topics beyond K have alpha and q of zero and are never drawn."""
    return -(-n_topics // BLOCK) * BLOCK


def padded_rows(values: np.ndarray) -> np.ndarray:
    """(..., K) → (..., padded K) float32, zeros behind."""
    wide = np.zeros((*values.shape[:-1], padded(values.shape[-1])), np.float32)
    wide[..., : values.shape[-1]] = values
    return wide


def padded_counts(rows: np.ndarray, topics: np.ndarray, n_topics: int) -> np.ndarray:
    """(rows, padded K) float32: tokens of each topic in each row, by the row and the topic of every token (tokens,)."""
    n_rows, width = int(rows.max()) + 1, padded(n_topics)
    cells = rows.astype(np.int64) * width + topics
    return np.bincount(cells, minlength=n_rows * width).reshape(n_rows, width).astype(np.float32)


@intrinsic
def _block_mass(typing: Any, counts: Any, alpha: Any, weights: Any, start: Any) -> Any:
    """Σ_j (counts[j] + alpha[j]) · weights[j] over the ``BLOCK`` float32 from ``start`` on.

    A plain loop over 16 elements is unrolled into a chain of 16 dependent additions; this is one vector product and
    a tree of additions.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        single = ir.FloatType()
        vector = ir.VectorType(single, BLOCK)

        def load(kind: Any, value: Any) -> Any:
            pointer = builder.gep(context.make_array(kind)(context, builder, value).data, [arguments[3]])
            block = builder.load(builder.bitcast(pointer, vector.as_pointer()))
            block.align = 4
            return block

        n, a, q = (load(kind, value) for kind, value in zip(signature.args[:3], arguments[:3], strict=True))
        product = builder.fmul(builder.fadd(n, a), q)
        kind = ir.FunctionType(single, [single, vector])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{BLOCK}f32")
        return builder.call(function, [ir.Constant(single, -0.0), product], fastmath=["reassoc"])

    return types.float32(counts, alpha, weights, types.intp), build


block_mass: Any = _block_mass  # kernels call it without the typing context that the definition begins with


@njit(error_model="numpy")
def draw(bits: int, row: np.ndarray, alpha: np.ndarray, q: np.ndarray, masses: np.ndarray, K: int) -> int:
    """k with probability ∝ (row_k + alpha_k) q_k.

    Args:
        bits: 64 random bits.
        row, alpha, q: (padded K,) float32, alpha and q zero from K on.
        masses: (padded K / BLOCK,) float32, room for the sums of the blocks.
    """
    total = np.float32(0)
    for block in range(masses.shape[0]):
        masses[block] = block_mass(row, alpha, q, block * BLOCK)
        total += masses[block]
    u = np.float32((bits >> uint64(40)) * (1.0 / 16777216.0)) * total
    block = 0
    while block < masses.shape[0] - 1 and u >= masses[block]:
        u -= masses[block]
        block += 1
    k = block * BLOCK
    stop = min(k + BLOCK, K) - 1
    while k < stop:
        u -= (row[k] + alpha[k]) * q[k]
        if u < 0:
            break
        k += 1
    return k
