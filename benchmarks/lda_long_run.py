"""Where both LDA engines end: joint log-likelihood per token of long runs from random starts, on 20 Newsgroups.

    python benchmarks/lda_long_run.py
    python benchmarks/lda_long_run.py --topics 50 --seeds 0 1 2 --sweeps 4000

Each engine runs alone from random topics for so many sweeps; a second WarpLDA goes on from where the exact sampler
ended, which shows whether it stays there. Printed are mean and standard deviation over the last tenth of the sweeps, of
which every tenth is looked at; seeds differ by more, because they end in different modes.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from lda_peers import ALPHA_SUM, BETA, training_text

from dgmbench.data.corpora import Corpus
from dgmbench.models.topics.engines.gibbs import Gibbs
from dgmbench.models.topics.engines.likelihood import joint_log_likelihood
from dgmbench.models.topics.engines.warp import Warp


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, default=20)
    parser.add_argument("--sweeps", type=int, default=2000, help="of each run (default 2000)")
    parser.add_argument("--proposals", type=int, default=1, help="of WarpLDA, per token and visit (default 1)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    arguments = parser.parse_args()
    corpus, _ = training_text()
    alpha = np.full(arguments.topics, ALPHA_SUM / arguments.topics)
    print(
        f"{corpus.n_tokens:,} tokens, K = {arguments.topics}, {arguments.sweeps} sweeps; joint log-likelihood per token"
    )
    for seed in arguments.seeds:
        options = {"beta": BETA, "seed": seed}
        exact = Gibbs(corpus, arguments.topics, **options)
        report(f"gibbs, seed {seed}", exact, corpus, alpha, arguments.sweeps)
        report(f"warp, seed {seed}", warp(corpus, arguments, seed), corpus, alpha, arguments.sweeps)
        going_on = warp(corpus, arguments, seed)
        tokens = np.repeat(exact.topics[:, None], 1 + arguments.proposals, axis=1)  # they change nothing
        going_on.restore({"tokens": tokens, "sweeps": np.array(0)})
        report(f"warp from gibbs, seed {seed}", going_on, corpus, alpha, arguments.sweeps // 4)


def warp(corpus: Corpus, arguments: argparse.Namespace, seed: int) -> Warp:
    """WarpLDA from random topics."""
    return Warp(corpus, arguments.topics, beta=BETA, seed=seed, proposals=arguments.proposals)


def report(name: str, sampler: Gibbs | Warp, corpus: Corpus, alpha: np.ndarray, sweeps: int) -> None:
    """Run and print: name, mean and deviation of the last tenth, processor seconds."""
    trace, begin = [], time.process_time()
    for sweep in range(sweeps):
        sampler.sweep(alpha)
        if sweep >= 0.9 * sweeps and sweep % 10 == 0:
            trace.append(joint_log_likelihood(corpus, sampler.topics, alpha, BETA))
    seconds = time.process_time() - begin
    print(f"  {name:<24}{np.mean(trace):9.4f} ± {np.std(trace):.4f}{seconds:9.0f} s", flush=True)


if __name__ == "__main__":
    main()
