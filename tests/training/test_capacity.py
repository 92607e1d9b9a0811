"""Whether a training fits into memory, told before it starts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dgmbench.errors import UserError
from dgmbench.models.images.vae import VAE
from dgmbench.training import capacity
from dgmbench.training.batches import Batches, as_they_are
from dgmbench.training.capacity import explain_lack_of_memory, kept_bytes, require_memory


class Other(VAE):
    """Not written out."""


BATCHES = Batches(np.zeros((100, 30), np.uint8), 50, 0, as_they_are)


@pytest.mark.parametrize("rows", [2, 7, 50])
@pytest.mark.parametrize("memory", [False, True])
def test_what_a_plain_step_keeps_is_predicted(rows: int, memory: bool) -> None:
    model = Other(30, (16, 12), 5, memory, slots=(7, 3), importance_samples=3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predicted = kept_bytes(model, model.loss, BATCHES, rows, torch.device("cpu"))
    assert predicted == capacity._kept(model, model.loss, BATCHES.some(rows))
    again = Other(30, (16, 12), 5, memory, slots=(7, 3), importance_samples=3)
    again.load_state_dict(before)
    kept_bytes(again, again.loss, BATCHES, rows, torch.device("cpu"))
    assert all(torch.equal(before[name], value) for name, value in again.state_dict().items())


@pytest.mark.parametrize("kind", [VAE, Other])
def test_what_cannot_fit_is_refused(kind: type[VAE]) -> None:
    model = kind(30, (1000, 12), 5)
    with pytest.raises(UserError, match=r"needs more than .* GB and .* GB are free on cpu: lower it$"):
        require_memory(model, model.loss, BATCHES, 10**9, torch.device("cpu"), 1, "lower it")


def test_only_a_lack_of_memory_is_explained() -> None:
    with pytest.raises(RuntimeError, match="shapes"), explain_lack_of_memory("here", "do that"):
        raise RuntimeError("shapes do not match")
    with pytest.raises(UserError, match=r"^here: out of memory; do that$"), explain_lack_of_memory("here", "do that"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
    with pytest.raises(UserError, match="out of memory"), explain_lack_of_memory("here", "do that"):
        torch.empty(2**60)
