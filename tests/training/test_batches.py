"""Batches: every example once an epoch, nearly equal sizes, the same for one seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dgmbench.training.batches import Batches


def as_given(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return examples.float()


def noisy(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return examples + torch.rand(examples.shape, generator=generator)


def test_every_example_comes_once_an_epoch_in_batches_of_nearly_equal_size() -> None:
    batches = list(Batches(np.eye(23, 40, dtype=np.uint8), 10, 0, as_given))
    assert sorted(len(b) for b in batches) == [7, 8, 8]
    assert torch.equal(torch.cat(batches).sum(0)[:23], torch.ones(23))


@pytest.mark.parametrize(("n", "batch_size"), [(7, 2), (2, 2), (3, 2), (5, 100), (101, 50), (9, 4)])
def test_no_batch_has_a_single_example(n: int, batch_size: int) -> None:
    batches = Batches(np.zeros((n, 3)), batch_size, 0, as_given)
    sizes = [len(b) for b in batches]
    assert sum(sizes) == n and len(sizes) == len(batches)
    assert (min(sizes), max(sizes)) == (batches.smallest, batches.largest)
    assert min(sizes) >= 2 and max(sizes) <= batch_size + 1


def test_an_epoch_repeats_and_another_differs() -> None:
    batches = Batches(np.zeros((23, 4)), 10, 0, noisy)
    first = torch.cat(list(batches))
    batches.epoch = 1
    second = torch.cat(list(batches))
    batches.epoch = 0
    assert torch.equal(torch.cat(list(batches)), first) and not torch.equal(first, second)
    assert not torch.equal(torch.cat(list(Batches(np.zeros((23, 4)), 10, 1, noisy))), first)


def test_processes_share_each_batch() -> None:
    batches = Batches(np.arange(23.0)[:, None], 10, 0, noisy)
    whole = list(batches)
    parts = []
    for number in range(2):
        batches.part = number, 2
        parts.append(list(batches))
    assert all(torch.equal(torch.cat([a, b]), c) for a, b, c in zip(*parts, whole, strict=True))


def test_some_examples_to_try_with_repeat_where_there_are_too_few() -> None:
    assert Batches(np.arange(3.0), 10, 0, as_given).some(4).tolist() == [0, 1, 2, 0]
