"""WarpLDA by several workers: who does what in a sweep, and what is done when a worker dies."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.data.corpus_folder import CorpusFolder
from dgmbench.errors import UserError, counted
from dgmbench.fast.text.layout import word_offsets
from dgmbench.fast.text.warp import PARTS
from dgmbench.fast.text.warp_share import DOCUMENTS, WORDS, Documents, Problem, Share, divide, given
from dgmbench.models.text.kept_topics import KeptTopics, in_files
from dgmbench.models.text.likelihood import (
    alpha_terms,
    fixed_point,
    proportions_log_likelihood,
    topics_log_likelihood,
)
from dgmbench.run.workers import Died, InProcess, LostError, Maker, Workers

log = logging.getLogger("dgmbench")
T = TypeVar("T")
_SLACK, _WORD = 2**26, 4  # bytes

MOST_DEATHS = 5
"""Of one worker within one visit, before the fit is given up."""
MOST_LOSSES = 3
"""Of results that sweeps depend on, one after another, before the fit is given up."""


class WarpByShares:
    """As `dgmbench.fast.text.warp.Warp`, to the same bits, by several workers.

    The topics are with nobody for long: a visit gets them in blocks and hands them on in others, and the blocks of the
    last visit are kept until the next one is done everywhere. So when a worker dies, another one takes its place and
    does its part of the visit again. When blocks are lost, as with a machine, all goes on from the last `state` that
    was asked for, or from the beginning, by itself and to the same result.

    Of a corpus in a folder the workers read their own documents and keep their own topics, and what is asked of all
    topics are sums over the workers: this process holds none of it.

    Args:
        corpus: documents, none of them empty.
        n_topics, beta, seed, proposals, parts: as of `Warp`.
        workers: how many; each has some of the parts.
        start: starts them.
        keep_in: a folder that all workers see, for the topics of a state; without it a state has them in memory.

    Raises:
        UserError: there are more workers than parts or documents.
    """

    def __init__(
        self,
        corpus: Corpus | CorpusFolder,
        n_topics: int,
        *,
        beta: float,
        seed: int = 0,
        proposals: int = 1,
        workers: int = 2,
        parts: int = PARTS,
        start: Callable[[Sequence[Maker]], Workers] = InProcess,
        keep_in: Path | None = None,
    ) -> None:
        require_workers(workers, parts, len(corpus))
        self.n_topics, self.beta, self.sweeps = n_topics, beta, 0
        self._division = divide(word_offsets(corpus), corpus.offsets, workers, parts)
        self._offsets, self._keep_in = corpus.offsets, keep_in
        problem = Problem(n_topics, corpus.n_words, beta, seed, proposals)
        self._all = range(workers)
        reads = [self._reader(corpus, i) for i in self._all]
        self._workers = start([partial(Share, problem, self._division, i, reads[i]) for i in self._all])
        self._kept: dict[str, np.ndarray] = {}
        self._in_files: list[KeptTopics] = []  # the last two states; while one is written, the other is whole
        self._since: list[np.ndarray] = []  # alpha of each sweep that came after
        self._deaths: Counter[int] = Counter()  # of each worker in this visit
        self._joined: set[int] = set()  # workers that know the words of their tokens
        try:
            self._despite_losses(self._begin_kept)
        except BaseException:
            self.close()
            raise

    def sweep(self, alpha: np.ndarray) -> None:
        """Visit every word and every document once, given the (n_topics,) parameters of the proportions.

        Raises:
            UserError: a worker died, or results were lost, again and again.
        """
        given = np.asarray(alpha, np.float64)
        self._despite_losses(lambda: self._sweep(given))
        self._since.append(given)

    @property
    def topics(self) -> np.ndarray:
        """(tokens,) the topic of each token, in document order; not where a folder keeps them."""
        return self.state()["tokens"][:, 0].copy()

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore` needs to go on exactly; also that of `Warp`, unless the topics are kept in files.

        Raises:
            UserError: the files cannot be written; it can be called again.
        """
        kind = "tokens" if self._keep_in is None else "folder"
        if kind in self._kept and self._kept["sweeps"] == self.sweeps:
            return self._kept
        if self._keep_in is None:
            kept = self._despite_losses(self._gathered)
        else:
            kept = np.array(str(self._keep_in))
            self._write(KeptTopics(self._keep_in, self.sweeps))
        self._kept, self._since = {kind: kept, "sweeps": np.array(self.sweeps)}, []
        return self._kept

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take up a state of a sampler with the same arguments.

        Raises:
            UserError: files of it are damaged or missing.
        """
        self._kept, self._since = dict(state), []
        if "folder" in state and (kept := in_files(state)).folder == self._keep_in:
            self._in_files = [kept]
        self._despite_losses(self._begin_kept)

    def outcome(self, alpha: np.ndarray) -> tuple[sparse.csr_matrix, float]:
        """See `dgmbench.models.text.likelihood.Sums`; each worker counts its words, and adds up its documents."""
        log_of = partial(proportions_log_likelihood, alpha=alpha)

        def step() -> tuple[sparse.csr_matrix, float]:
            incoming = {q: [self._blocks[p][q] for p in self._all] for q in self._all}
            counts = self._values(self._done("word_topic_counts", incoming))
            log_z = self._values(self._done("of_documents", {i: (log_of, *self._blocks[i]) for i in self._all}))
            return sparse.vstack(counts, format="csr"), sum(log_z)

        counts, log_z = self._despite_losses(step)
        return counts, (log_z + topics_log_likelihood(counts, self.beta)) / int(self._division.tokens[-1])

    def fitted_alpha(self, alpha: np.ndarray) -> np.ndarray:
        """See `dgmbench.models.text.likelihood`; the sums go from worker to worker, to the bits of one process."""

        def gains(alpha: np.ndarray) -> np.ndarray:
            terms, so_far = partial(alpha_terms, alpha=alpha), np.zeros(self.n_topics)
            self._done("find_terms", {i: (terms, *self._blocks[i]) for i in self._all})
            for i in self._all:
                [so_far] = self._values(self._done("add_terms", {i: (terms, so_far, *self._blocks[i])}))
            return so_far

        return fixed_point(alpha, np.diff(self._offsets), lambda alpha: self._despite_losses(lambda: gains(alpha)))

    def close(self) -> None:
        """End the workers."""
        self._workers.close()

    def _reader(self, corpus: Corpus | CorpusFolder, worker: int) -> Callable[[], Documents]:
        documents = self._division.of(worker, DOCUMENTS)
        if isinstance(corpus, CorpusFolder):
            return corpus.documents(documents.start, documents.stop)
        begin, end = self._division.tokens[worker : worker + 2]
        return partial(given, corpus.words[begin:end], corpus.offsets[documents.start : documents.stop + 1] - begin)

    def _join(self) -> None:
        """Let workers that are new know the words of their tokens."""
        if new := [i for i in self._all if i not in self._joined]:
            words = self._done("words_for", {i: new for i in self._all}, len(new))
            self._joined |= self._done("join", {q: [words[p][i] for p in self._all] for i, q in enumerate(new)}).keys()

    def _begin_kept(self) -> None:
        """Hand out the state that was kept, or random topics."""
        self._join()
        kept = {i: self._kept_of(*self._division.tokens[i : i + 2]) for i in self._all}
        self._take(self._done("begin", kept, 1 + len(self._all)))
        self.sweeps = int(self._kept.get("sweeps", 0))

    def _kept_of(self, begin: int, end: int) -> tuple[Any, ...]:
        """What a worker begins with whose tokens are these: nothing, the tokens, or what reads them."""
        if "folder" in self._kept:
            return (partial(in_files(self._kept).read, int(begin), int(end)),)
        return (self._kept["tokens"][begin:end],) if self._kept else ()

    def _write(self, kept: KeptTopics) -> None:
        """Let every worker write its tokens; of the states before only the last one stays."""
        for old in self._in_files[:-1]:
            old.remove()
        try:
            self._despite_losses(lambda: self._done("keep", {i: (kept.write, *self._blocks[i]) for i in self._all}))
        except UserError:
            kept.remove()
            raise
        self._in_files = [*self._in_files[-1:], kept]

    def _gathered(self) -> np.ndarray:
        """(tokens, 1 + proposals) of all documents."""
        found = self._done("gather", {i: self._blocks[i] for i in self._all})
        return np.concatenate(self._values(found))

    def _values(self, found: Mapping[int, Sequence[Any]]) -> list[Any]:
        """The first result of each worker, in their order."""
        return self._workers.values(found[i][0] for i in sorted(found))

    def _sweep(self, alpha: np.ndarray) -> None:
        for kind, prior in ((WORDS, np.full(self.n_topics, self.beta)), (DOCUMENTS, alpha)):
            told = self._workers.put(prior), self._workers.put(self._sizes)
            arguments = {q: (kind, self.sweeps, *told, *[self._blocks[p][q] for p in self._all]) for q in self._all}
            self._take(self._done("visit", arguments, 1 + len(self._all)))
        self.sweeps += 1

    def _take(self, found: Mapping[int, Sequence[Any]]) -> None:
        """What a visit gave: of each worker its topics' totals, and its blocks by receiver."""
        self._sizes = np.sum(self._values(found), axis=0)
        self._blocks = [list(found[i][1:]) for i in self._all]
        self._deaths.clear()

    def _done(self, method: str, arguments: Mapping[int, Sequence[Any]], results: int = 1) -> dict[int, Sequence[Any]]:
        """Handles of the results of every worker that is asked, whoever dies meanwhile."""
        done: dict[int, Sequence[Any]] = {}
        while waiting := {i: given for i, given in arguments.items() if i not in done}:
            found = self._workers.call(method, waiting, results)
            done |= {i: handles for i, handles in found.items() if not isinstance(handles, Died)}
            died = {i: result for i, result in found.items() if isinstance(result, Died)}
            for worker, result in died.items():
                self._replace(worker, result)
            if died:
                self._join()
        return done

    def _replace(self, worker: int, died: Died) -> None:
        self._deaths[worker] += 1
        if self._deaths[worker] > MOST_DEATHS:
            raise UserError(
                f"LDA: worker {worker + 1} of {len(self._all)} died {MOST_DEATHS + 1} times in sweep {self.sweeps + 1} "
                f"({died.why}); give the machine more memory or ask for more workers, whose parts are smaller"
            )
        log.warning("LDA: worker %d of %d died (%s): it is replaced", worker + 1, len(self._all), died.why)
        self._joined.discard(worker)
        self._workers.replace(worker)

    def _despite_losses(self, step: Callable[[], T]) -> T:
        """What a step gives; when it finds results lost, from the last state that was kept and the sweeps since."""
        for number in range(MOST_LOSSES + 1):
            try:
                if number:
                    self._begin_kept()
                    for alpha in self._since:
                        self._sweep(alpha)
                return step()
            except LostError as error:
                again = counted(len(self._since), "sweep")
                log.warning("LDA: results of workers are lost (%s): %s again", error, again)
        raise UserError(f"LDA: results of workers were lost {MOST_LOSSES + 1} times in a row; see the logs of Ray")


def require_workers(workers: int, parts: int, documents: int) -> None:
    """Raise a UserError for more workers than there are parts or documents."""
    if workers > documents:
        raise UserError(f"LDA: {counted(workers, 'worker')}, but only {counted(documents, 'document')}; ask for fewer")
    if workers > parts:
        raise UserError(
            f"LDA: {counted(workers, 'worker')}, but documents and words are visited in {counted(parts, 'part')}; ask "
            "for fewer workers or more parts"
        )


def store_of(corpus: Corpus | CorpusFolder, n_topics: int, proposals: int) -> int:
    """Bytes of all that workers hand on at once: topics before and after a visit; words for the workers that start."""
    topic = 2 if n_topics <= 2**16 else 4
    return corpus.n_tokens * (2 * topic * (1 + proposals) + 2 * _WORD) + _SLACK
