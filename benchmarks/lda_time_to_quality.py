"""Seconds to the likelihood that tomotopy with one worker has after so many sweeps, in one run; prints ratios.

    python benchmarks/lda_time_to_quality.py
    python benchmarks/lda_time_to_quality.py --topics 1000 --sweeps 100 --engine warp --curve

The same priors, random start, one thread, processor seconds of the sweeps alone. The engine stops at the first check
at which both its joint log-likelihood log p(w, z) per training token and its document-completion log-likelihood per
held-out token are at least tomotopy's.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from lda_peers import ALPHA_SUM, BETA, Tomotopy, exported_topics, training_text

from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.warp import Warp
from dgmbench.metrics.topics import document_completion
from dgmbench.models.text.likelihood import joint_log_likelihood


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--sweeps", type=int, default=100, help="of tomotopy (default 100)")
    parser.add_argument("--engine", choices=["gibbs", "warp"], default="gibbs")
    parser.add_argument("--proposals", type=int, default=1, help="of WarpLDA, per token and visit (default 1)")
    parser.add_argument("--every", type=int, default=5, help="sweeps between two checks (default 5)")
    parser.add_argument("--most", type=int, default=1000, help="give up after so many sweeps (default 1000)")
    parser.add_argument("--held-out", type=int, default=1000, help="test documents to score (default 1000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--curve", action="store_true", help="print every check")
    arguments = parser.parse_args()
    train, test = training_text()
    chosen = np.random.default_rng(0).permutation(len(test))[: arguments.held_out]
    held_out = [test.document(d) for d in chosen]
    print(f"20news training text: {train.n_tokens:,} tokens, {train.n_words:,} words, {len(train):,} documents")

    for K in arguments.topics:
        alpha = np.full(K, ALPHA_SUM / K)

        def quality(topics: np.ndarray, K: int = K, alpha: np.ndarray = alpha) -> tuple[float, float]:
            scores = document_completion(exported_topics(train, topics, K), alpha, held_out)
            completion = scores.log_likelihood.sum() / scores.tokens.sum()
            return joint_log_likelihood(train, topics, alpha, BETA), float(completion)

        peer = Tomotopy(train, K, arguments.seed)
        start = time.process_time()
        for _ in range(arguments.sweeps):
            peer.sweep(alpha)
        peer_seconds = time.process_time() - start
        goal = quality(peer.topics)
        print(f"\nK = {K:,}, per token         seconds  sweeps     joint  held-out")
        print(f"  {'tomotopy':<20}{peer_seconds:12.1f}{arguments.sweeps:8}{goal[0]:10.4f}{goal[1]:10.4f}")

        few = train.select_documents(np.arange(50))
        options = {"beta": BETA, "seed": arguments.seed}
        if arguments.engine == "warp":
            options["proposals"] = arguments.proposals
        kind = Gibbs if arguments.engine == "gibbs" else Warp
        kind(few, K, **options).sweep(alpha)  # compiles
        engine, seconds, reached = kind(train, K, **options), 0.0, False
        while not reached and engine.sweeps < arguments.most:
            start = time.process_time()
            for _ in range(arguments.every):
                engine.sweep(alpha)
            seconds += time.process_time() - start
            now = quality(engine.topics)
            reached = now[0] >= goal[0] and now[1] >= goal[1]
            if arguments.curve or reached:
                print(f"  {arguments.engine:<20}{seconds:12.1f}{engine.sweeps:8}{now[0]:10.4f}{now[1]:10.4f}")
        if reached:
            print(f"  {arguments.engine} needs {seconds / peer_seconds:.2f} of tomotopy's seconds")
        else:
            print(f"  {arguments.engine} did not reach this in {engine.sweeps} sweeps, {seconds:.1f} seconds")


if __name__ == "__main__":
    main()
