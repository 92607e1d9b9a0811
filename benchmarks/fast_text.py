"""What each compiled part of the text models gains over its plain or simpler form; prints a Markdown table of ratios.

    OMP_NUM_THREADS=1 python benchmarks/fast_text.py
    OMP_NUM_THREADS=1 python benchmarks/fast_text.py --corpus 20news --topics 100 --documents 1000

One thread; the two forms take turns and the fastest turn of each counts, in processor seconds. The plain form of a
sampler is Python, so that it works on a few of the documents; a simpler compiled form works on all of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import njit
from scipy import special

from dgmbench.data import load_corpus
from dgmbench.data.corpora import Corpus
from dgmbench.fast.random import Stream
from dgmbench.fast.special import digamma
from dgmbench.fast.text import (
    coordinates,
    densities,
    expectation,
    gibbs_dense,
    latent_features,
    left_to_right,
    proportions,
    supervised,
)
from dgmbench.fast.text.dense import BLOCK
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.layout import Tokens, random_topics, word_order
from dgmbench.fast.text.warp import Warp, alias_table
from dgmbench.metrics.linear_svm import plain_sweep_coordinates
from dgmbench.metrics.topics import plain_left_to_right
from dgmbench.models.text import LDA, gaussian_lda, lftm, slda, topicvec, warp
from dgmbench.models.text.gibbs import sweep as plain_sweep
from dgmbench.models.text.proportion_model import fold_in

BETA = 0.01
Work = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="reuters")
    parser.add_argument("--topics", type=int, default=50)
    parser.add_argument("--documents", type=int, default=100, help="for what is plain Python (default 100)")
    parser.add_argument("--turns", type=int, default=3, help="timed turns of each form (default 3)")
    arguments = parser.parse_args()
    corpus = load_corpus(arguments.corpus).train
    corpus = corpus.select_documents(corpus.lengths > 0)
    some = corpus.select_documents(np.linspace(0, len(corpus) - 1, arguments.documents).astype(int))
    print(f"{arguments.corpus}, K = {arguments.topics}; {corpus.n_tokens:,} tokens, plain forms on {some.n_tokens:,}\n")
    print("| | simpler form | seconds | of ours | ratio |\n|---|---|---:|---:|---:|")
    for part in (samplers, plain_samplers, inference, others):
        for name, simpler, ours, theirs in part(corpus, some, arguments.topics):
            seconds = taking_turns(ours, theirs, arguments.turns)
            print(
                f"| {name} | {simpler} | {seconds[1]:.3g} | {seconds[0]:.3g} | {seconds[1] / seconds[0]:.1f} |",
                flush=True,
            )


def taking_turns(ours: Work, theirs: Work, turns: int) -> tuple[float, float]:
    """Processor seconds of the fastest turn of each, after one that compiles and warms up."""
    best = [np.inf, np.inf]
    for turn in range(-1, turns):
        for i, work in enumerate((ours, theirs)):
            start = time.process_time()
            work()
            if turn >= 0:
                best[i] = min(best[i], time.process_time() - start)
    return best[0], best[1]


Comparison = tuple[str, str, Work, Work]


@njit(error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def loop_mass(counts: np.ndarray, alpha: np.ndarray, weights: np.ndarray, start: int) -> Any:
    mass = np.float32(0)
    for j in range(start, start + BLOCK):
        mass += (counts[j] + alpha[j]) * weights[j]
    return mass


def with_global(module: ModuleType, name: str, **replaced: Any) -> Any:
    """A compiled function of a module, compiled anew with other things under some of the names that it uses."""
    function = getattr(module, name)
    changed = FunctionType(function.py_func.__code__, {**vars(module), **replaced})
    return njit(**{k: v for k, v in function.targetoptions.items() if k in ("error_model", "fastmath", "nogil")})(
        changed
    )


def samplers(corpus: Corpus, some: Corpus, K: int) -> Iterator[Comparison]:
    """The sampler of LDA against simpler compiled ones, after sweeps that let the topics settle."""

    def settled(n_topics: int, dense: bool, kernel: Any = None) -> Work:
        sampler, alpha = Gibbs(corpus, n_topics, beta=BETA, dense=dense), np.full(n_topics, 5 / n_topics)

        def sweep() -> None:
            original = gibbs_dense.sweep
            gibbs_dense.sweep = kernel or original
            sampler.sweep(alpha)
            gibbs_dense.sweep = original

        for _ in range(10):
            sweep()
        return sweep

    simpler = with_global(gibbs_dense, "sweep", block_mass=loop_mass)
    yield f"`gibbs`, dense rows, K = {K}", "lists", settled(K, True), settled(K, False)
    yield "`gibbs`, lists, K = 1,000", "dense rows", settled(1000, False), settled(1000, True)
    yield f"`block_mass` in `gibbs`, K = {K}", "a compiled loop", settled(K, True), settled(K, True, simpler)


def plain_samplers(corpus: Corpus, some: Corpus, K: int) -> Iterator[Comparison]:
    """The samplers against plain Python, a sweep each."""
    alpha, rng = np.full(K, 0.1), np.random.default_rng(0)
    order, topics = word_order(some), random_topics(some, K, 0)
    tokens, proposed = Tokens(order.documents, order.words, topics), topics[:, None].copy()
    settings = alpha, BETA, some.n_words, Stream(0, 0)
    fast, sampler = Gibbs(some, K, beta=BETA), Warp(some, K, beta=BETA)
    yield "`gibbs`", "`models.text.gibbs`", lambda: fast.sweep(alpha), lambda: plain_sweep(tokens, *settings)
    yield "`warp`", "`models.text.warp`", lambda: sampler.sweep(alpha), lambda: warp.sweep(tokens, proposed, *settings)
    weights = rng.dirichlet(np.full(some.n_words, 0.1), size=K)
    given = tokens, alpha, weights, 0, 0
    yield "`densities`", "`gaussian_lda.sweep`", lambda: densities.sweep(*given), lambda: gaussian_lda.sweep(*given)
    mixed = tokens, rng.random(len(topics)) < 0.6, alpha, BETA, 0.6, weights.astype(np.float32), 0, 0
    yield "`latent_features`", "`lftm.sweep`", lambda: latent_features.sweep(*mixed), lambda: lftm.sweep(*mixed)


def inference(corpus: Corpus, some: Corpus, K: int) -> Iterator[Comparison]:
    """What infers documents against numpy, a document at a time."""
    lda, rng = LDA(K, n_sweeps=20).fit(some), np.random.default_rng(0)
    model, eta = (lda.topics_, lda.alpha_), rng.standard_normal((9, K))

    def infer(function: Any) -> Work:
        return lambda: function(some.counts, some.labels, (*model, eta), np.zeros((len(some), K), np.float32), 3)

    exact = np.exp  # of float32, as C's library has it
    yield "`supervised`", "`slda.infer`", infer(supervised.infer), infer(slda.infer)
    kernel, with_c = supervised._infer, with_global(supervised, "_infer", exp=exact)

    def infer_with_c() -> None:
        supervised._infer = with_c
        infer(supervised.infer)()
        supervised._infer = kernel

    yield "`exp` in `supervised`", "`np.exp`, compiled", infer(supervised.infer), infer_with_c

    def step(function: Any) -> Work:
        scores = rng.standard_normal((some.n_words, 15))
        return lambda: function(some.counts, scores, np.full((len(some), 15), 5.0), 0.1, 3)

    yield "`expectation`, K = 15", "`topicvec.expectation`", step(expectation.expectation), step(topicvec.expectation)
    counts = some.counts
    yield (
        "`fold_in`",
        "`proportion_model.fold_in`",
        lambda: proportions.fold_in(*model, counts),
        lambda: fold_in(*model, counts),
    )
    words = [some.document(d)[:30] for d in range(10)]
    flat, offsets = np.concatenate(words), np.cumsum([0, *map(len, words)])
    given = *model, flat, offsets, 20, 0
    yield (
        "`left_to_right`",
        "`plain_left_to_right`",
        lambda: left_to_right.left_to_right(*given),
        lambda: plain_left_to_right(*given),
    )


def others(corpus: Corpus, some: Corpus, K: int) -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    X = rng.dirichlet(np.full(K, 0.1), size=5 * K)
    H, start = X.T @ X, -X.T @ rng.choice([-20.0, 20.0], 5 * K)

    def descend(function: Any) -> Work:
        return lambda: function(H, start.copy(), np.zeros(K), 100)

    yield "`sweep_coordinates`", "numpy", descend(coordinates.sweep_coordinates), descend(plain_sweep_coordinates)
    weights = rng.random(1000)
    yield "`alias_table`, K = 1,000", "Python", lambda: alias_table(weights), lambda: alias_table.py_func(weights)
    x = rng.gamma(1, 10, 1_000_000)

    @njit
    def compiled(x: np.ndarray) -> np.ndarray:
        result = np.empty_like(x)
        for i in range(len(x)):
            result[i] = digamma(x[i])
        return result

    yield "`digamma` of 10⁶ numbers", "`scipy.special`", lambda: compiled(x), lambda: special.digamma(x)


if __name__ == "__main__":
    main()
