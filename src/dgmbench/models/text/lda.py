"""Latent Dirichlet allocation, by exact collapsed Gibbs sampling, by WarpLDA in one or several processes, or by ESCA.

The samplers in their plain form are `dgmbench.models.text.gibbs.sweep` and `dgmbench.models.text.warp.sweep`;
`dgmbench.models.text.esca` has one form only.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.data.corpus_folder import CorpusFolder
from dgmbench.errors import UserError
from dgmbench.fast.text.gibbs import Gibbs
from dgmbench.fast.text.warp import PARTS, Warp
from dgmbench.models.text.kept_topics import KeptTopics, copied_beside, remove_copies
from dgmbench.models.text.likelihood import Sums, SumsInMemory
from dgmbench.models.text.preparation import require_documents, require_options
from dgmbench.models.text.proportion_model import ProportionModel
from dgmbench.models.text.warp_by_shares import WarpByShares, store_of
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.progress import bars, passes
from dgmbench.run.ray_workers import RayWorkers
from dgmbench.run.records import write_arrays

if TYPE_CHECKING:
    from dgmbench.models.text.esca import Esca

log = logging.getLogger("dgmbench")
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
    _temporary: TemporaryDirectory[str] = field(init=False)  # see `_folder_for_topics`

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

    def fit(self, corpus: Corpus | CorpusFolder, labels: np.ndarray | None = None) -> LDA:
        """Learn topics from a corpus; labels are not looked at.

        Of a corpus in a folder, which is for engine ``ray``, the workers read their documents themselves and keep their
        topics in files: in the checkpoint's folder, else in a temporary one.

        Raises:
            UserError: no documents, an empty one, more topics than tokens, or a folder for an engine that reads none.
        """
        require_documents(corpus, at_least=self.n_topics, in_memory=self.engine != "ray")
        self.vocabulary_, self._corpus_hash, self.alpha_ = corpus.vocabulary, corpus.digest, self._prior.copy()
        self.engine_ = self.engine
        if self.engine == "auto":
            self.engine_ = "warp" if self.threads >= WARP_THREADS else "gibbs"
        self.__dict__.pop("_saved", None)
        self._sampler = self._new_sampler(corpus)
        with self._workers_ended():
            if saved := self._from_checkpoint(corpus):
                self.alpha_ = saved["alpha"]
                self._sampler.restore(saved)
            return self._run(corpus, self.n_sweeps, self._sampler.sweeps, self.checkpoint)

    def resume(self, corpus: Corpus | CorpusFolder, n_sweeps: int) -> LDA:
        """Go on for ``n_sweeps`` more, exactly as one longer fit would have.

        Raises:
            UserError: nothing was fitted, or the corpus is another one.
        """
        if not hasattr(self, "_sampler") and not hasattr(self, "_saved"):
            raise UserError("LDA: nothing to resume: call fit or LDA.load first")
        require_documents(corpus, in_memory=self.engine_ != "ray")
        if corpus.digest != self._corpus_hash:
            raise UserError("LDA: these are not the documents that the model was fitted on: resume with those")
        if not hasattr(self, "_sampler"):
            self._sampler = self._new_sampler(corpus)
        with self._workers_ended():
            if hasattr(self, "_saved"):
                self._sampler.restore(self._saved)
                del self._saved
            return self._run(corpus, n_sweeps)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and the sampler's state to one .npz file, from which `load` can transform and go on.

        Topics that workers keep in files are copied into a folder beside it, ``NAME.npz.<number>.topics``.
        """
        facts = {
            "format": _FORMAT,
            "settings": {"engine": self.engine_, **{name: getattr(self, name) for name in _SAVED}},
            "corpus": self._corpus_hash,
            "joint_log_likelihood": self.joint_log_likelihood_,
            "vocabulary": self.vocabulary_,
        }
        counts = self.word_topic_counts_
        path = Path(path)
        state = self._sampler.state() if hasattr(self, "_sampler") else getattr(self, "_saved", {})
        if "folder" in state:
            self._saved = copied_beside(path, state)
            state = self._saved | {"folder": np.array(Path(str(self._saved["folder"])).name)}
        write_arrays(
            path,
            facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
            alpha=self._prior,
            alpha_fitted=self.alpha_,
            counts=counts.data,
            counts_topics=counts.indices,
            counts_offsets=counts.indptr,
            **{f"state_{name}": values for name, values in state.items()},
        )
        remove_copies(path, but=str(state.get("folder", "")))

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
        state = {name.removeprefix("state_"): arrays[name] for name in arrays if name.startswith("state_")}
        if "folder" in state:
            state["folder"] = np.array(str(Path(path).absolute().with_name(str(state["folder"]))))
        if state:
            model._saved = state
        return model

    def _new_sampler(self, corpus: Corpus | CorpusFolder) -> Gibbs | Warp | Esca | WarpByShares:
        if self.engine_ == "ray":
            return self._several_workers(corpus)
        assert isinstance(corpus, Corpus)  # `fit` and `resume` require it
        if self.engine_ == "gibbs":
            return Gibbs(corpus, self.n_topics, beta=self.beta, seed=self.seed)
        if self.engine_ == "esca":
            from dgmbench.models.text.esca import Esca  # torch takes seconds to load

            return Esca(corpus, self.n_topics, beta=self.beta, seed=self.seed, device=self.device)
        named = {"proposals": self.proposals, "parts": self.parts, "threads": self.threads}
        return Warp(corpus, self.n_topics, beta=self.beta, seed=self.seed, **named)

    def _several_workers(self, corpus: Corpus | CorpusFolder) -> WarpByShares:
        return WarpByShares(
            corpus,
            self.n_topics,
            beta=self.beta,
            seed=self.seed,
            proposals=self.proposals,
            workers=self.workers,
            parts=self.parts,
            start=partial(RayWorkers, address=self.address, store=store_of(corpus, self.n_topics, self.proposals)),
            keep_in=self._folder_for_topics() if isinstance(corpus, CorpusFolder) else None,
        )

    def _folder_for_topics(self) -> Path:
        """Where workers keep topics in files: with the checkpoint, else in a folder that goes with this object."""
        if folder := self.checkpoint.folder_of("topics"):
            return folder.absolute()
        if self.address:
            raise UserError(
                "LDA: the workers of a cluster keep the topics of a CorpusFolder in files; name a folder that all "
                "machines share: checkpoint=Checkpoint(Path(FOLDER), NAME_OF_THE_FIT)"
            )
        if not hasattr(self, "_temporary"):
            self._temporary = TemporaryDirectory(prefix="dgmbench-")
        return Path(self._temporary.name)

    def _from_checkpoint(self, corpus: Corpus | CorpusFolder) -> dict[str, np.ndarray]:
        """The state that a killed fit has left, none at the start of a fit; files of other states go."""
        saved = self.checkpoint.load()
        if isinstance(corpus, CorpusFolder):
            kept = KeptTopics(self._folder_for_topics(), int(saved.get("sweeps", -1)))
            kept.remove_others()
            if "folder" in saved:
                saved["folder"] = np.array(str(kept.folder))  # it may have been moved
                if not kept.is_whole(corpus.n_tokens):
                    log.warning("%s lacks topics of the last checkpoint: starting afresh", kept.folder)
                    return {}
        return saved

    @contextmanager
    def _workers_ended(self) -> Iterator[None]:
        """Within the body the sampler computes; if it does so in other processes they end, and its state stays here."""
        try:
            yield
            if isinstance(self._sampler, WarpByShares):
                try:
                    self._saved = self._sampler.state()
                except UserError as error:
                    log.warning("LDA: the fit is done, but cannot be resumed: %s", error)
        finally:
            if isinstance(self._sampler, WarpByShares):
                self._sampler.close()
                del self._sampler

    def _run(
        self, corpus: Corpus | CorpusFolder, n_sweeps: int, done: int = 0, checkpoint: Checkpoint = NOT_KEPT
    ) -> LDA:
        """``n_sweeps`` sweeps, of which ``done`` were done."""
        start, sampler = time.perf_counter(), self._sampler
        progress = self.progress if callable(self.progress) else None
        sums: Sums
        if isinstance(corpus, Corpus):
            sums = SumsInMemory(corpus, sampler)
        else:
            assert isinstance(sampler, WarpByShares)
            sums = sampler
        with bars() if self.progress is True else nullcontext():
            for number in passes("LDA: sweep", n_sweeps, done):
                swept = sampler.sweeps  # before `resume`, too
                if self.optimise_alpha and swept >= _ALPHA_FROM and swept % _ALPHA_EVERY == 0:
                    self.alpha_ = sums.fitted_alpha(self.alpha_)
                sampler.sweep(self.alpha_)
                checkpoint.save_from(lambda: {"alpha": self.alpha_, **sampler.state()})
                if progress is not None:
                    progress(number + 1, n_sweeps, time.perf_counter() - start)
        self.word_topic_counts_, self.joint_log_likelihood_ = sums.outcome(self.alpha_)
        self.__dict__.pop("topics_", None)
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
