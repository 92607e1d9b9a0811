"""Checks, rates and trainings on one NVIDIA GPU, in the order of their worth, as far as the minutes go.

    bash benchmarks/gpu.sh run gpu-pack out     (gpu.sh says how a bare machine gets what it needs)

1. bound: that of equal noise on GPU and CPU; 2. captured_step: a captured step's training beside the plain one's;
3. resumed: an interrupted training beside one in one go; 4. evaluation: seconds for k = 5000; 5. esca: tokens a second
of an LDA sampler by K, and its draws on the device beside those on the CPU; 6. beside: two trainings on one device
against one; 7. rates: steps a second and the share of the device's own matrix products, by k and precision;
8. overnight: the 50-sample rows of MNIST by workflow/presets/overnight.yaml, as long as time is left:
a killed training leaves its checkpoint. Each part's result goes into report.json when it is there, its failure too.
With ``--cpu`` every part is rehearsed without a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dgmbench.data.corpora import Corpus
from dgmbench.data.load.images import load_images
from dgmbench.data.zipf import ZipfTopics
from dgmbench.fast.products import float32_products
from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.models.images.bounds import iwae_bound
from dgmbench.models.images.distributions import log_bernoulli
from dgmbench.models.images.vae import VAE
from dgmbench.models.text.esca import Esca
from dgmbench.training import captured
from dgmbench.training.batches import Batches, as_they_are, binarised
from dgmbench.training.fit import fit
from dgmbench.training.fitted import Fitted
from dgmbench.training.settings import TrainingSettings

MNIST, LETTERS = {"hidden": (500, 500), "latent": 100}, {"hidden": (200, 200), "latent": 50}


PARTS = ["bound", "captured_step", "resumed", "evaluation", "esca", "beside", "rates", "overnight"]


class Interrupted(Batches):
    """Stops a training at the beginning of an epoch."""

    stop_at = -1

    def __iter__(self) -> Iterator[Tensor]:
        if self.epoch == self.stop_at:
            raise InterruptedError
        return super().__iter__()


def network(k: int, memory: bool = False, pixels: int = 784, **sizes: Any) -> VAE:
    torch.manual_seed(0)
    return VAE(pixels, memory=memory, importance_samples=k, **(sizes or MNIST))


def training(folder: Path, batches: Batches, model: nn.Module, gpus: int, **settings: Any) -> Fitted:
    values = {"batch_size": 512, "learning_rate": 0.02, "schedule": "one-cycle", "optimizer": "muon", **settings}
    place = folder / "last.ckpt"
    options: dict[str, Any] = {"seed": 0, "checkpoint": place, "fingerprint": "gpu", "name": folder.name, "gpus": gpus}
    return fit(model, batches, TrainingSettings(**values), **options)


def letters(kind: type[Batches] = Batches, n: int = 4096) -> Any:
    return kind(load_images("ocr-letters").train[:n], 512, 0, as_they_are)


def bound(out: Path, gpus: int) -> dict[str, Any]:
    """The bound of 50 samples with the same noise: CPU in float64, and the device by precision."""
    x = torch.from_numpy((load_images("mnist").test[:64] > 127).astype(np.float32))
    noise, found = torch.randn(50, len(x), 100, generator=torch.Generator().manual_seed(1)), {}

    @torch.no_grad()
    def value(device: str, dtype: torch.dtype, precision: str) -> float:
        model = network(50, memory=True).to(device, dtype)
        own, e = x.to(device, dtype), noise.to(device, dtype)
        with float32_products("tf32" if precision == "tf32" else "32"):
            with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
                mean, log_variance = model.encode(own)
                z = mean + torch.exp(0.5 * log_variance) * e
                log_p = log_bernoulli(own, model.decode(z))
            log_w = log_p + (0.5 * (e.square() - z.square() + log_variance)).sum(-1)
            return float(iwae_bound(log_w).mean())

    exact = value("cpu", torch.float64, "32")
    for precision in ("32", "tf32", "bf16"):
        found[precision] = value("cuda" if gpus else "cpu", torch.float32, precision) - exact
    return {"exact": exact, "differences": found, "float32 agrees": abs(found["32"]) < 1e-4 * abs(exact)}


def captured_step(out: Path, gpus: int) -> dict[str, Any]:
    """Curves of a captured and of a plain training; both draw from the same generator, so their bounds agree."""
    found, as_asked = dict[str, Any](), list[bool]()
    eager = captured.EAGER_STEPS
    for name, steps in (("captured", eager), ("plain", 10**9)):
        captured.EAGER_STEPS = steps
        for optimizer in ("muon", "adam"):
            model = network(5, True, 128, **LETTERS)
            fitted = training(out / f"{name}-{optimizer}", letters(), model, gpus, epochs=4, optimizer=optimizer)
            found[f"{name} {optimizer}"] = fitted.history["bound"]
            as_asked.append(fitted.record["captured"] == (gpus == 1 and name == "captured"))
    captured.EAGER_STEPS = eager
    apart = [max(np.abs(np.subtract(found[f"captured {o}"], found[f"plain {o}"]))) for o in ("muon", "adam")]
    found |= {"captured as asked": all(as_asked), "largest difference": float(max(apart))}
    return {**found, "agree": bool(max(apart) < 0.05)}


def resumed(out: Path, gpus: int) -> dict[str, Any]:
    """A training stopped in epoch 4 and resumed from what was saved after the first, against one in one go."""
    whole, parts = network(5, True, 128, **LETTERS), network(5, True, 128, **LETTERS)
    first = training(out / "whole", letters(), whole, gpus, epochs=6)
    batches = letters(Interrupted)
    batches.stop_at = 3
    with contextlib.suppress(InterruptedError):
        training(out / "parts", batches, parts, gpus, epochs=6)
    parts = network(5, True, 128, **LETTERS)
    second = training(out / "parts", letters(), parts, gpus, epochs=6)
    pairs = zip(whole.state_dict().values(), parts.state_dict().values(), strict=True)
    apart = max(float((a - b).abs().max()) for a, b in pairs)
    curves = [each.history["bound"] for each in (first, second)]
    return {"resumed after epoch": second.resumed_from, "largest difference": apart, "curves": curves}


def steps_per_second(
    out: Path, gpus: int, k: int, memory: bool, seconds: float, batch: int = 512, **settings: Any
) -> float:
    """Of a training on grey MNIST images, the first epoch (compiling, capturing) apart."""
    images = load_images("mnist").train[: 120 * batch if gpus else 4 * batch]
    place = out / f"rate-{k}-{memory}-{settings}-{batch}-{os.getpid()}"
    times, epochs, started = [0.0], 2, time.perf_counter()
    while time.perf_counter() - started < seconds:
        batches = Batches(images, batch, 0, binarised)  # a training leaves its examples on the device
        fitted = training(place, batches, network(k, memory), gpus, batch_size=batch, epochs=epochs, **settings)
        times = fitted.history["seconds"]
        epochs *= 2
        place = place.with_name(place.name + "+")
    return (len(times) - 1) * len(batches) / (times[-1] - times[0])


def beside(out: Path, gpus: int) -> dict[str, Any]:
    """Steps a second of two trainings side by side on one device, in all, over those of one alone."""
    me = [sys.executable, __file__, "--out", str(out), "--rate", "1", *([] if gpus else ["--cpu"])]
    rates = []
    for count in (1, 2):
        running = [subprocess.Popen(me, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        rates.append(sum(float(process.communicate()[0].split()[-1]) for process in running))
    return {"one": rates[0], "two in all": rates[1], "ratio": rates[1] / rates[0]}


def product_rate(device: torch.device, rows: int, precision: str) -> float:
    """Flops a second of the decoder's largest product."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = torch.randn(rows, 500, device=device, dtype=dtype), torch.randn(500, 784, device=device, dtype=dtype)
    with float32_products("tf32" if precision == "tf32" else "32"):
        repeats, started = 0, time.perf_counter()
        while time.perf_counter() - started < 0.3:
            for _ in range(20):
                c = a @ b
            _ = float(c[0, 0])  # waits for the device
            repeats += 20
        return repeats * 2 * rows * 500 * 784 / (time.perf_counter() - started)


def rates(out: Path, gpus: int) -> dict[str, Any]:
    """Steps a second by k, memory, batch and precision, with the share of the bare products' rate."""
    found: dict[str, Any] = {}
    device = torch.device("cuda" if gpus else "cpu")
    products = 2 * 3 * (784 * 500 + 500 * 500 + 2 * 500 * 100), 2 * 3 * (100 * 500 + 500 * 500 + 500 * 784)
    for k, memory, batch in ((1, False, 512), (5, False, 512), (50, False, 512), (50, True, 512), (50, True, 100)):
        for precision in ("32", "tf32", "bf16") if gpus else ("32",):
            seconds = 2.5 if gpus else 0.1
            rate = steps_per_second(out, gpus, k, memory, seconds, batch, precision=precision)
            share = rate * batch * (products[0] + k * products[1]) / product_rate(device, k * batch, precision)
            name = f"k={k} {'memory' if memory else 'plain'} batch={batch} {precision}"
            found[name] = {"steps a second": rate, "share of the products' rate": share}
            print(name, found[name], flush=True)
    return found


def evaluation(out: Path, gpus: int) -> dict[str, Any]:
    """Seconds and values of k = 5000 on the device."""
    n = 500 if gpus else 4
    x = (load_images("mnist").test[:n] > 127).astype(np.float32)
    model = network(1, True).eval().to("cuda" if gpus else "cpu")
    started = time.perf_counter()
    values = log_likelihood(model, x, 5000)
    return {"images": n, "seconds": time.perf_counter() - started, "mean": float(values.mean())}


def esca(out: Path, gpus: int) -> dict[str, Any]:
    """Million tokens a second, and whether the topics of one sweep are distributed as on the CPU (p by chi-square)."""
    from scipy.stats import chi2_contingency

    found: dict[str, Any] = {}
    device, corpus = "cuda" if gpus else "cpu", ZipfTopics(500).draw(100_000 if gpus else 300)
    for K in (100, 1_000, 10_000):
        sampler, alpha = Esca(corpus, K, beta=0.01, device=device), np.full(K, 5 / K)
        if gpus:
            torch.cuda.reset_peak_memory_stats()
        for _ in range(10 if gpus else 1):
            sampler.sweep(alpha)
        done, started = 0, _finished(gpus)
        while not done or (gpus and _finished(gpus) - started < 4.0):
            sampler.sweep(alpha)
            done += 1
        seconds = _finished(gpus) - started
        found[f"K={K}"] = {
            "million tokens a second": done * corpus.n_tokens / seconds / 1e6,
            "peak memory, MB": torch.cuda.max_memory_allocated() / 1e6 if gpus else None,
        }
        print(f"K={K}", found[f"K={K}"], flush=True)
    few, K, copies = ZipfTopics(4, 6, length=8).draw(5), 4, 4000
    words = np.tile(few.words, copies)
    offsets = np.append(0, np.cumsum(np.tile(few.lengths, copies)))
    many = Corpus(few.vocabulary, words, offsets)
    first = np.tile(np.random.default_rng(1).integers(0, K, few.n_tokens), copies)
    drawn = []
    for where in ("cpu", device):
        sampler = Esca(many, K, beta=0.1, seed=len(drawn), device=where)  # another seed: without a GPU, too
        sampler.restore({"topics": first, "sweeps": np.array(0)})
        sampler.sweep(np.array([0.5, 0.2, 1.0, 2.0]))
        drawn.append(sampler.topics.reshape(copies, -1))
    counts = [np.array([np.bincount(each, minlength=K) for each in of.T]) for of in drawn]  # (tokens, K) each
    pairs = [np.stack(pair)[:, np.any(pair, axis=0)] for pair in zip(*counts, strict=True)]
    found["p by token"] = sorted(float(chi2_contingency(pair).pvalue) for pair in pairs)
    found["distributed alike"] = bool(found["p by token"][0] * few.n_tokens > 0.001)
    return found


def _finished(gpus: int) -> float:
    """The time when the device has done all that it was given."""
    if gpus:
        torch.cuda.synchronize()
    return time.perf_counter()


def overnight(out: Path, gpus: int, seconds: float, rows: list[str]) -> dict[str, Any]:
    """The rows of the preset, one after the other, until time is up; Ctrl-C leaves a checkpoint to go on from."""
    from dgmbench.run.config import read_config, read_plan
    from dgmbench.tasks import all_tasks

    root, until, found = Path(__file__).parents[1], time.perf_counter() + seconds, {}
    plan = read_plan(read_config([root / "config.yaml", root / "workflow/presets/overnight.yaml"]), all_tasks())
    for row in rows:
        (run,) = [run for run in plan.runs if (run.dataset, run.model, run.seed) == ("mnist", row, 0)]
        settings = run.settings.model_dump(exclude_defaults=True)
        if not gpus:
            settings |= {"epochs": 1, "k": 5, "train_limit": 600, "test_limit": 5}
        chosen = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        for stage in ("train", "evaluate"):
            left = until - time.perf_counter()
            if left < 5:
                found[f"{row} {stage}"] = "no time left"
                continue
            command = [sys.executable, "-m", "dgmbench", stage, "density", "mnist", row, *chosen]
            process = subprocess.Popen([*command, "--devices", str(gpus), "--results", str(out / "overnight")])
            try:
                found[f"{row} {stage}"] = process.wait(left)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                found[f"{row} {stage}"] = f"interrupted, status {process.wait(30)}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cpu", action="store_true", help="a rehearsal without a GPU")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="these alone")
    parser.add_argument("--rows", nargs="*", default=["mem-iwae-50", "iwae-50"])
    parser.add_argument("--rate", type=int, help="print the steps a second for this k, and nothing else")
    chosen = parser.parse_args()
    gpus, started, scratch = 0 if chosen.cpu else 1, time.perf_counter(), chosen.out / "scratch"
    if chosen.rate:
        print(steps_per_second(scratch, gpus, chosen.rate, False, 6.0 if gpus else 0.1))
        return
    if gpus and not torch.cuda.is_available():
        raise SystemExit("gpu.py: no CUDA device; --cpu rehearses without one")
    machine = torch.cuda.get_device_name() if gpus else platform.processor()
    report: dict[str, Any] = {"machine": machine, "torch": torch.__version__, "python": platform.python_version()}
    parts: list[tuple[str, Callable[[], Any]]] = [
        (part.__name__, partial(part, scratch, gpus))
        for part in (bound, captured_step, resumed, evaluation, esca, beside, rates)
    ]
    assert [*dict(parts), "overnight"] == PARTS

    def trained() -> dict[str, Any]:
        left = 60 * chosen.minutes - 20 - (time.perf_counter() - started)
        return overnight(chosen.out, gpus, left, chosen.rows)

    parts.append(("overnight", trained))
    for name, part in parts:
        if chosen.parts is not None and name not in chosen.parts:
            continue
        begun = time.perf_counter()
        try:
            report[name] = part()
        except Exception:  # the parts after it are worth their time
            report[name] = {"failed": traceback.format_exc()}
        report[f"{name} seconds"] = round(time.perf_counter() - begun, 1)
        print(name, json.dumps(report[name], indent=1), flush=True)
        (chosen.out / "report.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
