"""Measure how close a model's images are to held-out ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from dgmbench.metrics.class_coverage import classes_covered, prediction_entropy
from dgmbench.metrics.frechet import frechet_distance
from dgmbench.metrics.manifold import NEIGHBOURS, manifold
from dgmbench.metrics.mmd import cubic, rbf, squared_mmd
from dgmbench.metrics.parzen import chosen_width, parzen_log_likelihood
from dgmbench.metrics.resampling import Resampled, mean_of, weights
from dgmbench.metrics.wasserstein import sliced_wasserstein, wasserstein
from dgmbench.models.images.classifier import ImageClassifier
from dgmbench.run.records import read_arrays
from dgmbench.run.spec import canonical_hash
from dgmbench.run.task import Evaluation, Job
from dgmbench.tasks.generation.images import largest, part_of, values
from dgmbench.tasks.generation.settings import generation_settings

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
        UserError: the samples are gone.
    """
    spec, settings, white = job.spec, generation_settings(job.spec), largest(job.spec)
    torch.set_num_threads(job.threads)
    (judge,) = job.before
    classifier, part = judge.model(), part_of(spec, "test")
    samples = values(read_arrays(job.folder / "samples.npz", "samples")["samples"], white)
    held_out = values(part.images, white)
    counts: dict[str, Any] = {"images": len(held_out), "samples": len(samples)}
    protocol = {
        "split": settings.split,
        "classifier": judge.spec.training_id,
        "classifier_error": judge.record["test_error"],
        "classifier_seed": judge.spec.seed,
    }
    if min(len(samples), len(held_out)) <= NEIGHBOURS:
        if len(samples):
            log.warning("%s: %d test images are too few for the metrics", spec.run_id, len(held_out))
        return Evaluation(dict.fromkeys(METRICS) | counts, 0.0, {}, "diverged", {"protocol": protocol})
    started = time.perf_counter()
    # samples are drawn independently of those of other runs
    drawn = weights(len(samples), len(held_out), int(canonical_hash(spec.canonical("training")), 16))
    features = {name: _features(classifier, x) for name, x in (("samples", samples), ("test", held_out))}
    inside = manifold(features["samples"][0], features["test"][0])
    probabilities = features["samples"][1]
    found: dict[str, Resampled] = {
        "mmd": squared_mmd(samples, held_out, rbf(), drawn),
        "kernel_distance": squared_mmd(features["samples"][0], features["test"][0], cubic, drawn),
        "frechet_distance": frechet_distance(features["samples"][0], features["test"][0], drawn),
        "sliced_wasserstein": sliced_wasserstein(samples, held_out, drawn),
        "precision": mean_of(inside.precision, drawn.generated),
        "density": mean_of(inside.density, drawn.generated),
        "recall": mean_of(inside.recall, drawn.held_out),
        "coverage": mean_of(inside.coverage, drawn.held_out),
        "classes": classes_covered(probabilities.argmax(axis=1), part.labels, drawn.generated),
        "entropy": prediction_entropy(probabilities, drawn.generated),
    }
    random = np.random.default_rng(0)
    order = random.permutation(len(held_out))  # parts are in the order of a file; the same for every model
    matched = wasserstein(samples, held_out[order])
    valid = values(part_of(spec, "valid").images, white)
    width = chosen_width(valid[random.permutation(len(valid))[:VALIDATION]], samples)
    (log_likelihood,) = parzen_log_likelihood(held_out, samples, (width,))
    arrays = {f"{name}_drawn": found[name].drawn for name in DRAWN} | {"wasserstein": matched, "parzen": log_likelihood}
    metrics: dict[str, Any] = {name: value.observed for name, value in found.items()}
    metrics |= {"wasserstein": float(matched.mean()), "parzen": float(log_likelihood.mean()), "parzen_width": width}
    shares = {
        name: {str(label): float(np.mean(given == label)) for label in np.unique(part.labels)}
        for name, given in (("samples", probabilities.argmax(axis=1)), ("test", part.labels))
    }
    seconds = round(time.perf_counter() - started, 3)
    log.info("%s: %s", spec.run_id, "  ".join(f"{name} {metrics[name]:.3f}" for name in METRICS))
    return Evaluation(metrics | counts, seconds, arrays, None, {"protocol": protocol, "class_shares": shares})


@torch.no_grad()
def _features(classifier: ImageClassifier, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, width) of the last hidden layer, and (n, classes) probabilities, float64."""
    blocks = [classifier.features(block) for block in torch.from_numpy(images).float().split(1000)]
    features = torch.cat(blocks)
    probabilities = torch.softmax(classifier.output(features).double(), dim=1)
    return features.double().numpy(), probabilities.numpy()
