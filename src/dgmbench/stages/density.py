"""Train a density model and measure its test log-likelihood."""

from __future__ import annotations

import logging
import math
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmbench import records
from dgmbench.data import checksums, load_images
from dgmbench.errors import UserError
from dgmbench.registry import accepted_options, check_options, find_entry, load_factory
from dgmbench.spec import RunSpec
from dgmbench.stages.images import density_settings, evaluation_images, training_images
from dgmbench.stages.memory import keep_freed_memory, release_freed_memory
from dgmbench.stages.workspace import Workspace, evaluation_fingerprint, is_finished, run_record, stage_record

if TYPE_CHECKING:
    import torch
    from torch import nn

    from dgmbench.models.density.training import DensityTraining

log = logging.getLogger("dgmbench")

# A checkpoint costs milliseconds and an epoch seconds to minutes: short epochs need not each have one.
CHECKPOINT_SECONDS = 15.0

# Steps between two releases of memory. Before glibc 2.38, aligned arrays of one size do not fit into the holes that
# arrays of that size leave, and a long training of large batches grew to 4.9 GB.
RELEASE_STEPS = 50


def build_model(spec: RunSpec, n_pixels: int) -> nn.Module:
    """The untrained model of a run, seeded.

    Raises:
        UserError: the class refuses its options or has no ``log_weights``.
    """
    import torch

    entry = find_entry("density", spec.model, spec.factory)
    factory = load_factory(entry.factory)
    check_options(factory, spec.options, spec.model)
    options = dict(spec.options)
    if "n_pixels" in accepted_options(factory):
        options["n_pixels"] = n_pixels
    torch.manual_seed(spec.seed)
    try:
        model = factory(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{spec.model}: {entry.factory} refuses its options: {error}") from error
    if not isinstance(model, torch.nn.Module) or not hasattr(model, "log_weights"):
        raise UserError(f"{spec.model}: {entry.factory} is no torch module with log_weights(x, k) -> (k, batch)")
    return model


def train(spec: RunSpec, workspace: Workspace, devices: int = 0, threads: int = 1) -> dict[str, Any]:
    """Train, or continue an interrupted training, and leave the model, its record and its curve.

    Args:
        devices: GPUs to use; 0 is the CPU.
        threads: CPU threads.

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

    with workspace.claim(spec, "training"):
        started, watch = records.now(), records.Stopwatch()
        keep_freed_memory()
        torch.set_num_threads(threads)
        module, resumed_from = _fit(spec, workspace.state(spec) / "last.ckpt", fingerprint, devices)
        fit_seconds = watch.seconds
        record = stage_record(spec, "training", fingerprint, started, watch) | {
            "training_id": spec.training_id,
            "status": "ok" if module.diverged_at is None else "diverged",
            "epochs": len(module.history.epoch),
            "diverged_at": module.diverged_at,
            "resumed_from_epoch": resumed_from,
            "parameters": sum(p.numel() for p in module.model.parameters()),
            "fit_seconds": fit_seconds,
            "train_seconds": module.history.seconds[-1] if module.history.seconds else 0.0,
            "final_bound": module.history.bound[-1] if module.history.bound else None,
            "device": str(module.images.pixels.device),
            "threads": threads,
            "dense_kernel": _dense_kernel(),
        }
        with records.atomic_write(folder / "model.pt", "wb") as file:
            torch.save({name: value.cpu() for name, value in module.model.state_dict().items()}, file)
        write_curve(folder / "curve.csv", vars(module.history))
        records.write_json(folder / "training.json", record)
    return record


def _fit(spec: RunSpec, checkpoint: Path, fingerprint: str, devices: int) -> tuple[DensityTraining, int]:
    import lightning as L
    import torch

    from dgmbench.models.density import training
    from dgmbench.models.density.optimiser import write_weights

    quiet_lightning()
    settings = density_settings(spec)
    pixels, binary = training_images(spec)
    device = torch.device("cuda" if devices else "cpu")
    model = build_model(spec, pixels.shape[1]).to(device)
    images = training.Images(pixels, binary, settings.batch_size, spec.seed, device)
    module = training.DensityTraining(model, images, settings, spec.seed)
    state = training.load_state(checkpoint, fingerprint)
    if state is not None:
        module.resume(state)
        log.info("%s: resumed after epoch %d of %d", spec.training_id, state["epochs"], settings.epochs)
    resumed_from = module.first_epoch
    every = max(1, settings.epochs // 10)
    last_saved = module.history.seconds[-1] if module.history.seconds else 0.0

    def epoch_done(module: DensityTraining) -> None:
        nonlocal last_saved
        done = module.epoch + 1
        if done == settings.epochs or module.history.seconds[-1] - last_saved > CHECKPOINT_SECONDS:
            training.save_state(checkpoint, module.state() | {"fingerprint": fingerprint})
            last_saved = module.history.seconds[-1]
        if done % every == 0 or done == settings.epochs:
            h = module.history
            log.info("epoch %d/%d  bound %.3f nats  %.0f s", done, settings.epochs, h.bound[-1], h.seconds[-1])

    module.on_epoch_done = epoch_done
    if devices and settings.precision == "tf32":
        torch.set_float32_matmul_precision("high")
    trainer = L.Trainer(
        max_epochs=settings.epochs - module.first_epoch,
        accelerator="gpu" if devices else "cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        default_root_dir=checkpoint.parent,
        precision="bf16-mixed" if devices and settings.precision == "bf16" else "32-true",
        num_sanity_val_steps=0,
        callbacks=[L.pytorch.callbacks.LambdaCallback(on_train_batch_end=_release_now_and_then)],
    )
    if module.first_epoch < settings.epochs:
        trainer.fit(module)
    module.model.to(device)
    last = (
        None
        if settings.weight_average == 0 and module.diverged_at is None
        else training.load_state(checkpoint, fingerprint)
    )
    if module.diverged_at is not None:
        log.warning("%s diverged in epoch %d", spec.training_id, module.diverged_at + 1)
        if last is None:
            raise UserError(f"{spec.training_id}: the bound was not finite in the first epochs; lower learning_rate")
        module.model.load_state_dict(last["model"])
    if last is not None and last["average"] is not None:
        write_weights(last["average"].to(device), module.model)
    training.recompute_batch_norm(module.model, images, settings.epochs, spec.seed)
    return module, resumed_from


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

    from dgmbench.evaluation.likelihood import log_likelihood

    with workspace.claim(spec, "evaluation"):
        started, watch = records.now(), records.Stopwatch()
        keep_freed_memory()
        torch.set_num_threads(threads)
        settings = density_settings(spec)
        images = evaluation_images(spec)
        model = load_model(spec, trained / "model.pt", images.shape[1]).to("cuda" if devices else "cpu")
        measuring = records.Stopwatch()
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


def _release_now_and_then(trainer: Any, module: Any, outputs: Any, batch: Any, batch_index: int) -> None:
    if (batch_index + 1) % RELEASE_STEPS == 0:
        release_freed_memory()


def quiet_lightning() -> None:
    """Silence Lightning's notes about hardware and data loaders, which say nothing about this training."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    os.environ.setdefault("PYTORCH_LIGHTNING_NO_TIPS", "1")


def _dense_kernel() -> str:
    from dgmbench.models.density.dense import DENSE_KERNEL

    return DENSE_KERNEL


def _progress_line(total: int) -> Any:
    """Log a tenth at a time."""
    step = max(1, total // 5)

    def show(done: int, of: int) -> None:
        if done % step == 0:
            log.info("evaluated %d of %d images", done, of)

    return show
