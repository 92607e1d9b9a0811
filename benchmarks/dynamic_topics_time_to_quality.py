"""Seconds to the likelihood of the next slice that tomotopy's DTModel has after so many sweeps; prints a ratio.

    python benchmarks/dynamic_topics_time_to_quality.py
    python benchmarks/dynamic_topics_time_to_quality.py --documents 1000 --sweeps 40 --curve

Both in one run, one thread, processor seconds of the sweeps alone, on the dated stories of Reuters-21578 in slices of
time. The peer has the same standard deviations of its walks and its own learning rates. Held-out: document completion
of stories of the slice after the last one, under the topics and the mean of the last slice of each, by the same code.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import tomotopy

from dgmbench.data.corpora import Corpus
from dgmbench.metrics.documents import LogisticNormal, complete
from dgmbench.models.text.dynamic_topics import DynamicTopics
from dgmbench.run.config import build_run
from dgmbench.tasks.text_likelihood.documents import listed, part, prepared_documents
from dgmbench.tasks.text_likelihood.task import TEXT_LIKELIHOOD

SPREAD, SHARE_STEP, WORD_STEP = 2.0, 0.6, 0.2


class Peer:
    """tomotopy's dynamic topic model with one worker."""

    def __init__(self, corpus: Corpus, slices: np.ndarray, n_topics: int, seed: int) -> None:
        self.n_topics, self.n_words, self.slices = n_topics, corpus.n_words, int(slices.max()) + 1
        deviations = {"alpha_var": SHARE_STEP**2, "eta_var": SPREAD**2, "phi_var": WORD_STEP**2}
        self.model = tomotopy.DTModel(k=n_topics, t=self.slices, seed=seed, **deviations)
        for d in range(len(corpus)):
            self.model.add_doc([str(w) for w in corpus.document(d)], timepoint=int(slices[d]))
        self.model.train(0, workers=1)

    def sweep(self) -> None:
        """Resample every token once."""
        self.model.train(1, workers=1, parallel=tomotopy.ParallelScheme.NONE)

    def exported(self) -> LogisticNormal:
        """Of its last slice: topics, of which a word that it has not seen has no part, and the mean of η."""
        last = self.slices - 1
        numbers = [int(word) for word in self.model.used_vocabs]
        topics = np.zeros((self.n_topics, self.n_words))
        topics[:, numbers] = [self.model.get_topic_word_dist(k, timepoint=last) for k in range(self.n_topics)]
        mean = np.array([float(value) for value in self.model.get_alpha(last)])
        topics /= topics.sum(axis=1, keepdims=True)
        return LogisticNormal(topics, mean, (SPREAD**2 + SHARE_STEP**2) * np.eye(self.n_topics))


def sliced_text(documents: int, slices: int) -> tuple[Corpus, np.ndarray, Corpus]:
    """Stories of all slices but the last, their slices, and those of the last."""
    layer = {"slices": slices, "train_limit": documents}
    data = prepared_documents(build_run(TEXT_LIKELIHOOD, "reuters-dated", "unigram", 0, [(layer, "here")], "here"))
    assert data.slices is not None
    return data.train, data.slices, data.test


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, default=50)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--documents", type=int, default=0, help="of training; 0 is all")
    parser.add_argument("--sweeps", type=int, default=200, help="of tomotopy (default 200)")
    parser.add_argument("--every", type=int, default=20, help="sweeps between two checks (default 20)")
    parser.add_argument("--most", type=int, default=400, help="sweeps of ours, half of them LDA's (default 400)")
    parser.add_argument("--held-out", type=int, default=200, help="stories to score (default 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--curve", action="store_true", help="print every check")
    arguments = parser.parse_args(given)
    train, slices, test = sliced_text(arguments.documents, arguments.slices)
    held_out = listed(part(test, arguments.held_out))
    print(f"{len(train):,} stories in {slices.max() + 1} slices, {train.n_tokens:,} tokens, {train.n_words:,} words")

    def quality(model: LogisticNormal) -> float:
        found = complete(model, held_out)
        return float(found.log_likelihood.sum() / found.tokens.sum())

    def show(name: str, seconds: float, sweeps: int, value: float) -> None:
        print(f"  {name:<20}{seconds:12.1f}{sweeps:8}{value:10.4f}", flush=True)

    print(f"\nK = {arguments.topics:,}, per token         seconds  sweeps  held-out")
    peer, peer_seconds, goal = Peer(train, slices, arguments.topics, arguments.seed), 0.0, -np.inf
    for done in range(1, arguments.sweeps + 1):
        start = time.process_time()
        peer.sweep()
        peer_seconds += time.process_time() - start
        if done == arguments.sweeps or (arguments.curve and done % arguments.every == 0):
            goal = quality(peer.exported())
            show("tomotopy", peer_seconds, done, goal)

    deviations = {"spread": SPREAD, "share_step": SHARE_STEP, "word_step": WORD_STEP}
    ours = DynamicTopics(arguments.topics, **deviations, n_sweeps=arguments.most, seed=arguments.seed)
    ours.warm_up(train)
    seconds, reached, start = 0.0, False, time.process_time()
    for number, done in enumerate(ours.passes(train, None, slices)):
        seconds += time.process_time() - start
        if number % arguments.every == 0:
            value = quality(LogisticNormal(ours.topics_, ours.mean_, ours.covariance_))
            reached = value >= goal
            if arguments.curve or reached:
                show("dynamic-topics", seconds, done, value)
        if reached:
            break
        start = time.process_time()
    if reached:
        print(f"  dynamic-topics needs {seconds / peer_seconds:.4f} of tomotopy's seconds")
    else:
        print(f"  dynamic-topics did not reach this in {arguments.most} sweeps, {seconds:.1f} seconds")


if __name__ == "__main__":
    main()
