"""Training throughput beside pythae's trainer: the OCR-letters networks, equal batches, one thread, one run.

    pip install --no-deps pythae
    python benchmarks/density_training.py --k 1 5 50

Prints how many times pythae's images per second are reached, which share of the machine's own matrix-multiply rate at
the layers' shapes a whole training reaches, with and without a memory, and where its time goes. All in processor
seconds: other work on the machine disturbs them less than the clock's.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial

import lightning as L
import numpy as np
import torch
from density_rates import HIDDEN, LATENT, flops, layers, product_rates, time_by_part
from torch import nn

from dgmbench.data.load.images import load_images
from dgmbench.models.images.vae import VAE
from dgmbench.tasks.density.settings import DensitySettings
from dgmbench.training.batches import Batches, as_they_are
from dgmbench.training.fit import quiet_lightning
from dgmbench.training.module import GradientTraining

BATCH = 200


def training(
    pixels: np.ndarray, k: int, epochs: int, memory: bool = False, at_start: Callable[..., None] | None = None
) -> Callable[[], None]:
    """A training of our own; ``at_start`` is called when all is set up, before the first step."""
    torch.manual_seed(0)
    model = VAE(pixels.shape[1], (HIDDEN, HIDDEN), LATENT, memory, importance_samples=k)
    settings = DensitySettings(importance_samples=k, epochs=epochs, batch_size=BATCH, schedule="constant")
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        callbacks=[L.pytorch.callbacks.LambdaCallback(on_train_start=at_start)] if at_start else [],
    )
    batches = Batches(pixels, BATCH, 0, as_they_are)
    return partial(trainer.fit, GradientTraining(model, model.loss, batches, settings, seed=0, fingerprint=""))


def ours(pixels: np.ndarray, k: int, epochs: int, memory: bool = False) -> float:
    """Processor seconds per epoch with Lightning's loop; what a trainer does once beforehand is left out."""
    started: list[float] = []
    training(pixels, k, epochs, memory, lambda *_: started.append(time.process_time()))()
    return (time.process_time() - started[0]) / epochs


def pythae(pixels: np.ndarray, k: int, epochs: int) -> float:
    """Processor seconds per epoch of pythae's BaseTrainer with the same layers and Adam's settings."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import IWAE, IWAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    def hidden(inputs: int) -> list[nn.Module]:
        return [nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()]

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(*hidden(pixels.shape[1]), *hidden(HIDDEN))
            self.mean, self.log_variance = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)

        def forward(self, x: torch.Tensor) -> ModelOutput:
            h = self.layers(x)
            return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(
                *hidden(LATENT), *hidden(HIDDEN), nn.Linear(HIDDEN, pixels.shape[1]), nn.Sigmoid()
            )

        def forward(self, z: torch.Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.layers(z))

    torch.manual_seed(0)
    config = IWAEConfig(input_dim=(pixels.shape[1],), latent_dim=LATENT, number_samples=k, reconstruction_loss="bce")
    model = IWAE(config, Encoder(), Decoder())
    data = BaseDataset(torch.from_numpy(pixels).float(), torch.zeros(len(pixels)))
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=epochs,
            per_device_train_batch_size=BATCH,
            learning_rate=1e-3,
            optimizer_params={"eps": 1e-4},
            no_cuda=True,
        )
        trainer = BaseTrainer(model, data, training_config=training)
        trainer.prepare_training()
        start = time.process_time()
        for epoch in range(epochs):
            trainer.train_step(epoch)
        return (time.process_time() - start) / epochs


def share_of_products(pixels: np.ndarray, k: int, memory: bool, epochs: int, pairs: int) -> None:
    """Print the share of the bare products' rate that a whole training reaches, and where its time goes."""
    shapes = layers(pixels.shape[1], BATCH, k, memory)
    ours(pixels[:2000], k, 1, memory)
    found: list[dict[str, float]] = []
    for _ in range(pairs):
        rates = product_rates(shapes, training=True)
        reached = flops(shapes, training=True) * len(pixels) / BATCH / ours(pixels, k, epochs, memory)
        found.append({name: reached / rate for name, rate in rates.items()})
    name = f"{'memory' if memory else 'plain'}, k = {k}"
    shares = {library: statistics.median(row[library] for row in found) for library in found[0]}
    print(f"{name}: " + ", ".join(f"{share:.2f} of {library}'s rate" for library, share in shares.items()), flush=True)
    for part, share in time_by_part(training(pixels[: max(2000, 50_000 // k)], k, 1, memory)):
        print(f"    {share:5.1%}  {part}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=[1, 5, 50])
    parser.add_argument("--pairs", type=int, default=3, help="how often both are timed, in turn")
    parser.add_argument("--alone", action="store_true", help="leave pythae out")
    parser.add_argument("--images", type=int, default=0, help="training images; 0 is all")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    warnings.filterwarnings("ignore")
    quiet_lightning()
    torch.set_num_threads(1)
    pixels = load_images("ocr-letters").train
    pixels = pixels[: arguments.images] if arguments.images else pixels
    for k in arguments.k:
        epochs = 1 if k >= 20 else 3
        for memory in (False, True):
            share_of_products(pixels, k, memory, epochs, arguments.pairs)
        if arguments.alone:
            continue
        pythae(pixels[:2000], k, 1)
        seconds = [(ours(pixels, k, epochs), pythae(pixels, k, epochs)) for _ in range(arguments.pairs)]
        ratios = sorted(theirs / mine for mine, theirs in seconds)
        print(
            f"plain, k = {k}: {statistics.median(ratios):.2f} times pythae's images per second "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} pairs)",
            flush=True,
        )


if __name__ == "__main__":
    main()
