"""What a gradient through some of 50 samples costs beside one through all, along a training on the letters.

    python benchmarks/some_samples.py --epochs 30 --memory

Two networks of the preset `overnight` start alike and are trained on the same batches in turns, a step each, on one
thread; every step's processor seconds are added up, the optimiser's apart. Printed after each tenth of the epochs: the
bounds of both, the seconds of loss and gradient, and their ratio. Few weights are large before training, and more of
them after it, so that the ratio of a single step would say little.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field

import torch
from threadpoolctl import threadpool_limits

from dgmbench import load_images
from dgmbench.fast.products import denormals_flushed, float32_products
from dgmbench.models.images.vae import VAE
from dgmbench.training.batches import Batches, as_they_are
from dgmbench.training.captured import set_rate
from dgmbench.training.optimiser import build_optimiser, rate_factor
from dgmbench.training.settings import TrainingSettings

LETTERS = {"n_pixels": 128, "hidden": (200, 200), "latent": 50}


@dataclass
class Trained:
    """A network in training, and what its steps took."""

    model: VAE
    settings: TrainingSettings
    seconds: float = 0.0
    bounds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._step = self.model.fast_step()
        self._optimiser = build_optimiser(self.model, self.settings)

    def step(self, x: torch.Tensor, rate: float) -> None:
        """One step; only loss and gradient are timed."""
        assert self._step is not None
        started = time.process_time()
        self.bounds.append(float(self._step(x)["bound"]))
        self.seconds += time.process_time() - started
        set_rate(self._optimiser, rate)
        self._optimiser.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--samples", type=int, default=16, help="draws that one of the gradients goes through")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--precision", choices=("32", "bf16"), default="bf16")
    arguments = parser.parse_args()
    settings = TrainingSettings(
        epochs=arguments.epochs, batch_size=2048, optimizer="muon", learning_rate=0.06, schedule="one-cycle"
    )
    torch.set_num_threads(1)
    batches = Batches(load_images("ocr-letters").train, settings.batch_size, 0, as_they_are)
    factor, both = rate_factor(settings, len(batches)), []
    for some in (0, arguments.samples):
        torch.manual_seed(0)
        model = VAE(**LETTERS, memory=arguments.memory, importance_samples=50, backward_samples=some)  # type: ignore[arg-type]
        both.append(Trained(model, settings))
    done = 0
    with float32_products(arguments.precision), denormals_flushed(), threadpool_limits(1, "blas"):
        for one in both:  # compiled loops are loaded in the first step
            one.step(batches.some(64), 0.0)
            one.seconds = 0.0
        for epoch in range(arguments.epochs):
            batches.epoch = epoch
            for x in batches:
                for one in both:
                    one.step(x, settings.learning_rate * factor(done))
                done += 1
            if (epoch + 1) % max(1, arguments.epochs // 10) == 0:
                bounds = [sum(one.bounds[-len(batches) :]) / len(batches) for one in both]
                all_of_them, some_of_them = (one.seconds for one in both)
                print(
                    f"epoch {epoch + 1}: bound {bounds[0]:.3f} through all, {bounds[1]:.3f} through "
                    f"{arguments.samples}; {all_of_them:.1f} and {some_of_them:.1f} s, "
                    f"ratio {all_of_them / some_of_them:.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
