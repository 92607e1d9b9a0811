"""Held-out likelihood against seconds, and tokens a second against topics and threads: our engines and other libraries.

    python benchmarks/lda_curves.py results/lda
    python benchmarks/lda_curves.py results/lda --only throughput --threads 1 2 4

Writes quality.{csv,png,pdf}, throughput.{csv,png,pdf} and provenance.json into the folder. The same priors, random
start and documents for everyone, one thread and processor seconds of the training alone; each is stopped when its
seconds are over. Held-out is document completion of test documents from the exported topics, one evaluator for all.
Samplers make sweeps over all documents, gensim and scikit-learn the mini-batches of online variational Bayes.
Throughput is a sweep of the training text, of variational Bayes its first mini-batch; only several threads are timed in
wall-clock seconds, which needs as many idle cores: provenance.json holds the load before and after.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from lda_peers import ALPHA_SUM, BETA, LIBRARIES, Gensim, ScikitLearn, Tomotopy, exported_topics, training_text
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from threadpoolctl import threadpool_limits

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.warp import Warp
from dgmbench.metrics.topics import document_completion
from dgmbench.models.text.likelihood import joint_log_likelihood
from dgmbench.report.figures import figure_style, panels, save_figure
from dgmbench.run import provenance
from dgmbench.run.records import read_json, write_json
from dgmbench.run.workspace import now

GIBBS, WARP, TOMOTOPY, GENSIM, SCIKIT = "gibbs (ours)", "warp (ours)", "tomotopy", "gensim", "scikit-learn"
ENGINES = [GIBBS, WARP, TOMOTOPY, GENSIM, SCIKIT]
MARKERS = dict(zip(ENGINES, "osD^v", strict=True))
DASHES: dict[str, Any] = dict(zip(ENGINES, ["", (5, 1.5), (1.5, 1.2), (5, 1.5, 1.2, 1.5), (8, 2)], strict=True))
FIRST_CHECK, BETWEEN_CHECKS = 0.5, 1.4
"""Seconds before the first score, and the factor to the next."""
SHOWN = 0.9
"""Nats below the best that the quality figure shows; the CSV holds all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=["quality", "throughput"], help="one of the two")
    parser.add_argument("--topics", type=int, nargs="+", default=[100, 1000], help="of the quality curves")
    parser.add_argument("--seconds", type=float, default=60, help="for each engine and number of topics (default 60)")
    parser.add_argument("--held-out", type=int, default=1000, help="test documents to score (default 1000)")
    parser.add_argument("--speed-topics", type=int, nargs="+", default=[10, 30, 100, 300, 1000, 3000, 10000])
    parser.add_argument("--peer-limit", type=int, default=1000, help="most topics for other libraries' throughput")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of WarpLDA (default 1 2)")
    parser.add_argument("--sweeps", type=int, default=5, help="timed sweeps, of which the fastest counts (default 5)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    train, test = training_text()
    origin = {"code": provenance.code(), "libraries": provenance.libraries(LIBRARIES), "host": provenance.host()}
    origin["corpus"] = {"tokens": train.n_tokens, "words": train.n_words, "documents": len(train)}
    path = arguments.folder / "provenance.json"
    origins = read_json(path) if path.is_file() else {}
    for part in ("quality", "throughput"):
        if arguments.only not in (None, part):
            continue
        load = [os.getloadavg()]
        with threadpool_limits(1):
            if part == "quality":
                draw_quality(pd.DataFrame(measure_quality(train, test, arguments)), arguments.folder / part)
            else:
                draw_throughput(pd.DataFrame(measure_throughput(train, arguments)), arguments.folder / part)
        load.append(os.getloadavg())
        settings = {**vars(arguments), "folder": arguments.folder.name}
        origins[part] = {**origin, "settings": settings, "load_before_and_after": load, "finished": now()}
        write_json(path, origins)


def measure_quality(train: Corpus, test: Corpus, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A record for every score: engine, topics, seconds, steps, held_out and joint log-likelihood per token."""
    chosen = np.random.default_rng(0).permutation(len(test))[: arguments.held_out]
    held_out = [test.document(d) for d in chosen]
    for K in arguments.topics:
        alpha = np.full(K, ALPHA_SUM / K)
        for name in ENGINES:
            start(name, train.select_documents(np.arange(50)), K, alpha, arguments.seed)[0]()  # compiles
            step, export = start(name, train, K, alpha, arguments.seed)
            seconds, steps, due = 0.0, 0, FIRST_CHECK
            while seconds < arguments.seconds:
                begin = time.process_time()
                step()
                seconds += time.process_time() - begin
                steps += 1
                if seconds < due and seconds < arguments.seconds:
                    continue
                due = seconds * BETWEEN_CHECKS
                phi, topics = export()
                scores = document_completion(phi, alpha, held_out)
                yield {
                    "engine": name,
                    "topics": K,
                    "seconds": round(seconds, 3),
                    "steps": steps,
                    "held_out": scores.log_likelihood.sum() / scores.tokens.sum(),
                    "joint": np.nan if topics is None else joint_log_likelihood(train, topics, alpha, BETA),
                }
            print(f"K = {K:,}: {name} after {seconds:.0f} seconds, {steps} steps", flush=True)


def start(
    name: str, corpus: Corpus, K: int, alpha: np.ndarray, seed: int
) -> tuple[Callable[[], object], Callable[[], tuple[np.ndarray, np.ndarray | None]]]:
    """An engine at its start: what makes a step, and what exports (n_topics, vocabulary) topics and the tokens' own."""
    if name in (GENSIM, SCIKIT):
        online = (Gensim if name == GENSIM else ScikitLearn)(corpus, K, seed)
        return online.step, lambda: (online.phi(), None)
    if name == TOMOTOPY:
        sampler: Any = Tomotopy(corpus, K, seed)
    else:
        sampler = (Gibbs if name == GIBBS else Warp)(corpus, K, beta=BETA, seed=seed)

    def export() -> tuple[np.ndarray, np.ndarray]:
        topics = sampler.topics
        return exported_topics(corpus, topics, K), topics

    return lambda: sampler.sweep(alpha), export


def measure_throughput(train: Corpus, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A record for each engine, number of topics and of threads: tokens a second of the fastest of some sweeps."""
    for K in arguments.speed_topics:
        alpha = np.full(K, ALPHA_SUM / K)
        samplers: dict[tuple[str, int], Any] = {
            (WARP, n): Warp(train, K, beta=BETA, seed=arguments.seed, threads=n) for n in arguments.threads
        }
        samplers[GIBBS, 1] = Gibbs(train, K, beta=BETA, seed=arguments.seed)
        if arguments.peer_limit >= K:
            samplers[TOMOTOPY, 1] = Tomotopy(train, K, arguments.seed)
        processor, wall = dict.fromkeys(samplers, np.inf), dict.fromkeys(samplers, np.inf)
        for turn in range(-arguments.sweeps, arguments.sweeps):  # the first half brings them out of the random start
            for key, sampler in samplers.items():
                begin = time.process_time(), time.perf_counter()
                sampler.sweep(alpha)
                if turn >= 0:
                    processor[key] = min(processor[key], time.process_time() - begin[0])
                    wall[key] = min(wall[key], time.perf_counter() - begin[1])
        for name, threads in samplers:
            key = name, threads
            yield _speed(name, K, threads, train.n_tokens, processor[key], wall[key])
        if arguments.peer_limit >= K:
            for name, kind in ((GENSIM, Gensim), (SCIKIT, ScikitLearn)):
                online = kind(train, K, arguments.seed)
                begin = time.process_time(), time.perf_counter()
                tokens = online.step()
                yield _speed(name, K, 1, tokens, time.process_time() - begin[0], time.perf_counter() - begin[1])
        print(f"K = {K:,}: throughput measured", flush=True)


def _speed(name: str, K: int, threads: int, tokens: int, processor: float, wall: float) -> dict[str, Any]:
    return {
        "engine": name,
        "topics": K,
        "threads": threads,
        "tokens_per_processor_second": round(tokens / processor),
        "tokens_per_second": round(tokens / wall),
    }


def draw_quality(frame: pd.DataFrame, path: Path) -> None:
    """Held-out log-likelihood per token against processor seconds, a panel for each number of topics."""
    sizes = sorted(frame["topics"].unique())
    with figure_style() as colours:
        figure, axes = panels(len(sizes), 3.9)
        for ax, K in zip(axes, sizes, strict=True):
            part = frame[frame["topics"] == K]
            _lines(part, "seconds", "held_out", ENGINES, colours, ax)
            ax.set(title=f"K = {K:,}", xlabel="processor seconds", ylabel="held-out log-likelihood per token (nats)")
            ax.set_xscale("log")
            _plain_numbers(ax.xaxis)
            ax.set_ylim(max(part["held_out"].min(), part["held_out"].max() - SHOWN) - 0.05, None)
        _legend(figure, axes)
        save_figure(figure, frame, path)


def draw_throughput(frame: pd.DataFrame, path: Path) -> None:
    """Million tokens per second, left of one thread against the topics, right of WarpLDA against its threads."""
    shown = frame.assign(
        processor=frame["tokens_per_processor_second"] / 1e6,
        wall=frame["tokens_per_second"] / 1e6,
    )
    several = shown["threads"].nunique() > 1
    with figure_style() as colours:
        figure, axes = panels(1 + several, 3.9)
        left = axes[0]
        _lines(shown[shown["threads"] == 1], "topics", "processor", ENGINES, colours, left)
        left.set(title="one thread", xlabel="topics K", ylabel="million tokens per processor second")
        left.set_xscale("log")
        left.set_yscale("log")
        for axis in (left.xaxis, left.yaxis):
            _plain_numbers(axis)
        if several:
            _draw_threads(shown[shown["engine"] == WARP], colours[5:], axes[1])
        _legend(figure, [left], columns=5 if several else 3)
        save_figure(figure, frame, path)


def _draw_threads(frame: pd.DataFrame, colours: list[Any], ax: Axes) -> None:
    """Million tokens per second of one engine against its threads, a line for each of a few numbers of topics."""
    sizes = [K for K in (100, 1000, 10000) if K in set(frame["topics"])] or sorted(set(frame["topics"]))
    for K, colour, marker, line in zip(sizes, colours, "<>P*X" * 3, ["-", "--", ":"] * 5, strict=False):
        part = frame[frame["topics"] == K].sort_values("threads")
        ax.plot(part["threads"], part["wall"], line, marker=marker, color=colour, label=f"K = {K:,}")
    ends = np.array([frame["threads"].min(), frame["threads"].max()])
    alone = frame[(frame["threads"] == ends[0]) & frame["topics"].isin(sizes)]["wall"].max()
    ax.plot(ends, ends / ends[0] * alone, "-", color="0.6", lw=1, zorder=0, label="in proportion")
    ax.set(title=WARP, xlabel="threads", ylabel="million tokens per second", xticks=sorted(set(frame["threads"])))
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)


def _lines(frame: pd.DataFrame, x: str, y: str, order: list[str], colours: list[Any], ax: Axes) -> None:
    present = [name for name in order if name in set(frame["engine"])]
    sns.lineplot(
        frame,
        x=x,
        y=y,
        hue="engine",
        style="engine",
        hue_order=present,
        style_order=present,
        palette={name: colours[order.index(name)] for name in present},
        markers=MARKERS,
        dashes=DASHES,
        markersize=5.5,
        lw=1.5,
        ax=ax,
    )


def _plain_numbers(axis: Axis) -> None:
    """1, 10, 100 rather than powers, on a logarithmic axis."""
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.set_minor_formatter(NullFormatter())


def _legend(figure: Any, axes: list[Axes], columns: int = 5) -> None:
    """One legend for the panels, below them."""
    handles, labels = axes[0].get_legend_handles_labels()
    for ax in axes:
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


if __name__ == "__main__":
    main()
