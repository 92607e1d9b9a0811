"""WarpLDA on a drawn corpus far beyond the processor's cache against 20 Newsgroups, in one run; prints ratios.

    python benchmarks/lda_large_corpus.py
    python benchmarks/lda_large_corpus.py --tokens 10000000 --topics 1000

Sweeps of both corpora take turns, on one thread; the fastest of each counts, in processor seconds. The drawn documents
have 100 tokens each, Zipf words and planted topics (`ZipfTopics`).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from lda_peers import ALPHA_SUM, BETA, training_text

from dgmbench.data.zipf import ZipfTopics
from dgmbench.fast.text.warp import Warp

LENGTH = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=100_000_000, help="of the drawn corpus (default 10⁸)")
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--topics", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--sweeps", type=int, default=3, help="timed sweeps of each (default 3)")
    parser.add_argument("--warm-up", type=int, default=3, help="sweeps before (default 3)")
    arguments = parser.parse_args()
    begun = time.process_time()
    large = ZipfTopics(100, arguments.words, length=LENGTH).draw(arguments.tokens // LENGTH)
    drawn, (small, _) = time.process_time() - begun, training_text()
    print(f"drawn: {large.n_tokens:,} tokens, {large.n_words:,} words, {len(large):,} documents, in {drawn:.0f} s")
    print(f"20news training text: {small.n_tokens:,} tokens, {small.n_words:,} words, {len(small):,} documents")
    for K in arguments.topics:
        alpha = np.full(K, ALPHA_SUM / K)
        speed = {}
        engines = {name: (of, Warp(of, K, beta=BETA)) for name, of in (("drawn", large), ("20news", small))}
        for turn in range(-arguments.warm_up, arguments.sweeps):
            for name, (corpus, engine) in engines.items():
                start = time.process_time()
                engine.sweep(alpha)
                if turn >= 0:
                    rate = corpus.n_tokens / (time.process_time() - start) / 1e6
                    speed[name] = max(speed.get(name, 0.0), rate)
        print(
            f"K = {K:,}: million tokens per second " + ", ".join(f"{name} {rate:.1f}" for name, rate in speed.items())
        )
        print(f"  drawn / 20news   {speed['drawn'] / speed['20news']:.2f}", flush=True)


if __name__ == "__main__":
    main()
