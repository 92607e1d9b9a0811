"""LDA with all counts frozen for a sweep, in tensors: the same lines run on the CPU and on a GPU.

The sampler is that of ESCA (Zaheer et al., AISTATS 2016) and SaberLDA (Li, Chen, Chen, Zhu, ASPLOS 2017). A sweep draws
the topic of every token independently of all others, given the counts of the last sweep, the token's own included:

    p(k) ∝ (n_dk + alpha_k) phi_wk,   phi_wk = (n_wk + beta) / (n_k + V beta).

The sum over k is split in two. Σ_k n_dk phi_wk has as many terms as the document has topics; Σ_k alpha_k phi_wk belongs
to the word and is summed up once for all its tokens. One uniform number chooses the part, and in it, by bisection of
cumulated sums, the topic. Then all counts are made anew from the topics: those of the documents by sorting, those of
the words by adding up. No step depends on another token's new topic, so all tokens of a block are drawn at once.

Blocks bound the memory: so many words that words x K, and so many tokens that tokens x topics of their documents, stay
below a number of entries. Memory is linear in the tokens, whatever K is.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError, counted
from dgmbench.fast.text.layout import random_topics, word_order

ENTRIES = {"cpu": 2**18, "cuda": 2**25}
"""Of a block, at most 60 bytes each: small ones stay near the processor's caches, large ones fill a GPU."""


class Lists(NamedTuple):
    """The topics of each document, and how many tokens have each; document d has [``begins[d]``, ``begins[d + 1]``).

    Attributes:
        begins: (documents + 1,) int64.
        topics: (entries,) int64, rising in a document.
        counts: (entries,) int64, n_dk.
    """

    begins: Tensor
    topics: Tensor
    counts: Tensor


class Rows(NamedTuple):
    """What a block of words has of every topic.

    Attributes:
        phi: (words * K,) float32, phi_wk.
        passed: (words * K + 1,) float64, the sum of alpha_k phi_wk over all (w, k) before each.
        n_topics: K.
    """

    phi: Tensor
    passed: Tensor
    n_topics: int


class Block(NamedTuple):
    """Pairs of a word and a document, and their tokens.

    Attributes:
        documents: (pairs,) where the list of the document begins in `Lists`.
        rows: (pairs,) where the row of the word begins in `Rows`.
        begins: (pairs + 1,) where the pair's copy of the list begins among all of them, one after the other.
        entries: the sum of the lists' lengths.
        pairs: (tokens,) the pair of each token.
    """

    documents: Tensor
    rows: Tensor
    begins: Tensor
    entries: int
    pairs: Tensor


class Esca:
    """The sampler's state: the topic of every token, at first random ones.

    A sweep's random numbers depend on seed, sweep and device: the same on every CPU with one thread, others on a GPU.

    Args:
        corpus: documents, none of them empty.
        n_topics: K.
        beta: the symmetric Dirichlet parameter of the topics.
        seed: names the random streams.
        device: ``cpu``, or ``cuda`` for an NVIDIA GPU, ``cuda:1`` for the second.
        entries: of a block at most; 0 is `ENTRIES` of the device.

    Raises:
        UserError: there is no such device.
    """

    def __init__(
        self, corpus: Corpus, n_topics: int, *, beta: float, seed: int = 0, device: str = "cpu", entries: int = 0
    ) -> None:
        self.n_topics, self.beta, self.seed, self.sweeps = n_topics, beta, seed, 0
        self.device, self._n_documents, self._n_words = torch_device(device), len(corpus), corpus.n_words
        self._entries = entries or ENTRIES[self.device.type]
        layout = word_order(corpus)
        self._kind, self._positions = np.uint16 if n_topics <= 2**16 else np.uint32, layout.positions
        first = np.empty(corpus.n_tokens, np.int32)
        first[self._positions] = random_topics(corpus, n_topics, seed)
        # tokens of one word in one document have one distribution: a pair
        documents = layout.documents.astype(np.int32)
        begins = np.ones(corpus.n_tokens, bool)
        begins[1:] = (np.diff(layout.words) != 0) | (np.diff(documents) != 0)
        tokens = np.append(np.flatnonzero(begins), corpus.n_tokens)
        words = layout.words[begins]
        at_once = max(1, self._entries // n_topics)
        bounds = [*range(0, corpus.n_words, at_once), corpus.n_words]  # blocks of words
        self._words = list(zip(bounds, np.searchsorted(words, bounds).tolist(), strict=True))
        self._topics = self._moved(first)  # (tokens,) int32, in word order
        self._pairs = self._moved(np.cumsum(begins, dtype=np.int32) - np.int32(1))  # (tokens,)
        self._pair_tokens = self._moved(tokens)  # (pairs + 1,) int64, where the tokens of each pair begin
        self._pair_words, self._pair_documents = self._moved(words), self._moved(documents[begins])  # (pairs,) int32

    @torch.no_grad()
    def sweep(self, alpha: np.ndarray) -> None:
        """Draw the topic of every token once, given the (n_topics,) parameters of the proportions."""
        prior = torch.as_tensor(np.asarray(alpha, np.float64), device=self.device)
        sizes = torch.bincount(self._topics, minlength=self.n_topics)
        inverse = (1 / (sizes + self._n_words * self.beta)).float()
        lists = self._lists()
        lengths = lists.begins.diff().index_select(0, self._pair_documents)
        ends = torch.cumsum(lengths, 0)  # (pairs,) entries up to the end of each
        uniform = torch.rand(len(self._topics), generator=self._generator(), device=self.device, dtype=torch.float64)
        pairs, tokens, entries = self._blocks(ends)
        for (word, begin), (next_word, end) in zip(self._words, self._words[1:], strict=False):
            first, last = bisect_left(pairs, begin), bisect_left(pairs, end)
            if first == last:  # words that no document has
                continue
            rows = self._rows(word, next_word, slice(tokens[first], tokens[last]), prior, inverse)
            for i in range(first, last):
                of_pairs, of_tokens = slice(pairs[i], pairs[i + 1]), slice(tokens[i], tokens[i + 1])
                documents = self._pair_documents[of_pairs]
                block = Block(
                    documents=lists.begins.index_select(0, documents),
                    rows=(self._pair_words[of_pairs] - word).long() * self.n_topics,
                    begins=_passed(lengths[of_pairs]),
                    entries=entries[i + 1] - entries[i],
                    pairs=self._pairs[of_tokens] - pairs[i],
                )
                self._topics[of_tokens] = drawn(uniform[of_tokens], block, lists, rows).int()
        self.sweeps += 1

    @property
    def topics(self) -> np.ndarray:
        """(tokens,) the topic of each token, in document order."""
        return self._topics.cpu().numpy()[self._positions].astype(self._kind)

    def state(self) -> dict[str, np.ndarray]:
        """All that `restore` needs to go on exactly, on the same kind of device."""
        return {"topics": self.topics, "sweeps": np.array(self.sweeps)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up a state of a sampler with the same arguments."""
        topics = np.empty(len(self._positions), np.int32)
        topics[self._positions] = state["topics"]
        self._topics, self.sweeps = self._moved(topics), int(state["sweeps"])

    def _moved(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def _generator(self) -> torch.Generator:
        """That of the next sweep: a state that goes on needs no more than the number of sweeps."""
        (word,) = np.random.SeedSequence([self.seed, self.sweeps]).generate_state(1, np.uint64)
        return torch.Generator(self.device).manual_seed(int(word) >> 1)

    def _lists(self) -> Lists:
        """The documents' counts, by sorting one number for each token."""
        keys = self._pair_documents.index_select(0, self._pairs).long().mul_(self.n_topics).add_(self._topics)
        found, counts = torch.unique_consecutive(torch.sort(keys).values, return_counts=True)
        limits = torch.arange(self._n_documents + 1, device=self.device) * self.n_topics
        return Lists(torch.searchsorted(found, limits), found % self.n_topics, counts)

    def _blocks(self, ends: Tensor) -> tuple[list[int], list[int], list[int]]:
        """Where blocks begin, and the last one ends: by pairs, by tokens, and by entries of the documents' lists."""
        full = torch.arange(1, int(ends[-1]) // self._entries + 1, device=self.device) * self._entries
        of_words = torch.tensor([pair for _, pair in self._words], device=self.device)
        pairs = torch.unique(torch.cat([of_words, torch.searchsorted(ends, full)]))
        entries = torch.cat([ends.new_zeros(1), ends])[pairs]
        tokens = self._pair_tokens[pairs]
        return pairs.tolist(), tokens.tolist(), entries.tolist()

    def _rows(self, word: int, next_word: int, tokens: slice, prior: Tensor, inverse: Tensor) -> Rows:
        """phi of the words from ``word`` to before ``next_word``, whose tokens these are."""
        topics = self._topics[tokens]
        words = self._pair_words.index_select(0, self._pairs[tokens])
        counts = torch.zeros((next_word - word) * self.n_topics, dtype=torch.int32, device=self.device)
        counts.index_add_(0, (words - word).long() * self.n_topics + topics, torch.ones_like(topics))
        phi = counts.view(-1, self.n_topics).float().add_(self.beta).mul_(inverse)
        return Rows(phi.view(-1), _passed((phi * prior).view(-1)), self.n_topics)


def drawn(uniform: Tensor, block: Block, lists: Lists, rows: Rows) -> Tensor:
    """(tokens,) int64, the new topic of every token of a block, given as many numbers uniform on [0, 1)."""
    # (entries,): for each pair the list of its document, one after the other
    pair = torch.repeat_interleave(block.begins.diff(), output_size=block.entries)
    at = torch.arange(block.entries, device=uniform.device)
    at += (block.documents - block.begins[:-1]).index_select(0, pair)
    topics = lists.topics.index_select(0, at)
    cells = block.rows.index_select(0, pair).add_(topics)
    passed = _passed(rows.phi.index_select(0, cells).mul_(lists.counts.index_select(0, at)))
    of_documents = passed[block.begins]  # (pairs + 1,)
    own = of_documents.diff()  # (pairs,) Σ_k n_dk phi_wk
    shared = rows.passed[block.rows + rows.n_topics] - rows.passed[block.rows]  # Σ_k alpha_k phi_wk
    pairs = block.pairs
    ball = uniform * (own + shared).index_select(0, pairs)
    found = torch.searchsorted(passed, of_documents.index_select(0, pairs) + ball, right=True) - 1
    # sums are rounded: a number at the very end of a range may seem to be beyond it
    found = torch.minimum(found, block.begins.index_select(0, pairs + 1) - 1)
    new = topics.index_select(0, found)
    others = torch.nonzero(ball >= own.index_select(0, pairs)).squeeze(1)
    pairs = pairs.index_select(0, others)
    row = block.rows.index_select(0, pairs)
    ball = ball.index_select(0, others) - own.index_select(0, pairs) + rows.passed.index_select(0, row)
    found = torch.searchsorted(rows.passed, ball, right=True) - 1
    new[others] = (found - row).clamp_(0, rows.n_topics - 1)
    return new


def torch_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        UserError: there is no such device here.
    """
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", name):
        raise UserError(f"device is {name!r}; it must be cpu, cuda, or cuda: and a number")
    device = torch.device(name)
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= there:
        raise UserError(f"device is {name!r}, but PyTorch sees {counted(there, 'GPU')} here; give cpu")
    return device


def _passed(values: Tensor) -> Tensor:
    """(n + 1,) what has been summed up before each value, and in all: int64 of whole numbers, else float64."""
    total = torch.cumsum(values, 0, dtype=torch.float64 if values.is_floating_point() else torch.int64)
    return torch.cat([total.new_zeros(1), total])
