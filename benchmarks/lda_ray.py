"""LDA by one process and by several: tokens a second, memory of each process, and what happens to killed workers.

    python benchmarks/lda_ray.py                            # 20 million tokens; needs the extra 'ray', and idle cores
    python benchmarks/lda_ray.py --tokens 1000000 --sweeps 3
    python benchmarks/lda_ray.py --kills 10                 # workers are killed meanwhile: nothing about speed then
    python benchmarks/lda_ray.py --engines folder           # documents that the workers read from Parquet files

The corpus is drawn (`ZipfTopics`). Engines take turns, each time in a process of its own; sweeps are timed one by one,
the first of each is left out, and the median counts. Of ``ray`` the processor seconds are those of the busiest worker.
Memory is the largest that was seen of each process, first the one that calls ``fit``, then the workers, every 20 ms
from the corpus in memory on: its own, and beside it what it has mapped of Ray's store, which all processes of a machine
share.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import count, pairwise
from multiprocessing import get_context
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import numpy as np
import psutil

from dgmbench.data.corpora import Corpus
from dgmbench.data.corpus_folder import CorpusFolder, write_corpus_folder
from dgmbench.data.zipf import ZipfTopics
from dgmbench.models.text.lda import LDA

ENGINES = ("warp", "ray", "folder")
LENGTH = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=20_000_000)
    parser.add_argument("--topics", type=int, default=1000)
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sweeps", type=int, default=6)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0, help="workers that are killed within sweeps, when a seed says")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES[:2])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus"
        _apart(draw, path, arguments.tokens, arguments.words)
        print("engine  processes  s/sweep  Mtokens/s  CPU s/sweep  peak MiB  topics", flush=True)
        rates: dict[str, list[float]] = {engine: [] for engine in arguments.engines}
        for _ in range(arguments.turns):
            for engine in rates:
                kills = 0 if engine == "warp" else arguments.kills
                sweeps = arguments.sweeps + arguments.kills
                found = _apart(measured, path, engine, arguments.topics, arguments.workers, sweeps, kills)
                rates[engine].append(found["seconds"])
                seconds, rate = found["seconds"], found["tokens"] / found["seconds"] / 1e6
                facts = f"{found['peaks']}  {found['topics']}  {found['killed']} killed"
                print(
                    f"{engine:8}{found['processes']:9}{seconds:9.2f}{rate:11.1f}{found['cpu']:13.2f}  {facts}",
                    flush=True,
                )
    if {"warp", "ray"} <= rates.keys() and not arguments.kills:
        ratio = np.median(rates["warp"]) / np.median(rates["ray"])
        print(f"{arguments.workers} workers are {ratio:.2f} times as fast as one process, by the clock")


def _apart(function: Any, *arguments: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def draw(path: Path, tokens: int, words: int) -> None:
    """Write a corpus of about so many tokens, as a folder."""
    write_corpus_folder(path, ZipfTopics(100, words, length=LENGTH).parts(tokens // LENGTH))


def measured(path: Path, engine: str, K: int, workers: int, sweeps: int, kills: int) -> dict[str, Any]:
    """Median seconds of a sweep, peak memory of each process in MiB, a hash of the topics, and how many were killed."""
    corpus = CorpusFolder(path) if engine == "folder" else CorpusFolder(path).read()
    options: dict[str, Any] = {"engine": "ray" if engine == "folder" else engine, "workers": workers, "seed": 1}
    if isinstance(corpus, Corpus) and engine == "warp":
        LDA(K, n_sweeps=1, **options).fit(corpus.select_documents(np.arange(K)))  # compiles
    times, cpu, peaks, chooser, killed = [0.0], [], {}, random.Random(7), []
    Thread(target=_watch, args=(peaks, engine), daemon=True).start()

    def kill() -> None:
        if len(killed) == kills:
            return
        with suppress(psutil.NoSuchProcess, IndexError):  # none is there while one is replaced
            chooser.choice(_workers()).kill()
            killed.append(True)

    def look(sweep: int, of: int, seconds: float) -> None:
        there = [psutil.Process()] if engine == "warp" else _workers()
        times.append(seconds)
        cpu.append({})
        for process in there:
            with suppress(psutil.NoSuchProcess):  # it was killed
                cpu[-1][process.pid] = process.cpu_times().user
        if len(killed) < kills and sweep < of:  # somewhere in the next sweep
            timer = Timer(chooser.uniform(0, min(after - before for before, after in pairwise(times))), kill)
            timer.daemon = True
            timer.start()

    fitted = LDA(K, n_sweeps=sweeps, progress=look, **options).fit(corpus)
    lived = [(before, after, before.keys() & after.keys()) for before, after in pairwise(cpu)]
    spent = [max(after[pid] - before[pid] for pid in both) for before, after, both in lived if both]
    return {
        "processes": len(cpu[-1]),
        "seconds": float(np.median(np.diff(times[1:]))),
        "tokens": corpus.n_tokens,
        "cpu": float(np.median(spent)),
        "peaks": ", ".join(f"{own:.0f} + {shared:.0f}" for own, shared in peaks.values()),
        "topics": hashlib.sha256(fitted.word_topic_counts_.toarray().tobytes()).hexdigest()[:12],
        "killed": len(killed),
    }


def _workers() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.name().startswith("ray::_Holder") and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found


def _watch(peaks: dict[int, list[float]], engine: str) -> None:
    """Raise the peaks, own and shared memory in MiB by process, for ever; a process that ended keeps its peak."""
    for number in count():
        if number % 20 == 0:
            for process in [psutil.Process(), *([] if engine == "warp" else _workers())]:
                peaks.setdefault(process.pid, [0, 0])
        for pid, peak in peaks.items():
            with suppress(OSError):
                lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
                found = [int(lines.get(name, "0").split()[0]) / 1024 for name in ("RssAnon", "RssShmem")]
                peak[:] = map(max, peak, found)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
