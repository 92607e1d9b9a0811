"""MNIST with its last 10,000 training images set apart, to choose settings on.

PYTHONPATH=examples dgmbench train density mnist_validation:images vae --set split=valid --set epochs=40
PYTHONPATH=examples dgmbench evaluate density mnist_validation:images vae --set split=valid --set epochs=40 --set k=200
"""

from __future__ import annotations

from dataclasses import replace

from dgmbench import ImageSplits, load_images


def images() -> ImageSplits:
    """50,000 images for training, 10,000 for validation; the test images are those of MNIST."""
    mnist = load_images("mnist")
    assert mnist.train_labels is not None
    return replace(
        mnist,
        name="mnist-validation",
        train=mnist.train[:50_000],
        valid=mnist.train[50_000:],
        train_labels=mnist.train_labels[:50_000],
        valid_labels=mnist.train_labels[50_000:],
        origin="the last 10,000 training images are for validation",
    )
