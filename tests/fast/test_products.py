"""Products of float32 matrices at the precision that was asked for, and numbers that are too small."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from dgmbench.fast.products import (
    denormals_flushed,
    dot,
    exact_dot,
    float32_products,
    multiplies_bfloat16_faster,
    precision_in_use,
    precision_to_set,
    rounds_on_the_processor,
)


@pytest.mark.parametrize(("precision", "atol"), [("32", 2e-5), ("tf32", 2e-5), ("bf16", 0.2)])
@pytest.mark.parametrize("given", [True, False])
def test_a_product_is_as_exact_as_asked_for(precision: str, atol: float, given: bool) -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 96, 96), np.float32)
    out = np.empty((96, 96), np.float32) if given else None
    with float32_products(precision):
        found = dot(a, b.T, out)
    assert out is None or found is out
    np.testing.assert_allclose(found, a.astype(np.float64) @ b.astype(np.float64).T, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("device", "capabilities", "faster"),
    [
        ("cpu", {"amx_bf16": True, "avx512_bf16": True}, True),
        ("cpu", {"amx_bf16": False, "avx512_bf16": True}, True),
        ("cpu", {"avx512_f": True, "avx2": True, "amx_bf16": False, "avx512_bf16": False}, False),
        ("cpu", {}, False),
        ("cuda", {}, True),
    ],
)
def test_bfloat16_is_taken_where_the_processor_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, device: str, capabilities: dict[str, bool], faster: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert multiplies_bfloat16_faster.__wrapped__(torch.device(device)) is faster


@pytest.fixture(params=["rounding", "exact"])
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One with AMX, and one with AVX-512 BF16 alone, which multiplies exactly what might be rounded."""

    def multiply(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        rounded = request.param == "rounding" and torch.get_float32_matmul_precision() == "medium"
        factors = torch.bfloat16 if rounded else torch.float64  # those of float32 are rounded by AMX
        return torch.mm(a.to(factors), b.to(factors)).float()

    def forget() -> None:
        for found in (multiplies_bfloat16_faster, rounds_on_the_processor):
            found.cache_clear()

    forget()
    monkeypatch.setattr(torch.Tensor, "__matmul__", multiply)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    yield request.param
    forget()


def test_what_products_are_computed_at_is_tried(processor: str) -> None:
    cpu, asked, before = torch.device("cpu"), ("32", "tf32", "bf16"), torch.get_float32_matmul_precision()
    rounded = processor == "rounding"
    assert [precision_in_use(precision, cpu) for precision in asked] == ["32", "32", "bf16" if rounded else "32"]
    assert [precision_in_use(precision, torch.device("cuda")) for precision in asked] == list(asked)
    assert torch.get_float32_matmul_precision() == before


def test_what_is_asked_for_is_set_so_that_the_faster_library_multiplies(
    processor: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="dgmbench")
    cpu, asked = torch.device("cpu"), ("32", "tf32", "bf16")
    exact = processor == "exact"
    assert [precision_to_set(precision, cpu) for precision in asked] == ["bf16" if exact else "32"] * 2 + ["bf16"]
    told = [message.partition(":")[0] for message in caplog.messages]
    assert told == ["precision tf32", *(["precision bf16"] if exact else [])]
    assert [precision_to_set(precision, torch.device("cuda")) for precision in asked] == list(asked)


def test_exact_products_are_by_onednn_where_it_does_not_round(processor: str) -> None:
    with exact_dot():
        found = torch.get_float32_matmul_precision()
    assert found == ("medium" if processor == "exact" else "highest")


@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("shape", [(31, 16, 8), (59, 62, 1), (8, 37, 5), (1, 35, 31), (3, 88, 10), (100, 64, 64)])
def test_a_product_has_the_same_bits_wherever_its_arrays_begin(precision: str, shape: tuple[int, int, int]) -> None:
    def placed(values: np.ndarray, offset: int) -> np.ndarray:
        room = np.empty(values.size + 32, np.float32)
        first = -(room.ctypes.data // 4) % 16 + offset
        room[first : first + values.size] = values.ravel()
        return room[first : first + values.size].reshape(values.shape)

    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(size, np.float32) for size in ((rows, inner), (columns, inner)))
    with float32_products(precision):
        expected = dot(placed(a, 0), placed(b, 0).T)
        for offsets in rng.integers(16, size=(20, 3)).tolist():
            out = placed(np.zeros((rows, columns), np.float32), offsets[2])
            assert dot(placed(a, offsets[0]), placed(b, offsets[1]).T, out) is out
            np.testing.assert_array_equal(out, expected)


def test_products_are_exact_again_afterwards() -> None:
    before = torch.get_float32_matmul_precision()
    with pytest.raises(KeyError), float32_products("8"):
        pass
    with pytest.raises(ZeroDivisionError), float32_products("bf16"):
        assert torch.get_float32_matmul_precision() == "medium"
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == before


def test_denormals_are_flushed_within_and_kept_outside() -> None:
    small, quarter = torch.full((64,), 2e-38), 0.25
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor always keeps them")
    assert (small * quarter > 0).all()
    with denormals_flushed():
        assert (small * quarter == 0).all() and (small.numpy() * np.float32(quarter) == 0).all()
        with denormals_flushed():
            pass
        assert (small * quarter == 0).all()
    assert (small * quarter > 0).all()
