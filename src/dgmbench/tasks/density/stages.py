"""Train a density model and measure its test log-likelihood."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmbench.run import records
from dgmbench.data.load.checksums import checksums
from dgmbench.data.load.images import load_images
from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.tasks.density.images import density_settings, evaluation_images
from dgmbench.fast.allocator import keep_freed_memory
from dgmbench.run.workspace import Workspace, evaluation_fingerprint, is_finished, run_record, stage_record

if TYPE_CHECKING:
    import torch
    from torch import nn

log = logging.getLogger("dgmbench")


def train(
    spec: RunSpec, workspace: Workspace, devices: int = 0, threads: int = 1, processes: int = 1
) -> dict[str, Any]:
    """Train, or continue an interrupted training, and leave the model, its record and its curve.

    Args:
        devices: GPUs to use, a process for each; 0 is the CPU. No more are used than the settings ask for.
        threads: CPU threads.
        processes: on the CPU, as many share each batch as they would with so many GPUs, to try that out.

    Returns:
        The training record. Its status is ``diverged`` when the bound stopped being finite: the last good state is
        kept and evaluated.
    """
    folder = workspace.trained(spec)
    fingerprint = records.fingerprint(spec, "training", checksums(spec.dataset))
    if is_finished(folder / "training.json", fingerprint):
        log.info("%s is trained already", spec.training_id)
        return records.read_json(folder / "training.json")
    import torch

    from dgmbench.training.fit import fit

    with workspace.claim(spec, "training"):
        started, watch = records.now(), records.Stopwatch()
        asked = density_settings(spec).devices
        used = min(devices, asked)
        if used < asked > 1:
            where = f"{used} GPU(s)" if used else f"the CPU, in {processes} process(es)"
            log.warning("%s: devices is %d, but it trains on %s; only rounding differs", spec.training_id, asked, where)
        checkpoint = workspace.state(spec) / "last.ckpt"
        fitted = fit(spec, checkpoint, fingerprint, used > 0, used or processes, threads)
        fit_seconds = watch.seconds
        record = stage_record(spec, "training", fingerprint, started, watch) | {
            "training_id": spec.training_id,
            "status": "ok" if fitted.diverged_at is None else "diverged",
            "epochs": len(fitted.history.epoch),
            "diverged_at": fitted.diverged_at,
            "resumed_from_epoch": fitted.resumed_from,
            "parameters": fitted.parameters,
            "fit_seconds": fit_seconds,
            "train_seconds": fitted.history.seconds[-1] if fitted.history.seconds else 0.0,
            "final_bound": fitted.history.bound[-1] if fitted.history.bound else None,
            "devices_asked": asked,
            **fitted.computing,
            "dense_kernel": _dense_kernel(),
        }
        with records.atomic_write(folder / "model.pt", "wb") as file:
            torch.save(fitted.weights, file)
        write_curve(folder / "curve.csv", vars(fitted.history))
        records.write_json(folder / "training.json", record)
    return record


def evaluate(spec: RunSpec, workspace: Workspace, devices: int = 0, threads: int = 1) -> dict[str, Any]:
    """Measure the test log-likelihood of a trained model and leave the run's record and every image's value.

    Raises:
        UserError: the model was not trained, or its checkpoint holds another architecture.
    """
    folder, trained = workspace.run(spec), workspace.trained(spec)
    data = checksums(spec.dataset)
    training = records.read_json(trained / "training.json")
    fingerprint = evaluation_fingerprint(spec, data, training)
    if is_finished(folder / "run.json", fingerprint):
        log.info("%s is evaluated already", spec.run_id)
        return records.read_json(folder / "run.json")
    import torch

    from dgmbench.metrics.likelihood import log_likelihood
    from dgmbench.training.capacity import explain_lack_of_memory, float32_products

    with workspace.claim(spec, "evaluation"):
        started, watch = records.now(), records.Stopwatch()
        keep_freed_memory()
        torch.set_num_threads(threads)
        settings = density_settings(spec)
        images = evaluation_images(spec)
        model = load_model(spec, trained / "model.pt", images.shape[1]).to("cuda" if devices else "cpu")
        measuring = records.Stopwatch()
        # in float32 whatever the training used: a likelihood is compared with others
        advice = "an image takes at most 1000 samples at once, whatever k is: free some memory or use a smaller model"
        with float32_products(tf32=False), explain_lack_of_memory(spec.run_id, advice):
            values = log_likelihood(model, images, settings.k, seed=spec.seed, progress=_progress_line(len(images)))  # type: ignore[arg-type]
        measure_seconds = measuring.seconds
        finite = bool(np.isfinite(values).all())
        metrics = {
            "log_likelihood": float(values.mean()) if finite else None,
            "standard_error": float(values.std(ddof=1) / math.sqrt(len(values)))
            if finite and len(values) > 1
            else None,
            "images": len(values),
            "k": settings.k,
            "final_bound": training["final_bound"],
        }
        record = stage_record(spec, "evaluation", fingerprint, started, watch) | {"measure_seconds": measure_seconds}
        status = training["status"] if finite else "diverged"
        run = run_record(spec, fingerprint, status, metrics, data, training, record) | {
            "protocol": {
                "binarisation": "stochastic, new each epoch; test once, fixed seed"
                if not load_images(spec.dataset).binary
                else "binary data",
                "batch_norm": "statistics of one pass over the training set",
                "split": settings.split,
            },
        }
        records.write_arrays(folder / "per_example.npz", log_likelihood=values)
        records.write_json(folder / "run.json", run)
    log.info("%s: %.2f nats (k = %d, %d images)", spec.run_id, values.mean(), settings.k, len(values))
    return run


def load_model(spec: RunSpec, path: Path, n_pixels: int) -> nn.Module:
    """A trained model, in evaluation mode.

    Raises:
        UserError: the checkpoint does not fit the architecture that the run asks for.
    """
    import torch

    from dgmbench.tasks.density.building import build_model

    model = build_model(spec, n_pixels)
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True, map_location="cpu")
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        held = ", ".join(f"{name} {tuple(value.shape)}" for name, value in list(state.items())[:3])
        raise UserError(
            f"{path} holds another architecture ({held}, ...) than {spec.model} {dict(spec.options)}; "
            "remove it and train again"
        ) from error
    return model.eval()


def write_curve(path: Path, columns: dict[str, list[Any]]) -> None:
    """Equally long columns as CSV, atomically."""
    with records.atomic_write(path) as file:
        file.write(",".join(columns) + "\n")
        for row in zip(*columns.values(), strict=True):
            file.write(",".join(repr(value) for value in row) + "\n")


def _dense_kernel() -> str:
    from dgmbench.fast.images.dense import DENSE_KERNEL

    return DENSE_KERNEL


def _progress_line(total: int) -> Any:
    """Log a tenth at a time."""
    step = max(1, total // 5)

    def show(done: int, of: int) -> None:
        if done % step == 0:
            log.info("evaluated %d of %d images", done, of)

    return show
