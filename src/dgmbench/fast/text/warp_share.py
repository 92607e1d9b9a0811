"""WarpLDA by shares: each of several workers has some of the documents and some of the words.

A visit to the words needs the tokens of these words, a visit to the documents those of these documents, and both the
topics' totals. So the parts of `dgmbench.fast.text.warp` can be visited in different processes, and as each part has a
random stream of its own, the topics are those of one process, bit by bit.

Between two visits every worker deals out its tokens, topic and proposals, one block for each worker. A block keeps the
order in which its sender had the tokens. As shares are runs of rows, the blocks one after another, in the order of the
senders, are the receiver's tokens in the senders' order: by document before a visit to words, by word before the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from scipy import sparse

from dgmbench.fast.text.layout import random_topics_of, topic_counts
from dgmbench.fast.text.warp import Rows, even_parts, visits

WORDS, DOCUMENTS = 0, 1
"""What is visited, in this order."""
Documents = tuple[np.ndarray, np.ndarray]
"""(tokens,) the word of each token, and (documents + 1,) where each document begins among them."""


class Division(NamedTuple):
    """Who has what of a corpus.

    Attributes:
        parts: (workers + 1,) the first part of each worker, and their number; part i is that of one process.
        rows: (parts + 1,) the first word of each part, and the size of the vocabulary; and likewise of the documents.
        tokens: (workers + 1,) the first token of each worker's documents, and the number of tokens.
    """

    parts: np.ndarray
    rows: tuple[np.ndarray, np.ndarray]
    tokens: np.ndarray

    def of(self, worker: int, kind: int) -> slice:
        """The words or documents of a worker."""
        first, end = self.parts[worker : worker + 2]
        return slice(int(self.rows[kind][first]), int(self.rows[kind][end]))


class Problem(NamedTuple):
    """What all workers are told.

    Attributes:
        n_topics: K.
        n_words: V.
        beta: the symmetric Dirichlet parameter of the topics.
        seed: names the random streams.
        proposals: proposals per token and visit.
    """

    n_topics: int
    n_words: int
    beta: float
    seed: int
    proposals: int


class _Side(NamedTuple):
    """A worker's words or its documents.

    Attributes:
        offsets: (rows + 1,) where the tokens of each row begin.
        positions: (tokens,) where each is in the blocks that come in.
        owners: (tokens,) the worker that each goes to.
        begins: (workers,) int64, where the tokens of each owner begin when they are sorted by owner.
    """

    offsets: np.ndarray
    positions: np.ndarray
    owners: np.ndarray
    begins: np.ndarray


def divide(word_offsets: np.ndarray, document_offsets: np.ndarray, workers: int, parts: int) -> Division:
    """Runs of parts, as many to each worker or one more; words and documents begin at these tokens."""
    of_workers = np.linspace(0, parts, workers + 1).astype(np.int64)
    words, documents = (np.array(even_parts(offsets, parts)) for offsets in (word_offsets, document_offsets))
    return Division(of_workers, (words, documents), document_offsets[documents[of_workers]])


def given(words: np.ndarray, offsets: np.ndarray) -> Documents:
    """Documents that are in memory."""
    return words, offsets


class Share:
    """The share of one worker. It knows where its tokens come from and go to; the tokens are handed to each visit.

    Args:
        problem, division: the same for all workers.
        worker: its number.
        read: gives its documents; called whenever they are needed, and nothing of them is kept.
    """

    def __init__(self, problem: Problem, division: Division, worker: int, read: Callable[[], Documents]) -> None:
        self._problem, self._division, self._worker, self._read = problem, division, worker, read
        workers = len(division.parts) - 1
        has = [division.of(q, WORDS) for q in range(workers)]
        kind = np.uint8 if workers <= 2**8 else np.uint32
        self._owner_of_word = np.repeat(np.arange(workers, dtype=kind), [words.stop - words.start for words in has])
        words, offsets = read()
        order = np.argsort(words, kind="stable")
        # what comes in was sorted by word, and within a word by document; arrays of another process cannot be written,
        # and compiled code would be compiled once more for them
        owners = self._owner_of_word[words]
        self._sides = {DOCUMENTS: _Side(np.array(offsets), _inverse(order), owners, _begins(owners, workers))}
        self._counts: sparse.csr_matrix | None = None
        self._terms: np.ndarray | None = None

    def words_for(self, *workers: int) -> list[np.ndarray]:
        """For each of these workers the tokens that it will get from these documents: the words of them, int32."""
        words, _ = self._read()
        owners = self._owner_of_word[words]
        return [words[owners == worker] for worker in workers]

    def join(self, *blocks: np.ndarray) -> list[int]:
        """Take up what `words_for` of each worker, in order, gave for this one; needed before the first visit.

        Returns:
            The number of its words' tokens.
        """
        has = self._division.of(self._worker, WORDS)
        words = np.concatenate(blocks)
        order = np.argsort(words, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(words - has.start, minlength=has.stop - has.start))])
        senders = np.repeat(np.arange(len(blocks), dtype=self._owner_of_word.dtype), [len(block) for block in blocks])
        owners, positions = senders[order], order.astype(_kind(order))
        self._sides[WORDS] = _Side(offsets.astype(np.int64), positions, owners, _begins(owners, len(blocks)))
        return [len(words)]

    def begin(self, kept: np.ndarray | Callable[[], np.ndarray] | None = None) -> list[np.ndarray]:
        """What a visit to the documents gives, after none: random topics, or what `gather` gave, or what reads it."""
        tokens, self._counts = kept() if callable(kept) else kept, None
        if tokens is None:
            problem, (begin, end) = self._problem, self._division.tokens[self._worker : self._worker + 2]
            first = random_topics_of(int(begin), int(end), problem.n_topics, problem.seed)
            tokens = np.repeat(first[:, None], 1 + problem.proposals, axis=1)
        return self._dealt(DOCUMENTS, tokens, np.bincount(tokens[:, 0], minlength=self._problem.n_topics))

    def visit(
        self, kind: int, sweeps: int, prior: np.ndarray, sizes: np.ndarray, *blocks: np.ndarray
    ) -> list[np.ndarray]:
        """Visit its words or its documents once.

        Args:
            kind: `WORDS` or `DOCUMENTS`.
            sweeps: how many were made before.
            prior: (K,) Dirichlet parameters of a row.
            sizes: (K,) tokens of each topic among all.
            blocks: (tokens, 1 + proposals) from each worker.

        Returns:
            (K,) tokens of each topic in this share, and a block for each worker.
        """
        self._counts = None
        problem, side, source = self._problem, self._sides[kind], np.concatenate(blocks)
        rows = Rows(side.offsets, side.positions, source, np.empty_like(source))
        named = {"seed": problem.seed, "number": 2 * sweeps + kind}
        visit = visits(rows, np.array(prior), sizes, problem.n_words * problem.beta, **named)
        parts, bounds = range(*self._division.parts[self._worker : self._worker + 2]), self._division.rows[kind]
        first = bounds[parts.start]
        own = [visit(part, int(bounds[part] - first), int(bounds[part + 1] - first)) for part in parts]
        tokens = rows.target
        del visit, rows, source  # a third of the memory, which dealing would need besides
        return self._dealt(kind, tokens, np.sum(own, axis=0))

    def gather(self, *blocks: np.ndarray) -> list[np.ndarray]:
        """(tokens, 1 + proposals) of its documents, in their order, from the blocks that a visit to them gave."""
        side, dealt = self._sides[DOCUMENTS], np.concatenate(blocks)
        tokens = np.empty_like(dealt)
        _collect(dealt, side.owners, side.begins.copy(), tokens)
        return [tokens]

    def keep(self, write: Callable[[int, np.ndarray], None], *blocks: np.ndarray) -> list[bool]:
        """Write what `gather` gives; ``write`` gets the number of its first token, too."""
        write(int(self._division.tokens[self._worker]), self.gather(*blocks)[0])
        return [True]

    def of_documents(self, function: Callable[[sparse.csr_matrix], Any], *blocks: np.ndarray) -> list[Any]:
        """What a function gives for the (documents, K) tokens of each topic in each document.

        The blocks are those that a visit to the documents gave. The counts stay until the topics change.
        """
        if self._counts is None:
            offsets, tokens = self._sides[DOCUMENTS].offsets, self.gather(*blocks)[0]
            self._counts = topic_counts(offsets, tokens[:, 0], self._problem.n_topics)
        return [function(self._counts)]

    def find_terms(self, of: Callable[[sparse.csr_matrix], np.ndarray], *blocks: np.ndarray) -> list[bool]:
        """Have a term for each count of `of_documents`, ready for `add_terms`."""
        [self._terms] = self.of_documents(of, *blocks)
        return [True]

    def add_terms(
        self, of: Callable[[sparse.csr_matrix], np.ndarray], before: np.ndarray, *blocks: np.ndarray
    ) -> list[np.ndarray]:
        """(K,) sums over the documents up to the last one of these, given those before them.

        Terms are added one by one, in the order of the documents: so the sums are those of one process to the last bit.
        """
        if self._terms is None:  # a worker that is new
            self.find_terms(of, *blocks)
        assert self._counts is not None and self._terms is not None
        sums = np.array(before)
        np.add.at(sums, self._counts.indices, self._terms)
        self._terms = None
        return [sums]

    def word_topic_counts(self, *blocks: np.ndarray) -> list[sparse.csr_matrix]:
        """(words, K) tokens of each topic among each of its words', from the blocks that are for a visit to them."""
        side, topics = self._sides[WORDS], np.concatenate([block[:, 0] for block in blocks])
        return [topic_counts(side.offsets, topics[side.positions], self._problem.n_topics)]

    def _dealt(self, kind: int, tokens: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
        side, dealt = self._sides[kind], np.empty_like(tokens)
        _deal(tokens, side.owners, side.begins.copy(), dealt)
        return [sizes, *np.split(dealt, side.begins[1:])]


def _kind(tokens: np.ndarray) -> type[np.unsignedinteger]:
    """The smallest numbers for the positions of so many tokens."""
    return np.uint32 if len(tokens) < 2**32 else np.uint64


def _inverse(order: np.ndarray) -> np.ndarray:
    positions = np.empty(len(order), _kind(order))
    positions[order] = np.arange(len(order), dtype=positions.dtype)
    return positions


def _begins(owners: np.ndarray, workers: int) -> np.ndarray:
    """See `_Side`."""
    return np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=workers))[:-1]]).astype(np.int64)


@njit(cache=True, nogil=True)
def _deal(tokens: np.ndarray, owners: np.ndarray, begins: np.ndarray, dealt: np.ndarray) -> None:
    """Sort tokens by owner into ``dealt``, those of one owner in their order; ``begins`` is used up."""
    for i in range(len(owners)):
        at = begins[owners[i]]
        for m in range(tokens.shape[1]):
            dealt[at, m] = tokens[i, m]
        begins[owners[i]] = at + 1


@njit(cache=True, nogil=True)
def _collect(dealt: np.ndarray, owners: np.ndarray, begins: np.ndarray, tokens: np.ndarray) -> None:
    """What `_deal` made of ``tokens``, back into them."""
    for i in range(len(owners)):
        at = begins[owners[i]]
        for m in range(tokens.shape[1]):
            tokens[i, m] = dealt[at, m]
        begins[owners[i]] = at + 1
