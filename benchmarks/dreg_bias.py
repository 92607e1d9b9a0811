"""How far the gradient estimator ``dreg`` is from that of ``iwae`` on average, with batch norm and without it.

    python benchmarks/dreg_bias.py --epochs 25

Networks of the OCR-letters (k = 5) are trained by the plain estimator. At their state before and after the training,
both estimators give the gradient of one batch by the encoder again and again, with the same noise. Printed is
|E[dreg] − E[iwae]| / |E[iwae]|. Each squared length is a product of means over two independent halves of the draws, so
that noise adds nothing on average; "noise" is printed where such a square is below 0. The last column is the cosine of
the angle between both means.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import torch
from torch import Tensor, nn

from dgmbench import load_images
from dgmbench.models.images.vae import VAE


def without_batch_norm(model: nn.Module) -> None:
    """Replace every batch norm of the hidden layers, in place."""
    for module in model.modules():
        if isinstance(getattr(module, "norm", None), nn.BatchNorm1d):
            module.norm = nn.Identity()


def train(model: VAE, images: Tensor, epochs: int, rate: float, batch: int = 128) -> None:
    """Adam under a one-cycle schedule, as in the default preset."""
    if not epochs:
        return
    steps = epochs * (len(images) // batch)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate, eps=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(len(images))
        for first in range(0, len(images) - batch + 1, batch):
            optimiser.zero_grad()
            model.loss(images[order[first : first + batch]])["loss"].backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            schedule.step()


def encoder_gradient(model: VAE, x: Tensor, estimator: str, seed: int) -> Tensor:
    """The gradient of the loss by everything before z, as one vector."""
    model.estimator = estimator
    torch.manual_seed(seed)
    parts = (model.encoder1, model.encoder2, model.mean, model.log_variance)
    parameters = [p for part in parts for p in part.parameters()]
    found = torch.autograd.grad(model.loss(x)["loss"], parameters)
    return torch.cat([g.reshape(-1) for g in found]).double()


def bias(model: VAE, x: Tensor, draws: int) -> tuple[float, float]:
    """The squared relative bias of ``dreg``, and the cosine between both estimators' means."""
    halves = []
    for half in (0, 1):
        total = {e: torch.zeros(0, dtype=torch.float64) for e in ("iwae", "dreg")}
        for draw in range(draws // 2):
            for e in total:
                gradient = encoder_gradient(model, x, e, 2 * draw + half)
                total[e] = total[e] + gradient if len(total[e]) else gradient
        halves.append({e: value / (draws // 2) for e, value in total.items()})
    first, second = halves
    length = {e: float(first[e] @ second[e]) for e in ("iwae", "dreg")}
    difference = float((first["dreg"] - first["iwae"]) @ (second["dreg"] - second["iwae"]))
    both = float(first["iwae"] @ second["dreg"] + first["dreg"] @ second["iwae"]) / 2
    return difference / length["iwae"], both / math.sqrt(length["iwae"] * length["dreg"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=128)
    arguments = parser.parse_args()
    images = torch.from_numpy(load_images("ocr-letters").train.astype(np.float32))
    print(f"{'network':<24}{'epochs':>8}{'relative bias':>16}{'cosine':>9}")
    for name, memory, norm, rate in (
        ("batch norm", False, True, 5e-3),
        ("batch norm, memory", True, True, 5e-3),
        ("none", False, False, 1e-3),
    ):
        torch.manual_seed(0)
        model = VAE(128, (200, 200), 50, memory, importance_samples=5)
        if not norm:
            without_batch_norm(model)
        for epochs in (0, arguments.epochs):
            train(model, images, epochs, rate)
            squared, cosine = bias(model, images[: arguments.batch], arguments.draws)
            size = f"{math.sqrt(squared):.3f}" if squared > 0 else "noise"
            print(f"{name:<24}{epochs:>8}{size:>16}{cosine:>9.3f}", flush=True)
            model.estimator = "iwae"


if __name__ == "__main__":
    main()
