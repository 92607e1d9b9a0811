"""One document in two dimensions: its words and its topics, which are vectors of the same space."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text.proportions import fold_in
from dgmbench.tasks.classification.analysis.topic_models import Common, FittedTopics

TOPICS = 4  # of a document that are shown
NEAREST = 3  # words that name a topic
LENGTHS = (60, 120)  # tokens of a document whose words fit in the figure


def project_document(fitted: FittedTopics, common: Common, place: int) -> pd.DataFrame:
    """The words of a test document and its `TOPICS` most probable topics, projected by principal components.

    The components are those of the directions of these words and topics (vectors of length one, since a topic prefers
    the words in its direction), centred. Proportions theta are inferred from the document; a word belongs to the shown
    topic most probable for it, argmax_k theta_k phi_kw.

    Returns:
        A row per word, then per topic, the most probable first: ``kind``, ``label`` (of a topic the words nearest to
        it in angle among those that occur in ten training documents), ``topic`` (its number), ``count`` (of a word),
        ``share`` (theta of a topic), ``x``, ``y``, ``explained`` (the share of the variance in the plane).
    """
    assert fitted.topic_vectors is not None
    words, counts = np.unique(common.test.document(place), return_counts=True)
    row = sparse.csr_matrix((counts.astype(np.int32), words, [0, len(words)]), shape=(1, fitted.topics.shape[1]))
    theta = fold_in(fitted.topics, fitted.alpha, row)[0]
    moved = np.linalg.norm(fitted.topic_vectors, axis=1) > 0  # the null topic has no direction
    shown = np.argsort(-np.where(moved, theta, -1.0), kind="stable")[:TOPICS]
    shown = shown[moved[shown]]
    directions = np.concatenate([_unit(common.vectors[words]), _unit(fitted.topic_vectors[shown])]).astype(np.float64)
    centred = directions - directions.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.where(axes[:2].sum(axis=1, keepdims=True) < 0, -1.0, 1.0)  # the sign of an axis is free
    places = centred @ axes.T
    owner = shown[np.argmax(theta[shown, None] * fitted.topics[shown][:, words], axis=0)]
    names = _nearest(fitted.topic_vectors[shown], common)
    vocabulary = common.test.vocabulary
    of_words = {"kind": "word", "label": [vocabulary[w] for w in words], "topic": owner, "count": counts}
    of_topics = {"kind": "topic", "label": names, "topic": shown, "share": theta[shown]}
    frame = pd.concat([pd.DataFrame(of_words), pd.DataFrame(of_topics)], ignore_index=True)
    frame["count"] = frame["count"].astype("Int64")
    explained = (sizes[:2] ** 2).sum() / (sizes**2).sum()
    return frame.assign(x=places[:, 0], y=places[:, 1], explained=explained)


def readable_document(fitted: FittedTopics, test: Corpus) -> int:
    """The place of a test document of 60 to 120 tokens that its topics explain best, else of the longest document.

    Best: the mean over its tokens of the largest log phi_kw / phi_0w, topic 0 being the null topic.
    """
    low, high = LENGTHS
    fitting = np.flatnonzero((test.lengths >= low) & (test.lengths <= high))
    if not len(fitting):
        return int(np.argmax(test.lengths))
    gain = np.log(np.maximum(fitted.topics.max(axis=0), 1e-30) / np.maximum(fitted.topics[0], 1e-30))
    means = [gain[test.document(int(d))].mean() for d in fitting]
    return int(fitting[np.argmax(means)])


def _nearest(vectors: np.ndarray, common: Common) -> list[str]:
    occurs = np.bincount(common.train.counts.indices, minlength=common.train.n_words)
    likely = np.flatnonzero(occurs >= min(10, occurs.max()))
    angles = _unit(vectors) @ _unit(common.vectors[likely]).T
    nearest = np.argsort(-angles, axis=1, kind="stable")[:, :NEAREST]
    return [", ".join(common.train.vocabulary[likely[i]] for i in row) for row in nearest]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
