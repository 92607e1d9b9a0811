"""Where both LDA engines end: joint log-likelihood per token of long runs, on documents of 20 Newsgroups.

    python benchmarks/lda_long_run.py results/lda
    python benchmarks/lda_long_run.py results/lda --documents 11293 --topics 50 --seeds 0 1 --sweeps 4000

For each seed the exact sampler makes so many sweeps from random topics, and WarpLDA several times as many, because it
mixes more slowly. Then both go on from where the exact sampler ended: within one mode their levels can be compared
more closely than between random starts, which end in different modes. A level is the mean over the last quarter of a
run, of which every tenth sweep is looked at. Writes long-run.csv and adds to provenance.json in the folder.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lda_peers import ALPHA_SUM, BETA, LIBRARIES, training_text

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.warp import Warp
from dgmbench.models.text.likelihood import joint_log_likelihood
from dgmbench.run import provenance
from dgmbench.run.records import read_json, write_json
from dgmbench.run.workspace import now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=1000, help="drawn at random (default 1000)")
    parser.add_argument("--topics", type=int, default=10, help="(default 10)")
    parser.add_argument("--sweeps", type=int, default=2000, help="of the exact sampler (default 2000)")
    parser.add_argument("--more", type=int, default=3, help="times as many of WarpLDA (default 3)")
    parser.add_argument("--proposals", type=int, default=1, help="of WarpLDA, per token and visit (default 1)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    corpus = training_text()[0]
    drawn = np.random.default_rng(0).permutation(len(corpus))[: arguments.documents]
    corpus = corpus.select_documents(np.sort(drawn))
    origin = {"code": provenance.code(), "libraries": provenance.libraries(LIBRARIES), "host": provenance.host()}
    origin["corpus"] = {"tokens": corpus.n_tokens, "words": corpus.n_words, "documents": len(corpus)}
    path = arguments.folder / "provenance.json"
    load = [os.getloadavg()]
    frame = pd.DataFrame(measure(corpus, arguments))
    load.append(os.getloadavg())
    frame.to_csv(arguments.folder / "long-run.csv", index=False)
    settings = {**vars(arguments), "folder": arguments.folder.name}
    part = {**origin, "settings": settings, "load_before_and_after": load, "finished": now()}
    write_json(path, {**(read_json(path) if path.is_file() else {}), "long_run": part})
    report(frame)


def measure(corpus: Corpus, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A record for every run: engine, start, seed, sweeps, level and its standard deviation, processor seconds."""
    K, sweeps = arguments.topics, arguments.sweeps
    alpha = np.full(K, ALPHA_SUM / K)
    for seed in arguments.seeds:
        exact = Gibbs(corpus, K, beta=BETA, seed=seed)
        warp, going_on = (Warp(corpus, K, beta=BETA, seed=seed, proposals=arguments.proposals) for _ in range(2))
        runs: list[tuple[str, str, Gibbs | Warp, int]] = [
            ("gibbs", "random", exact, sweeps),
            ("warp", "random", warp, arguments.more * sweeps),
            ("warp", "where gibbs ended", going_on, sweeps),
            ("gibbs", "where gibbs ended", exact, sweeps),
        ]
        for engine, start, sampler, n_sweeps in runs:
            if sampler is going_on:
                tokens = np.repeat(exact.topics[:, None], 1 + arguments.proposals, axis=1)  # they change nothing
                going_on.restore({"tokens": tokens, "sweeps": np.array(0)})
            trace, begin = [], time.process_time()
            for sweep in range(1, n_sweeps + 1):
                sampler.sweep(alpha)
                if sweep > 0.75 * n_sweeps and sweep % 10 == 0:
                    trace.append(joint_log_likelihood(corpus, sampler.topics, alpha, BETA))
            seconds = time.process_time() - begin
            print(f"  {engine} from {start}, seed {seed}: {np.mean(trace):.4f}, {seconds:.0f} s", flush=True)
            yield {
                "engine": engine,
                "start": start,
                "seed": seed,
                "sweeps": n_sweeps,
                "joint": np.mean(trace),
                "sd_over_sweeps": np.std(trace),
                "processor_seconds": round(seconds, 1),
            }


def report(frame: pd.DataFrame) -> None:
    """Print the mean over seeds, its standard error, and the difference of the engines, paired by seed."""
    for start, part in frame.groupby("start", sort=False):
        levels = part.pivot(index="seed", columns="engine", values="joint")
        levels["warp - gibbs"] = levels["warp"] - levels["gibbs"]
        for name, values in levels.items():
            error = values.std() / np.sqrt(len(values))
            print(f"from {start:<20}{name:<14}{values.mean():9.4f} ± {error:.4f} (sd over seeds {values.std():.4f})")


if __name__ == "__main__":
    main()
