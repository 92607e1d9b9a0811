"""Tokens per second and sweep of our LDA engines and of tomotopy with one worker, in one run; prints ratios.

    python benchmarks/lda_throughput.py
    python benchmarks/lda_throughput.py --topics 1000 --threads 2 --sweeps 20

Each engine is warmed up by a few sweeps, then the engines take turns, sweep by sweep, and the fastest sweep of each
counts. Engines with one thread are timed in processor seconds, which other programs disturb little; one thread against
several in wall-clock seconds, which needs as many idle cores. A WarpLDA sweep visits each token twice, by word and by
document; it is counted once. A sweep of one engine does not improve the model as much as a sweep of another: see
lda_time_to_quality.py for that. esca takes most of the time, on the CPU.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from lda_peers import ALPHA_SUM, BETA, Tomotopy, training_text

from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.warp import Warp
from dgmbench.models.text.esca import Esca


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--threads", type=int, default=2, help="of the second WarpLDA (default 2)")
    parser.add_argument("--sweeps", type=int, default=10, help="timed sweeps of each engine (default 10)")
    parser.add_argument("--warm-up", type=int, default=10, help="sweeps before (default 10)")
    parser.add_argument("--peer-limit", type=int, default=1000, help="most topics for tomotopy (default 1000)")
    parser.add_argument("--device", default="cpu", help="of esca; cuda is a GPU, timed by the clock (default cpu)")
    arguments = parser.parse_args()
    corpus, _ = training_text()
    print(f"20news training text: {corpus.n_tokens:,} tokens, {corpus.n_words:,} words, {len(corpus):,} documents")
    warp_speed = {}
    for K in arguments.topics:
        alpha = np.full(K, ALPHA_SUM / K)
        engines = {
            "warp": Warp(corpus, K, beta=BETA),
            f"warp, {arguments.threads} threads": Warp(corpus, K, beta=BETA, threads=arguments.threads),
            "gibbs": Gibbs(corpus, K, beta=BETA),
            "esca": Esca(corpus, K, beta=BETA, device=arguments.device),
        }
        if arguments.peer_limit >= K:
            engines["tomotopy"] = Tomotopy(corpus, K)
        processor, wall = dict.fromkeys(engines, np.inf), dict.fromkeys(engines, np.inf)
        for turn in range(-arguments.warm_up, arguments.sweeps):
            for name, engine in engines.items():
                start = time.process_time(), time.perf_counter()
                engine.sweep(alpha)
                if name == "esca":
                    _ = engine.topics[0]  # waits for the device
                if turn >= 0:
                    processor[name] = min(processor[name], time.process_time() - start[0])
                    wall[name] = min(wall[name], time.perf_counter() - start[1])
        threaded = f"warp, {arguments.threads} threads"
        seconds = processor | {threaded: wall[threaded]}
        if arguments.device != "cpu":
            seconds["esca"] = wall["esca"]
        speed = {name: corpus.n_tokens / least / 1e6 for name, least in seconds.items()}
        warp_speed[K] = speed["warp"]
        print(f"\nK = {K:,}: million tokens per second")
        for name, value in speed.items():
            print(f"  {name:<16}{value:8.2f}")
        print(f"  warp / esca                    {speed['warp'] / speed['esca']:.1f}")
        if "tomotopy" in speed:
            print(f"  warp / tomotopy                {speed['warp'] / speed['tomotopy']:.2f}")
        print(f"  {threaded} / one thread   {wall['warp'] / wall[threaded]:.2f}")
    fewest, most = min(warp_speed), max(warp_speed)
    if fewest < most:
        print(f"\nwarp at K = {most:,} / at K = {fewest:,}: {warp_speed[most] / warp_speed[fewest]:.2f}")


if __name__ == "__main__":
    main()
