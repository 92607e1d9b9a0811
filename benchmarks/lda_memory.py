"""Peak memory of WarpLDA against the number of tokens; prints bytes per token.

    python benchmarks/lda_memory.py
    python benchmarks/lda_memory.py --topics 100 1000 10000 --copies 1 2 4 8

The corpus is the 20 Newsgroups training text, repeated. Each size runs in a process of its own: what its resident size
grows by at most, from the corpus in memory to the end of three sweeps. A table of words by topics would need
4 x vocabulary x K bytes, one of documents by topics 4 x documents x K; they are printed beside it.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import psutil
from lda_peers import ALPHA_SUM, BETA, training_text

from dgmbench.fast.text.warp import Warp
from dgmbench.run import provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, nargs="+", default=[100, 10000])
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 2, 4, 8], help="of the corpus (default 1 2 4 8)")
    arguments = parser.parse_args()
    print("       K      tokens  documents  peak MiB  bytes/token  words x K, MiB  documents x K, MiB")
    for K in arguments.topics:
        for copies in arguments.copies:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                tokens, words, documents, peak = pool.submit(peak_of, K, copies).result()
            tables = (4 * rows * K / 2**20 for rows in (words, documents))
            text = "".join(f"{size:18,.0f}" for size in tables)
            print(f"{K:8,}{tokens:12,}{documents:11,}{peak:10.0f}{peak * 2**20 / tokens:13.1f}{text}", flush=True)


def peak_of(K: int, copies: int) -> tuple[int, int, int, float]:
    """Tokens, words, documents, and MiB by which the resident size grew at most."""
    corpus, _ = training_text()
    alpha = np.full(K, ALPHA_SUM / K)
    Warp(corpus.select_documents(np.arange(50)), K, beta=BETA).sweep(alpha)  # compiles
    corpus = corpus.select_documents(np.tile(np.arange(len(corpus)), copies))
    before, earlier = psutil.Process().memory_info().rss / 2**20, provenance.peak_memory_mb()
    sampler = Warp(corpus, K, beta=BETA)
    for _ in range(3):
        sampler.sweep(alpha)
    peak = provenance.peak_memory_mb()
    if peak <= earlier:
        raise SystemExit(f"loading the text needed more than {copies} copies in WarpLDA: take more copies")
    return corpus.n_tokens, corpus.n_words, len(corpus), peak - before


if __name__ == "__main__":
    main()
