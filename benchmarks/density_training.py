"""Training throughput beside pythae's trainer: the OCR-letters networks, equal batches, one thread, one run.

    pip install pythae
    python benchmarks/density_training.py --k 1 5 50

Prints images per second of both and their ratio, pair by pair, and which share of the machine's own
matrix-multiply rate our training step reaches at the layers' shapes.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
import warnings

import lightning as L
import numpy as np
import torch
from torch import nn

from dgmbench.data import load_images
from dgmbench.models.density.training import DensityTraining, Images
from dgmbench.models.density.vae import VAE
from dgmbench.spec import DensitySettings
from dgmbench.stages.fitting import quiet_lightning
from dgmbench.stages.memory import keep_freed_memory

BATCH = 200
HIDDEN, LATENT = 200, 50


def ours(pixels: np.ndarray, k: int, epochs: int) -> float:
    """Seconds per epoch, Lightning's loop included."""
    torch.manual_seed(0)
    model = VAE(pixels.shape[1], (HIDDEN, HIDDEN), LATENT)
    images = Images(pixels, True, BATCH, 0, torch.device("cpu"))
    settings = DensitySettings(importance_samples=k, epochs=epochs, batch_size=BATCH, schedule="constant")
    module = DensityTraining(model, images, settings, 0)
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    start = time.perf_counter()
    trainer.fit(module)
    return (time.perf_counter() - start) / epochs


def pythae(pixels: np.ndarray, k: int, epochs: int) -> float:
    """Seconds per epoch of pythae's BaseTrainer with the same layers and Adam's settings."""
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
        start = time.perf_counter()
        for epoch in range(epochs):
            trainer.train_step(epoch)
        return (time.perf_counter() - start) / epochs


def matrix_rate(rows: int) -> float:
    """FLOP/s of PyTorch's own float32 product at the decoder's widest shape."""
    x, w = torch.randn(rows, HIDDEN), torch.randn(HIDDEN, HIDDEN)
    x @ w
    start, repeats = time.perf_counter(), max(5, 2_000_000 // rows)
    for _ in range(repeats):
        x @ w
    return 2 * rows * HIDDEN * HIDDEN * repeats / (time.perf_counter() - start)


def step_flops(pixels: int, k: int) -> float:
    """Multiplications and additions of one image's forward and backward pass."""
    encoder = pixels * HIDDEN + HIDDEN * HIDDEN + 2 * HIDDEN * LATENT
    decoder = LATENT * HIDDEN + HIDDEN * HIDDEN + HIDDEN * pixels
    # the first layer's input needs no gradient
    return 6.0 * (encoder + k * decoder) - 2.0 * pixels * HIDDEN


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=[1, 5, 50])
    parser.add_argument("--pairs", type=int, default=3, help="how often both are timed, in turn")
    parser.add_argument("--images", type=int, default=0, help="training images; 0 is all")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    warnings.filterwarnings("ignore")
    quiet_lightning()
    torch.set_num_threads(1)
    keep_freed_memory()
    pixels = load_images("ocr-letters").train
    pixels = pixels[: arguments.images] if arguments.images else pixels
    for k in arguments.k:
        epochs = 1 if k >= 20 else 3
        ours(pixels[:2000], k, 1)
        pythae(pixels[:2000], k, 1)
        seconds = [(ours(pixels, k, epochs), pythae(pixels, k, epochs)) for _ in range(arguments.pairs)]
        ratios = sorted(theirs / mine for mine, theirs in seconds)
        mine, theirs = (len(pixels) / statistics.median(column) for column in zip(*seconds, strict=True))
        share = mine * step_flops(pixels.shape[1], k) / matrix_rate(BATCH * k)
        print(
            f"k = {k}: ours {mine:,.0f} images/s, pythae {theirs:,.0f}; ratio {statistics.median(ratios):.2f} "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}); {share:.2f} of torch.mm's rate",
            flush=True,
        )


if __name__ == "__main__":
    main()
