"""The importance-weighted evaluation: its share of the machine's matrix-multiply rate, and its memory against k.

    python benchmarks/density_evaluation.py

One thread, the OCR-letters networks untrained (the arithmetic is the same). Every k runs in a process of its own;
memory is the peak of the resident set above what it was with model, data and libraries loaded (Linux).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from density_rates import HIDDEN, LATENT, flops, layers, product_rates, time_by_part
from threadpoolctl import threadpool_limits

from dgmbench.data.load.images import load_images
from dgmbench.fast.images.frozen import ROWS
from dgmbench.metrics.likelihood import log_likelihood
from dgmbench.models.images.vae import VAE

AT_K = 5000


def resident(field: str) -> int:
    """Bytes of this process: ``VmRSS`` now, ``VmHWM`` at most since the peak was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(field)))


def measure(k: int, n_images: int, memory: bool, repeats: int) -> dict[str, object]:
    """Shares of the bare products' rates, peak memory in bytes, time by part."""
    torch.set_num_threads(1)
    threadpool_limits(1, "blas")
    torch.manual_seed(0)
    images = torch.from_numpy(load_images("ocr-letters").test[: max(1, n_images * AT_K // k)]).float()
    pixels = images.shape[1]
    model = VAE(pixels, (HIDDEN, HIDDEN), LATENT, memory).eval()
    log_likelihood(model, images[:2], 10)
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # or holes that loading left would hide what the evaluation takes
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident("VmRSS")
    log_likelihood(model, images[:20], k)
    peak = resident("VmHWM") - before
    # the decoder's products, at the rows that go through it at once; the encoder sees one row an image
    rows = min(k, ROWS)
    shapes = [layer for layer in layers(pixels, 1, rows, memory) if layer[0] == rows]
    found: dict[str, list[float]] = {}
    for _ in range(repeats):
        rates = product_rates(shapes, training=False)
        start = time.process_time()
        log_likelihood(model, images, k)
        reached = flops(shapes, training=False) * k / rows * len(images) / (time.process_time() - start)
        for name, rate in rates.items():
            found.setdefault(name, []).append(reached / rate)
    shares = {name: statistics.median(values) for name, values in found.items()}
    parts = list(time_by_part(lambda: log_likelihood(model, images[:20], k)))
    return {"peak": peak, "shares": shares, "parts": parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=[500, 5000, 20000])
    parser.add_argument("--images", type=int, default=60, help=f"images timed at k = {AT_K}; at others, in proportion")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="the networks with a memory in the decoder")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # the child's part
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.k[0], arguments.images, arguments.memory, arguments.repeats)))
        return
    options = ["--images", str(arguments.images), "--repeats", str(arguments.repeats)]
    options += ["--memory"] if arguments.memory else []
    for k in arguments.k:
        child = [sys.executable, __file__, "--one", "--k", str(k), *options]
        result = json.loads(
            subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
        )
        shares = ", ".join(f"{share:.2f} of {name}'s rate" for name, share in result["shares"].items())
        print(f"k = {k}: peak {result['peak'] / 1e6:.0f} MB above model and data; {shares}", flush=True)
        for part, share in result["parts"]:
            print(f"    {share:5.1%}  {part}", flush=True)


if __name__ == "__main__":
    main()
