"""WarpLDA by several workers: who does what in a sweep, and what is done when a worker dies."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError, counted
from dgmbench.fast.text.layout import word_offsets
from dgmbench.fast.text.warp import PARTS
from dgmbench.fast.text.warp_share import DOCUMENTS, WORDS, Documents, Problem, Share, divide, given
from dgmbench.run.workers import Died, InProcess, LostError, Maker, Workers

log = logging.getLogger("dgmbench")
T = TypeVar("T")
_SLACK = 2**26  # bytes

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

    Args:
        corpus: documents, none of them empty.
        n_topics, beta, seed, proposals, parts: as of `Warp`.
        workers: how many; each has some of the parts.
        start: starts them.

    Raises:
        UserError: there are more workers than parts or documents.
    """

    def __init__(
        self,
        corpus: Corpus,
        n_topics: int,
        *,
        beta: float,
        seed: int = 0,
        proposals: int = 1,
        workers: int = 2,
        parts: int = PARTS,
        start: Callable[[Sequence[Maker]], Workers] = InProcess,
    ) -> None:
        require_workers(workers, parts, len(corpus))
        self.n_topics, self.beta, self.sweeps = n_topics, beta, 0
        self._division = divide(word_offsets(corpus), corpus.offsets, workers, parts)
        problem = Problem(n_topics, corpus.n_words, beta, seed, proposals)
        self._all = range(workers)
        reads = [partial(given, *self._own(corpus, i)) for i in self._all]
        self._workers = start([partial(Share, problem, self._division, i, reads[i]) for i in self._all])
        self._kept: dict[str, np.ndarray] = {}
        self._since: list[np.ndarray] = []  # alpha of each sweep that came after
        self._deaths: Counter[int] = Counter()  # of each worker in this visit
        self._joined: set[int] = set()  # workers that know the words of their tokens
        try:
            self._begin_kept()
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
        """(tokens,) the topic of each token, in document order."""
        return self.state()["tokens"][:, 0].copy()

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore`, also that of `Warp`, needs to go on exactly."""
        if self._kept and self._kept["sweeps"] == self.sweeps:
            return self._kept
        self._kept = {"tokens": self._despite_losses(self._gathered), "sweeps": np.array(self.sweeps)}
        self._since = []
        return self._kept

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take up a state of a sampler with the same arguments."""
        self._kept, self._since = dict(state), []
        self._begin_kept()

    def close(self) -> None:
        """End the workers."""
        self._workers.close()

    def _own(self, corpus: Corpus, worker: int) -> Documents:
        documents, (begin, end) = self._division.of(worker, DOCUMENTS), self._division.tokens[worker : worker + 2]
        return corpus.words[begin:end], corpus.offsets[documents.start : documents.stop + 1] - begin

    def _join(self) -> None:
        """Let workers that are new know the words of their tokens."""
        if new := [i for i in self._all if i not in self._joined]:
            words = self._done("words_for", {i: new for i in self._all}, len(new))
            self._joined |= self._done("join", {q: [words[p][i] for p in self._all] for i, q in enumerate(new)}).keys()

    def _begin_kept(self) -> None:
        """Hand out the state that was kept, or random topics."""
        self._join()
        bounds, tokens = self._division.tokens, self._kept.get("tokens")
        kept = {i: () if tokens is None else (tokens[bounds[i] : bounds[i + 1]],) for i in self._all}
        self._take(self._done("begin", kept, 1 + len(self._all)))
        self.sweeps = int(self._kept.get("sweeps", 0))

    def _gathered(self) -> np.ndarray:
        """(tokens, 1 + proposals) of all documents."""
        found = self._done("gather", {i: self._blocks[i] for i in self._all})
        return np.concatenate(self._workers.values(found[i][0] for i in self._all))

    def _sweep(self, alpha: np.ndarray) -> None:
        for kind, prior in ((WORDS, np.full(self.n_topics, self.beta)), (DOCUMENTS, alpha)):
            told = self._workers.put(prior), self._workers.put(self._sizes)
            arguments = {q: (kind, self.sweeps, *told, *[self._blocks[p][q] for p in self._all]) for q in self._all}
            self._take(self._done("visit", arguments, 1 + len(self._all)))
        self.sweeps += 1

    def _take(self, found: Mapping[int, Sequence[Any]]) -> None:
        """What a visit gave: of each worker its topics' totals, and its blocks by receiver."""
        self._sizes = np.sum(self._workers.values(found[i][0] for i in self._all), axis=0)
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


def store_of(corpus: Corpus, n_topics: int, proposals: int) -> int:
    """Bytes of all that workers hand on at once: topics before and after a visit; words for the workers that start."""
    topic = 2 if n_topics <= 2**16 else 4
    return corpus.n_tokens * (2 * topic * (1 + proposals) + 2 * corpus.words.itemsize) + _SLACK
