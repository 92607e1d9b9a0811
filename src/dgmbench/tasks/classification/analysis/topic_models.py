"""The fitted topic models of a plan, and the words and documents that all of them are judged on."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dgmbench.data.catalogue import title_of
from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.preparation import Prepared
from dgmbench.models.text.topicvec import frequent_words
from dgmbench.run.fingerprint import fingerprint, source_hash
from dgmbench.run.products import are_whole, describe
from dgmbench.run.provenance import Stopwatch
from dgmbench.run.records import read_arrays, write_arrays, write_json
from dgmbench.run.rows import find_row
from dgmbench.run.spec import RunSpec, canonical_hash
from dgmbench.run.stages import data_checksums, finished, stage_record
from dgmbench.run.task import Task
from dgmbench.run.workspace import Workspace, now
from dgmbench.tasks.classification.building import build_method
from dgmbench.tasks.classification.documents import prepared_corpus

log = logging.getLogger("dgmbench")


class Common(NamedTuple):
    """What all topic models of a corpus are judged on.

    Attributes:
        words: (words,) the numbers of the scored words, rising: what training documents contain, of many words the
            most frequent. They are the words that the background of topicvec covers; every other model has them too.
        train, test: the documents with their other words left out, numbered by place in ``words``. Some may be empty.
        vectors: (words, dim) float32 word embeddings.
    """

    words: np.ndarray
    train: Corpus
    test: Corpus
    vectors: np.ndarray


@dataclass(frozen=True, eq=False)
class FittedTopics:
    """What is left of a fitted topic model.

    Attributes:
        topics: (n_topics, words) float64 over the scored words, each row scaled to sum to one over them.
        alpha: (n_topics,) Dirichlet parameters of the proportions.
        topic_vectors: (n_topics, dim) in the space of the word embeddings, where the model has such.
    """

    spec: RunSpec
    topics: np.ndarray
    alpha: np.ndarray
    topic_vectors: np.ndarray | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """What names it in a table."""
        return {"corpus": title_of(self.spec.dataset), "method": self.spec.model, "seed": self.spec.seed}


def common_words(data: Prepared) -> Common:
    """The scored words of a corpus, and its documents over them."""
    words = np.sort(frequent_words(data.train))
    keep = np.zeros(data.train.n_words, dtype=bool)
    keep[words] = True
    return Common(words, data.train.select_words(keep), data.test.select_words(keep), data.vectors[words])


def fitted_topics(task: Task, spec: RunSpec, workspace: Workspace, threads: int = 1) -> FittedTopics:
    """Fit a topic model as the benchmark does, or read what an earlier fit of the same data and code left.

    It sees the training documents alone, also if the run is transductive: the others are to be predicted.

    Raises:
        UserError: the method has no ``topics_`` (n_topics, vocabulary) and ``alpha_`` (n_topics,) after its fit.
    """
    folder = workspace.root / "topics" / spec.training_id
    data = prepared_corpus(spec)
    words = common_words(data).words
    fit = fingerprint(task, spec, "training", data_checksums(task, spec))
    # what is kept of a fit is decided in this module
    kept = source_hash(__name__, without=frozenset({type(spec.settings).__module__}))
    depends_on = canonical_hash([fit, words.tolist(), kept])
    record = finished(folder / "topics.json", depends_on)
    if record is None or not are_whole(folder, record):
        started, watch = now(), Stopwatch()
        method = build_method(spec, find_row(task, spec.model, spec.factory), threads)
        method.fit(data.train, data.train.labels)
        write_arrays(folder / "topics.npz", **_exported(method, spec, data, words))
        record = stage_record(task, spec, "training", depends_on, started, watch)
        record |= {"training_id": spec.training_id, "threads": threads, "products": describe([folder / "topics.npz"])}
        write_json(folder / "topics.json", record)
        log.info("%s on %s, seed %d: fitted in %.1f s", spec.model, spec.dataset, spec.seed, watch.seconds)
    arrays = read_arrays(folder / "topics.npz")
    return FittedTopics(spec, arrays["topics"], arrays["alpha"], arrays.get("topic_vectors"))


def _exported(method: Any, spec: RunSpec, data: Prepared, words: np.ndarray) -> dict[str, np.ndarray]:
    try:
        topics, alpha = np.asarray(method.topics_), np.asarray(method.alpha_)
    except AttributeError as error:
        raise UserError(
            f"{spec.model} has no topics_ and alpha_ after its fit ({error}): "
            "take it out of classification.analysis.models, or give it both"
        ) from None
    if topics.ndim != 2 or topics.shape[1] != data.train.n_words or alpha.shape != topics.shape[:1]:
        raise UserError(
            f"{spec.model}: topics_ of shape {topics.shape} and alpha_ of shape {alpha.shape}: "
            f"they must be (n_topics, {data.train.n_words}) and (n_topics,)"
        )
    chosen = topics[:, words]
    mass = chosen.sum(axis=1, keepdims=True)
    if not np.all(mass > 0):
        raise UserError(f"{spec.model}: {np.count_nonzero(~(mass > 0))} topics have no probability on any scored word")
    arrays = {"topics": np.asarray(chosen / mass, np.float64), "alpha": alpha.astype(np.float64)}
    vectors = getattr(method, "topic_vectors_", None)
    if vectors is not None and np.shape(vectors) == (len(topics), data.vectors.shape[1]):
        arrays["topic_vectors"] = np.asarray(vectors, np.float32)
    return arrays


def unigram(spec: RunSpec, train: Corpus) -> FittedTopics:
    """The word frequencies of a run's training documents as one topic: what every topic model should beat."""
    frequency = np.bincount(train.words, minlength=train.n_words)
    named = dataclasses.replace(spec, model="unigram", seed=0, options={})
    return FittedTopics(named, (frequency / frequency.sum())[None], np.ones(1))
