"""What the tests let several processes do; a new interpreter must be able to import it."""

from __future__ import annotations

import os
import signal

import numpy as np
import torch
import torch.nn.functional as F

from dgmbench.data.images import ImageSplits
from dgmbench.errors import UserError
from dgmbench.training import distributed
from dgmbench.models.images.layers import EPS, normalise
from dgmbench.models.images.vae import VAE, Terms, sample
from dgmbench.run.spec import DensitySettings


def blobs() -> ImageSplits:
    """Grey images of 4 x 5 pixels, bright in one place each, as a dataset of one's own."""
    rng = np.random.default_rng(0)
    centre = rng.integers(0, 20, 403)
    distance = np.abs(np.arange(20) - centre[:, None])
    images = np.clip(250 - 60 * distance + rng.integers(0, 20, distance.shape), 0, 255).astype(np.uint8)
    labels = (centre // 2).astype(np.uint8)
    return ImageSplits(
        name="blobs",
        shape=(4, 5),
        binary=False,
        train=images[:303],
        valid=images[303:353],
        test=images[353:],
        train_labels=labels[:303],
        valid_labels=labels[303:353],
        test_labels=labels[353:],
        classes=tuple("abcdefghij"),
    )


class Mortal(VAE):
    """A model whose process 1 fails in the training step that DIES_AT names."""

    steps = 0

    def training_terms(self, x: torch.Tensor, k: int, path_only: bool = False) -> Terms:
        if distributed.is_shared():
            self.steps += 1
            if distributed.rank() == 1 and self.steps == int(os.environ.get("DIES_AT", 0)):
                raise ArithmeticError("the planned end")
        return super().training_terms(x, k, path_only)


def batch_norm_gaps() -> tuple[float, float]:
    """`_batch_norm_gap` without scale and shift, and with them."""
    return _batch_norm_gap(False), _batch_norm_gap(True)


def _batch_norm_gap(with_scale: bool) -> float:
    """The largest difference between the shared batch norm and PyTorch's over all rows: values and gradients."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(11, 4, generator=generator, dtype=torch.float64) * 3 + 1
    weight = torch.randn(11, 4, generator=generator, dtype=torch.float64)
    scale, shift = (torch.randn(4, generator=generator, dtype=torch.float64) for _ in range(2))
    whole = [x.clone().requires_grad_(), *(p.clone().requires_grad_() for p in ((scale, shift) if with_scale else ()))]
    expected = F.batch_norm(whole[0], None, None, *(whole[1:] or (None, None)), True, 0.0, EPS)
    (expected.sin() * weight).sum().backward()
    with distributed.own_rows(11, torch.Generator()) as rows:
        part = [x[rows].clone().requires_grad_(), *(p.detach().clone().requires_grad_() for p in whole[1:])]
        out = normalise(*part)
        (out.sin() * weight[rows]).sum().backward()
    gaps = [out - expected[rows], part[0].grad - whole[0].grad[rows]]  # type: ignore[operator,index]
    gaps += [distributed.sum_over_processes(p.grad) - q.grad for p, q in zip(part[1:], whole[1:], strict=True)]  # type: ignore[arg-type,operator]
    largest = torch.stack([gap.abs().max() for gap in gaps]).detach().max().reshape(1)
    every = [torch.zeros_like(largest) for _ in range(distributed.processes())]
    torch.distributed.all_gather(every, largest)
    return float(torch.cat(every).max())


def compiled_gap() -> float:
    """The largest difference that compiling makes to the gradient of one process of several."""
    from dgmbench.training.loop import DensityTraining, Images

    torch.manual_seed(0)
    model = VAE(20, (8, 8), 3, True, slots=(4, 3)).double()
    images = Images(np.eye(20, dtype=np.uint8), True, 10, 0, torch.device("cpu"))
    module = DensityTraining(model, images, DensitySettings(importance_samples=2), 0)
    x = (torch.rand(11, 20, generator=torch.Generator().manual_seed(0)) < 0.5).double()

    def gradient() -> torch.Tensor:
        model.zero_grad()
        with distributed.own_rows(11, torch.Generator().manual_seed(3)) as rows:
            module.cost(x[rows])[0].backward()
        return torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None])

    plain = gradient()
    module.compile_terms(backend="aot_eager")
    return max(float((gradient() - plain).abs().max()) for _ in range(2))


def noise_of_all_rows() -> torch.Tensor:
    """(3, 7, 2) the samples of a batch of 7, put together from the processes' own rows."""
    mean = torch.zeros(7, 2)
    whole = torch.zeros(3, 7, 2)
    with distributed.own_rows(7, torch.Generator().manual_seed(5)) as rows:
        whole[:, rows] = sample(mean[rows], mean[rows], 3)[0]
    return distributed.sum_over_processes(whole)


def one_makes_a_mistake() -> None:
    """Process 1 meets a user's mistake while process 0 waits for it."""
    if distributed.rank() == 1:
        raise UserError("no such thing; give another")
    distributed.sum_over_processes(torch.zeros(1))


def one_is_killed() -> None:
    """Process 1 is killed while process 0 waits for it."""
    if distributed.rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    distributed.sum_over_processes(torch.zeros(1))


def tell_number_and_stay() -> None:
    """Print the process's id and wait for a signal."""
    os.write(1, b"%d\n" % os.getpid())  # in one call, so that the other process's line cannot come between
    signal.pause()
