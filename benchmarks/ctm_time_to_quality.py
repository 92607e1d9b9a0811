"""Seconds to the held-out likelihood that tomotopy's CTModel with one worker has after so many sweeps; prints a ratio.

    python benchmarks/ctm_time_to_quality.py
    python benchmarks/ctm_time_to_quality.py --topics 50 --documents 1000 --curve

Both in one run, one thread, processor seconds of the sweeps alone. tomotopy samples the documents' vectors in every
second sweep, which takes nearly all of its time: at K = 200 it needs many hours for all documents, so that they can be
fewer. Held-out: document completion of test documents under the topics, mean and covariance of each, by the same code.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import tomotopy
from lda_peers import BETA, training_text

from dgmbench.data.corpora import Corpus
from dgmbench.metrics.documents import LogisticNormal, complete
from dgmbench.models.text.ctm import CTM


class Peer:
    """tomotopy's correlated topic model with one worker and its own settings."""

    def __init__(self, corpus: Corpus, n_topics: int, seed: int) -> None:
        self.n_topics, self.n_words = n_topics, corpus.n_words
        self.model = tomotopy.CTModel(k=n_topics, eta=BETA, seed=seed)
        for d in range(len(corpus)):
            self.model.add_doc([str(w) for w in corpus.document(d)])
        self.model.train(0, workers=1)

    def sweep(self) -> None:
        """Resample every token once."""
        self.model.train(1, workers=1, parallel=tomotopy.ParallelScheme.NONE)

    def exported(self) -> LogisticNormal:
        """Its topics, over the whole vocabulary, and its prior."""
        numbers = [int(word) for word in self.model.used_vocabs]
        sizes = np.asarray(self.model.get_count_by_topics(), np.float64)[:, None]
        seen = np.array([self.model.get_topic_word_dist(k) for k in range(self.n_topics)], np.float64)
        topics = np.full((self.n_topics, self.n_words), BETA)  # of words that no training document has
        topics[:, numbers] = seen * (sizes + len(numbers) * BETA)
        covariance = np.asarray(self.model.prior_cov, np.float64)
        covariance = covariance.reshape(self.n_topics, self.n_topics)
        topics /= topics.sum(axis=1, keepdims=True)
        return LogisticNormal(topics, np.asarray(self.model.prior_mean, np.float64), covariance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, default=200)
    parser.add_argument("--documents", type=int, default=0, help="of training; 0 is all")
    parser.add_argument("--sweeps", type=int, default=200, help="of tomotopy (default 200)")
    parser.add_argument("--every", type=int, default=10, help="sweeps between two checks (default 10)")
    parser.add_argument("--most", type=int, default=400, help="give up after so many sweeps (default 400)")
    parser.add_argument("--held-out", type=int, default=200, help="test documents to score (default 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--curve", action="store_true", help="print every check")
    arguments = parser.parse_args()
    train, test = training_text()
    order = np.random.default_rng(0)
    if arguments.documents:
        train = train.select_documents(order.permutation(len(train))[: arguments.documents])
    held_out = [test.document(d) for d in order.permutation(len(test))[: arguments.held_out]]
    print(f"20news training text: {train.n_tokens:,} tokens, {train.n_words:,} words, {len(train):,} documents")

    def quality(model: LogisticNormal) -> float:
        found = complete(model, held_out)
        return float(found.log_likelihood.sum() / found.tokens.sum())

    def show(name: str, seconds: float, sweeps: int, value: float) -> None:
        print(f"  {name:<20}{seconds:12.1f}{sweeps:8}{value:10.4f}", flush=True)

    print(f"\nK = {arguments.topics:,}, per token         seconds  sweeps  held-out")
    peer = Peer(train, arguments.topics, arguments.seed)
    peer_seconds = 0.0
    for done in range(1, arguments.sweeps + 1):
        start = time.process_time()
        peer.sweep()
        peer_seconds += time.process_time() - start
        if done == arguments.sweeps or (arguments.curve and done % (4 * arguments.every) == 0):
            goal = quality(peer.exported())
            show("tomotopy", peer_seconds, done, goal)

    ours = CTM(arguments.topics, beta=BETA, n_sweeps=arguments.most, seed=arguments.seed)
    ours.warm_up(train)
    seconds, reached, start = 0.0, False, time.process_time()
    for done in ours.passes(train):
        seconds += time.process_time() - start
        if done % arguments.every == 0:
            value = quality(LogisticNormal(ours.topics_, ours.mean_, ours.covariance_))
            reached = value >= goal
            if arguments.curve or reached:
                show("ctm", seconds, done, value)
        if reached:
            break
        start = time.process_time()
    if reached:
        print(f"  ctm needs {seconds / peer_seconds:.4f} of tomotopy's seconds")
    else:
        print(f"  ctm did not reach this in {arguments.most} sweeps, {seconds:.1f} seconds")


if __name__ == "__main__":
    main()
