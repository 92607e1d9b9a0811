"""Measure how close a model's images are to held-out ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError, counted
from dgmbench.metrics.class_coverage import classes_covered, prediction_entropy
from dgmbench.metrics.frechet import frechet_distance
from dgmbench.metrics.manifold import manifold
from dgmbench.metrics.mmd import cubic, rbf, squared_mmd
from dgmbench.metrics.parzen import chosen_width, parzen_log_likelihood
from dgmbench.metrics.resampling import Resampled, Weights, mean_of, weights
from dgmbench.metrics.wasserstein import sliced_wasserstein, wasserstein
from dgmbench.models.images.classifier import ImageClassifier
from dgmbench.run.progress import counting
from dgmbench.run.records import read_arrays
from dgmbench.run.spec import canonical_hash
from dgmbench.run.task import Evaluation, Job
from dgmbench.tasks.generation.images import part_of, values
from dgmbench.tasks.generation.settings import NEIGHBOURS, generation_settings

log = logging.getLogger("dgmbench")

DRAWN = (
    *("mmd", "kernel_distance", "frechet_distance", "sliced_wasserstein"),
    *("precision", "recall", "density", "coverage", "classes"),
)
"""The metrics with bootstrap draws, `<name>_drawn`."""
VALIDATION = 1000
"""Validation images that choose the width of the Parzen window."""
METRICS = (*DRAWN, "wasserstein", "parzen", "entropy")


def evaluate(job: Job, training: Mapping[str, Any]) -> Evaluation:
    """Every metric of the samples that the training left, and what tells how certain it is.

    Raises:
        UserError: the samples are gone, or there are fewer test images than the metrics need.
    """
    spec, settings, white = job.spec, generation_settings(job.spec), load_images(job.spec.dataset).white
    torch.set_num_threads(job.threads)
    (judge,) = job.before
    classifier, part = judge.model(), part_of(spec, "test")
    samples = values(read_arrays(job.folder / "samples.npz", "samples")["samples"], white)
    held_out = values(part.images, white)
    if len(held_out) <= NEIGHBOURS:
        of = {"test": "test image", "valid": "validation image"}[settings.split]
        raise UserError(
            f"{spec.dataset}: {counted(len(held_out), of)}, and the metrics need "
            f"{NEIGHBOURS + 1} or more; raise test_limit, or use a larger dataset"
        )
    counts: dict[str, Any] = {"images": len(held_out), "samples": len(samples)}
    protocol = {
        "split": settings.split,
        "classifier": judge.spec.training_id,
        "classifier_error": judge.record["test_error"],
        "classifier_seed": judge.spec.seed,
    }
    if len(samples) <= NEIGHBOURS:
        return Evaluation(dict.fromkeys(METRICS) | counts, 0.0, {}, "diverged", {"protocol": protocol})
    started = time.perf_counter()
    # samples are drawn independently of those of other runs
    drawn = weights(len(samples), len(held_out), int(canonical_hash(spec.canonical("training")), 16))
    features = {name: _features(classifier, x) for name, x in (("samples", samples), ("test", held_out))}
    with counting("measures of the samples", len(METRICS)) as count:
        found = _resampled(samples, held_out, part.labels, features, drawn, count)
        random = np.random.default_rng(0)
        order = random.permutation(len(held_out))  # parts are in the order of a file; the same for every model
        matched = wasserstein(samples, held_out[order])
        count(len(METRICS) - 1, len(METRICS))
        valid = values(part_of(spec, "valid").images, white)
        width = chosen_width(valid[random.permutation(len(valid))[:VALIDATION]], samples)
        (log_likelihood,) = parzen_log_likelihood(held_out, samples, (width,))
        count(len(METRICS), len(METRICS))
    arrays = {f"{name}_drawn": found[name].drawn for name in DRAWN} | {"wasserstein": matched, "parzen": log_likelihood}
    metrics: dict[str, Any] = {name: value.observed for name, value in found.items()}
    metrics |= {"wasserstein": float(matched.mean()), "parzen": float(log_likelihood.mean()), "parzen_width": width}
    shares = {
        name: {str(label): float(np.mean(given == label)) for label in np.unique(part.labels)}
        for name, given in (("samples", features["samples"][1].argmax(axis=1)), ("test", part.labels))
    }
    seconds = round(time.perf_counter() - started, 3)
    log.info("%s: %s", spec.run_id, "  ".join(f"{name} {metrics[name]:.3f}" for name in METRICS))
    return Evaluation(metrics | counts, seconds, arrays, None, {"protocol": protocol, "class_shares": shares})


def _resampled(
    samples: np.ndarray,
    held_out: np.ndarray,
    labels: np.ndarray,
    features: Mapping[str, tuple[np.ndarray, np.ndarray]],
    drawn: Weights,
    count: Callable[[int, int], None],
) -> dict[str, Resampled]:
    """The metrics with bootstrap draws, and the entropy; each is counted."""
    (of_samples, probabilities), (of_test, _) = features["samples"], features["test"]
    inside = manifold(of_samples, of_test, NEIGHBOURS)
    measures: dict[str, Callable[[], Resampled]] = {
        "mmd": lambda: squared_mmd(samples, held_out, rbf(), drawn),
        "kernel_distance": lambda: squared_mmd(of_samples, of_test, cubic, drawn),
        "frechet_distance": lambda: frechet_distance(of_samples, of_test, drawn),
        "sliced_wasserstein": lambda: sliced_wasserstein(samples, held_out, drawn),
        "precision": lambda: mean_of(inside.precision, drawn.generated),
        "density": lambda: mean_of(inside.density, drawn.generated),
        "recall": lambda: mean_of(inside.recall, drawn.held_out),
        "coverage": lambda: mean_of(inside.coverage, drawn.held_out),
        "classes": lambda: classes_covered(probabilities.argmax(axis=1), labels, drawn.generated),
        "entropy": lambda: prediction_entropy(probabilities, drawn.generated),
    }
    found = {}
    for number, (name, measure) in enumerate(measures.items(), start=1):
        found[name] = measure()
        count(number, len(METRICS))
    return found


@torch.no_grad()
def _features(classifier: ImageClassifier, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, width) of the last hidden layer, and (n, classes) probabilities, float64."""
    blocks = [classifier.features(block) for block in torch.from_numpy(images).float().split(1000)]
    features = torch.cat(blocks)
    probabilities = torch.softmax(classifier.output(features).double(), dim=1)
    return features.double().numpy(), probabilities.numpy()
