"""Seconds to the likelihood of the next slice that a peer has: tomotopy's DTModel or gensim's LdaSeqModel.

    python benchmarks/dynamic_topics_time_to_quality.py
    python benchmarks/dynamic_topics_time_to_quality.py --documents 1000 --sweeps 40 --curve
    python benchmarks/dynamic_topics_time_to_quality.py --peer gensim --documents 500 --topics 10

Both in one run, one thread, processor seconds of the fit alone, on the dated stories of Reuters-21578 in slices of
time; prints a ratio. tomotopy has the same standard deviations of its walks and its own learning rates; gensim, whose
variational fit is made at once, its own settings and a Dirichlet prior in every slice. Held-out: document completion
of stories of the slice after the last one, under the topics and the prior of the last slice of each, by the same code.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.metrics.documents import Admixture, LogisticNormal, complete
from dgmbench.models.text.dynamic_topics import DynamicTopics
from dgmbench.run.config import build_run
from dgmbench.tasks.text_likelihood.documents import listed, part, prepared_documents
from dgmbench.tasks.text_likelihood.task import TEXT_LIKELIHOOD

SPREAD, SHARE_STEP, WORD_STEP = 2.0, 0.6, 0.2


class Peer:
    """tomotopy's dynamic topic model with one worker."""

    def __init__(self, corpus: Corpus, slices: np.ndarray, n_topics: int, seed: int) -> None:
        import tomotopy

        self.serial = tomotopy.ParallelScheme.NONE
        self.n_topics, self.n_words, self.slices = n_topics, corpus.n_words, int(slices.max()) + 1
        deviations = {"alpha_var": SHARE_STEP**2, "eta_var": SPREAD**2, "phi_var": WORD_STEP**2}
        self.model = tomotopy.DTModel(k=n_topics, t=self.slices, seed=seed, **deviations)
        for d in range(len(corpus)):
            self.model.add_doc([str(w) for w in corpus.document(d)], timepoint=int(slices[d]))
        self.model.train(0, workers=1)

    def sweep(self) -> None:
        """Resample every token once."""
        self.model.train(1, workers=1, parallel=self.serial)

    def exported(self) -> LogisticNormal:
        """Of its last slice: topics, of which a word that it has not seen has no part, and the mean of η."""
        last = self.slices - 1
        numbers = [int(word) for word in self.model.used_vocabs]
        topics = np.zeros((self.n_topics, self.n_words))
        topics[:, numbers] = [self.model.get_topic_word_dist(k, timepoint=last) for k in range(self.n_topics)]
        mean = np.array([float(value) for value in self.model.get_alpha(last)])
        topics /= topics.sum(axis=1, keepdims=True)
        return LogisticNormal(topics, mean, (SPREAD**2 + SHARE_STEP**2) * np.eye(self.n_topics))


def gensim_model(corpus: Corpus, slices: np.ndarray, n_topics: int, seed: int) -> tuple[Admixture, float]:
    """gensim's dynamic topic model of its last slice, and the processor seconds of its fit."""
    from gensim.models import LdaSeqModel

    order = np.argsort(slices, kind="stable")
    found = [np.unique(corpus.document(int(d)), return_counts=True) for d in order]
    counts = [list(zip(words.tolist(), number.tolist(), strict=True)) for words, number in found]
    start = time.process_time()
    model = LdaSeqModel(
        corpus=counts,
        time_slice=np.bincount(slices).tolist(),
        id2word={w: str(w) for w in range(corpus.n_words)},
        num_topics=n_topics,
        random_state=seed,
    )
    seconds = time.process_time() - start
    topics = np.exp(np.array([chain.e_log_prob[:, -1] for chain in model.topic_chains]))
    return Admixture(topics / topics.sum(axis=1, keepdims=True), np.asarray(model.alphas, np.float64)), seconds


def sliced_text(documents: int, slices: int) -> tuple[Corpus, np.ndarray, Corpus]:
    """Stories of all slices but the last, their slices, and those of the last."""
    layer = {"slices": slices, "train_limit": documents}
    data = prepared_documents(build_run(TEXT_LIKELIHOOD, "reuters-dated", "unigram", 0, [(layer, "here")], "here"))
    assert data.slices is not None
    return data.train, data.slices, data.test


def swept(
    peer: Peer,
    arguments: argparse.Namespace,
    quality: Callable[[LogisticNormal], float],
    show: Callable[[str, float, int, float], None],
) -> tuple[float, float]:
    """What the peer has after its last sweep, and the processor seconds of all."""
    seconds, goal = 0.0, -np.inf
    for done in range(1, arguments.sweeps + 1):
        start = time.process_time()
        peer.sweep()
        seconds += time.process_time() - start
        if done == arguments.sweeps or (arguments.curve and done % arguments.every == 0):
            goal = quality(peer.exported())
            show("tomotopy", seconds, done, goal)
    return goal, seconds


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--topics", type=int, default=50)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--documents", type=int, default=0, help="of training; 0 is all")
    parser.add_argument("--peer", choices=("tomotopy", "gensim"), default="tomotopy")
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

    def quality(model: Admixture | LogisticNormal) -> float:
        found = complete(model, held_out)
        return float(found.log_likelihood.sum() / found.tokens.sum())

    def show(name: str, seconds: float, sweeps: int | str, value: float) -> None:
        print(f"  {name:<20}{seconds:12.1f}{sweeps:>8}{value:10.4f}", flush=True)

    print(f"\nK = {arguments.topics:,}, per token         seconds  sweeps  held-out")
    of_corpus = train, slices, arguments.topics, arguments.seed
    if arguments.peer == "gensim":
        peer, peer_seconds = gensim_model(*of_corpus)
        goal = quality(peer)
        show("gensim", peer_seconds, "", goal)
    else:
        goal, peer_seconds = swept(Peer(*of_corpus), arguments, quality, show)

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
        print(f"  dynamic-topics needs {seconds / peer_seconds:.4f} of {arguments.peer}'s seconds")
    else:
        print(f"  dynamic-topics did not reach this in {arguments.most} sweeps, {seconds:.1f} seconds")


if __name__ == "__main__":
    main()
