"""Latent Dirichlet allocation, by exact collapsed Gibbs sampling, by WarpLDA in one or several processes, or by ESCA.

The samplers in their plain form are `dgmbench.models.text.gibbs.sweep` and `dgmbench.models.text.warp.sweep`;
`dgmbench.models.text.esca` has one form only.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.warp import PARTS, Warp
from dgmbench.models.text.likelihood import document_topic_counts, fitted_alpha, joint_log_likelihood, word_topic_counts
from dgmbench.models.text.preparation import require_documents, require_options
from dgmbench.models.text.proportion_model import ProportionModel
from dgmbench.models.text.warp_by_shares import WarpByShares, store_of
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.progress import bars, passes
from dgmbench.run.ray_workers import RayWorkers
from dgmbench.run.records import write_arrays

if TYPE_CHECKING:
    from dgmbench.models.text.esca import Esca

ENGINES = ("auto", "gibbs", "warp", "esca", "ray")
ALPHA_SUM = 5.0
"""Σ alpha where none is given."""
WARP_THREADS = 4
"""From so many threads on, ``auto`` takes WarpLDA.

On one thread it mixes more slowly: at 100 topics on 20 Newsgroups it needs 1.4 to 3.5 times the processor seconds of
the exact sampler, which has one thread only, for the same held-out likelihood (benchmarks/lda_curves.py).
"""
_ALPHA_EVERY, _ALPHA_FROM = 10, 50  # sweeps between two estimates of alpha, and before the first
_FORMAT = 2  # of a saved model
_SAVED = (
    *("n_topics", "beta", "n_sweeps", "optimise_alpha", "proposals", "parts", "threads", "workers", "address"),
    *("features", "seed", "device"),
)


@dataclass(eq=False, repr=False)
class LDA(ProportionModel):
    """Latent Dirichlet allocation (Blei, Ng, Jordan, 2003): theta ~ Dir(alpha), phi_k ~ Dir(beta), z ~ theta, w ~ phi_z

    Args:
        n_topics: K.
        alpha: Dirichlet parameters of the proportions: one number for all topics, (n_topics,) numbers, or None for
            5 / K each.
        beta: symmetric Dirichlet parameter of the topics.
        engine: ``gibbs``, exact, one thread; ``warp``, delayed totals, O(1) per token; ``auto``, whichever reaches a
            given held-out likelihood first: gibbs, but warp from four threads on; ``esca``, all counts delayed, on the
            CPU or a GPU; ``ray``, the same topics as warp by several processes, on this machine or on others.
        n_sweeps: visits to each token.
        optimise_alpha: estimate alpha, one per topic, by Minka's fixed point every ten sweeps from the fiftieth on.
        proposals: proposals per token and visit, of ``warp`` and ``ray``.
        parts: of the documents and of the words, of ``warp`` and ``ray``, each with random numbers of its own.
        workers: processes of ``ray``, one for a part at most; they change no result.
        address: of a Ray cluster, ``host:port`` or ``auto``; empty for Ray on this machine, started by the fit.
        threads: for ``warp`` and `transform`; they change no result, but from four on ``auto`` takes another engine.
        device: of ``esca``: ``cpu``, or ``cuda``, a GPU; the others compute on the CPU.
        features, seed, checkpoint: as for `ProportionModel`; `resume` keeps no state.
        progress: called after each sweep as ``progress(sweep, n_sweeps, seconds so far)``; True draws a bar on the
            terminal, and nothing where there is none.

    Attributes:
        topics_: (n_topics, vocabulary) word probabilities, made from the counts when first asked for.
        word_topic_counts_: (vocabulary, n_topics) sparse, tokens of each topic among each word's in the last state.
        alpha_: (n_topics,) Dirichlet parameters of the proportions.
        joint_log_likelihood_: log p(w, z) per token of the last state, in nats.
        engine_: the engine that was used.

    Example:
        >>> lda = LDA(20, seed=1).fit(train)
        >>> features = lda.transform(test)  # (documents, 20), the topic proportions
    """

    n_topics: int
    _: KW_ONLY
    alpha: float | np.ndarray | None = None
    beta: float = 0.01
    engine: str = "auto"
    n_sweeps: int = 200
    optimise_alpha: bool = False
    proposals: int = 1
    parts: int = PARTS
    workers: int = 2
    address: str = ""
    device: str = "cpu"
    progress: Callable[[int, int, float], None] | bool | None = None
    _saved: dict[str, np.ndarray] = field(init=False)  # a sampler's state from a file, until `resume` has the corpus

    def __post_init__(self) -> None:
        super().__post_init__()
        least = {"n_topics": 1, "n_sweeps": 1, "proposals": 1, "parts": 1, "workers": 1}
        require_options(self, at_least=least, above={"beta": 0}, one_of={"engine": ENGINES})
        require_device(self.engine, self.device)
        if self.address and self.engine != "ray":
            raise UserError(f"LDA: address is {self.address!r}, but engine {self.engine} needs none; take engine ray")
        self._prior = _prior(self.alpha, self.n_topics)

    @cached_property
    def topics_(self) -> np.ndarray:
        topics = self.word_topic_counts_.T.toarray() + self.beta
        topics /= topics.sum(axis=1, keepdims=True)
        return topics

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> LDA:
        """Learn topics from a corpus; labels are not looked at.

        Raises:
            UserError: no documents, an empty one, or more topics than tokens.
        """
        require_documents(corpus, at_least=self.n_topics)
        self.vocabulary_, self._corpus_hash, self.alpha_ = corpus.vocabulary, _hash(corpus), self._prior.copy()
        self.engine_ = self.engine
        if self.engine == "auto":
            self.engine_ = "warp" if self.threads >= WARP_THREADS else "gibbs"
        self._sampler = self._new_sampler(corpus)
        with self._workers_ended():
            if saved := self.checkpoint.load():
                self.alpha_ = saved["alpha"]
                self._sampler.restore(saved)
            return self._run(corpus, self.n_sweeps, self._sampler.sweeps, self.checkpoint)

    def resume(self, corpus: Corpus, n_sweeps: int) -> LDA:
        """Go on for ``n_sweeps`` more, exactly as one longer fit would have.

        Raises:
            UserError: nothing was fitted, or the corpus is another one.
        """
        if not hasattr(self, "_sampler") and not hasattr(self, "_saved"):
            raise UserError("LDA: nothing to resume: call fit or LDA.load first")
        if _hash(corpus) != self._corpus_hash:
            raise UserError("LDA: these are not the documents that the model was fitted on: resume with those")
        if not hasattr(self, "_sampler"):
            self._sampler = self._new_sampler(corpus)
        with self._workers_ended():
            if hasattr(self, "_saved"):
                self._sampler.restore(self._saved)
                del self._saved
            return self._run(corpus, n_sweeps)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and the sampler's state to one .npz file, from which `load` can transform and go on."""
        facts = {
            "format": _FORMAT,
            "settings": {"engine": self.engine_, **{name: getattr(self, name) for name in _SAVED}},
            "corpus": self._corpus_hash,
            "joint_log_likelihood": self.joint_log_likelihood_,
            "vocabulary": self.vocabulary_,
        }
        counts = self.word_topic_counts_
        state = self._sampler.state() if hasattr(self, "_sampler") else self._saved
        write_arrays(
            Path(path),
            facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
            alpha=self._prior,
            alpha_fitted=self.alpha_,
            counts=counts.data,
            counts_topics=counts.indices,
            counts_offsets=counts.indptr,
            **{f"state_{name}": values for name, values in state.items()},
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LDA:
        """Read what `save` wrote.

        Raises:
            UserError: the file is missing, damaged, or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays: dict[str, np.ndarray] = {name: file[name] for name in file.files}
            facts = json.loads(arrays["facts"].tobytes())
            if facts["format"] != _FORMAT:
                raise UserError(f"{path} was written by another version of LDA: fit it again")
            model = cls(alpha=arrays["alpha"], **facts["settings"])
            model.alpha_, model.vocabulary_ = arrays["alpha_fitted"], tuple(facts["vocabulary"])
            counts = arrays["counts"], arrays["counts_topics"], arrays["counts_offsets"]
            model.word_topic_counts_ = sparse.csr_matrix(counts, shape=(len(model.vocabulary_), model.n_topics))
            model._corpus_hash, model.joint_log_likelihood_ = facts["corpus"], facts["joint_log_likelihood"]
        except (OSError, KeyError, ValueError, TypeError, EOFError, BadZipFile) as error:
            raise UserError(f"{path} is not a saved LDA model ({error}): fit and save it again") from error
        model.engine_ = model.engine
        model._saved = {name.removeprefix("state_"): arrays[name] for name in arrays if name.startswith("state_")}
        return model

    def _new_sampler(self, corpus: Corpus) -> Gibbs | Warp | Esca | WarpByShares:
        if self.engine_ == "gibbs":
            return Gibbs(corpus, self.n_topics, beta=self.beta, seed=self.seed)
        if self.engine_ == "esca":
            from dgmbench.models.text.esca import Esca  # torch takes seconds to load

            return Esca(corpus, self.n_topics, beta=self.beta, seed=self.seed, device=self.device)
        named = {"proposals": self.proposals, "parts": self.parts}
        if self.engine_ == "ray":
            start = partial(RayWorkers, address=self.address, store=store_of(corpus, self.n_topics, self.proposals))
            named |= {"workers": self.workers}
            return WarpByShares(corpus, self.n_topics, beta=self.beta, seed=self.seed, start=start, **named)
        return Warp(corpus, self.n_topics, beta=self.beta, seed=self.seed, threads=self.threads, **named)

    @contextmanager
    def _workers_ended(self) -> Iterator[None]:
        """Within the body the sampler computes; if it does so in other processes they end, and its state stays here."""
        try:
            yield
            if isinstance(self._sampler, WarpByShares):
                self._saved = self._sampler.state()
        finally:
            if isinstance(self._sampler, WarpByShares):
                self._sampler.close()
                del self._sampler

    def _run(self, corpus: Corpus, n_sweeps: int, done: int = 0, checkpoint: Checkpoint = NOT_KEPT) -> LDA:
        """``n_sweeps`` sweeps, of which ``done`` were done."""
        start, sampler = time.perf_counter(), self._sampler
        progress = self.progress if callable(self.progress) else None
        with bars() if self.progress is True else nullcontext():
            for number in passes("LDA: sweep", n_sweeps, done):
                swept = sampler.sweeps  # before `resume`, too
                if self.optimise_alpha and swept >= _ALPHA_FROM and swept % _ALPHA_EVERY == 0:
                    counts = document_topic_counts(corpus, sampler.topics, self.n_topics)
                    self.alpha_ = fitted_alpha(counts, self.alpha_)
                sampler.sweep(self.alpha_)
                if checkpoint.due:
                    checkpoint.save(alpha=self.alpha_, **sampler.state())
                if progress is not None:
                    progress(number + 1, n_sweeps, time.perf_counter() - start)
        self.word_topic_counts_ = word_topic_counts(corpus, sampler.topics, self.n_topics)
        self.__dict__.pop("topics_", None)
        self.joint_log_likelihood_ = joint_log_likelihood(corpus, sampler.topics, self.alpha_, self.beta)
        return self


def require_device(engine: str, device: str) -> None:
    """Raise a UserError for a device that an engine cannot compute on."""
    if device != "cpu" and engine != "esca":
        raise UserError(
            f"LDA: device is {device!r}, but engine {engine} computes on the CPU; take engine esca or device cpu"
        )


def _prior(alpha: float | np.ndarray | None, n_topics: int) -> np.ndarray:
    """(n_topics,) Dirichlet parameters from what the user gave."""
    values = np.asarray(ALPHA_SUM / n_topics if alpha is None else alpha, np.float64)
    if values.shape not in ((), (n_topics,)) or not np.all(values > 0) or not np.all(np.isfinite(values)):
        raise UserError(f"LDA: alpha must be one number above zero, or one for each of the {n_topics} topics")
    return np.broadcast_to(values, (n_topics,)).copy()


def _hash(corpus: Corpus) -> str:
    digest = hashlib.sha256(corpus.words.tobytes())
    digest.update(corpus.offsets.tobytes())
    return digest.hexdigest()
