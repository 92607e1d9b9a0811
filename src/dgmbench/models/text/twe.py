"""Topical word embeddings, TWE-1: words and topics in one space (Liu, Liu, Chua & Sun, AAAI 2015)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.doc2vec import spelled, stable_hash
from dgmbench.models.text.epochs import train_epochs
from dgmbench.models.text.estimator import TopicMethod
from dgmbench.models.text.lda import LDA
from dgmbench.models.text.preparation import require_documents, require_options, require_vocabulary
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint

NEGATIVES = 5  # noise words for each context word, drawn ∝ frequency^0.75 as in skip-gram


@dataclass(eq=False, repr=False)
class TWE(TopicMethod):
    """Every token is a word and a topic, and either one predicts the words around it.

    Topics come from LDA: a token's is the one most probable under theta_d and Phi. Word vectors and output
    weights u_c come from skip-gram with negative sampling. Then, with the output weights held fixed, the vector t_k
    of a topic is the one that best predicts the context of its tokens, see `fit_topic_vectors`.
    A document's features are the mean over its tokens of [word vector; topic vector].

    Args:
        n_topics: topics of LDA.
        dim: length of a word vector and of a topic vector.
        window: words to either side.
        min_count: rarer words have no vector and are ignored.
        epochs: skip-gram's passes over the training documents.
        ridge: penalty ridge/2 ‖t_k‖², per token of the topic.
        engine: the sampler of LDA.
        threads: for LDA and skip-gram. More than one is quicker and not repeatable.
        checkpoint: where the fit keeps its state, to go on from there when it is killed.

    Attributes:
        lda_: the fitted LDA.
        word_vectors_: (vocabulary, dim) float32, zero for a rare word.
        topic_vectors_: (n_topics, dim) float32.
    """

    feature_set = "mean word and topic vector"

    n_topics: int = 100
    _: KW_ONLY
    dim: int = 100
    window: int = 5
    min_count: int = 5
    epochs: int = 10
    ridge: float = 1e-3
    engine: Literal["auto", "warp", "gibbs"] = "auto"
    seed: int = 0
    threads: int = 1
    checkpoint: Checkpoint = NOT_KEPT

    def __post_init__(self) -> None:
        least = dict.fromkeys(("n_topics", "dim", "window", "min_count", "epochs", "threads"), 1)
        require_options(self, at_least=least, above={"ridge": 0})

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> TWE:
        """Learn topics, then word vectors, then topic vectors.

        Raises:
            UserError: no documents, an empty one, more topics than tokens, or no word frequent enough.
        """
        require_documents(corpus, at_least=self.n_topics)
        self.vocabulary_ = corpus.vocabulary
        frequency = np.bincount(corpus.words, minlength=corpus.n_words)
        frequent = np.flatnonzero(frequency >= self.min_count)
        if len(frequent) < 2:
            raise UserError(f"twe: no two words occur {self.min_count} times: lower min_count or bring more text")
        self.lda_ = LDA(
            self.n_topics,
            engine=self.engine,
            seed=self.seed,
            threads=self.threads,
            checkpoint=self.checkpoint.part("lda"),
        ).fit(corpus)
        vectors, outputs = self._skip_gram(corpus, frequent)
        self.word_vectors_ = np.zeros((corpus.n_words, self.dim), np.float32)
        self.word_vectors_[frequent] = vectors

        number = np.full(corpus.n_words, -1, np.int32)
        number[frequent] = np.arange(len(frequent), dtype=np.int32)
        topics = self._assign(corpus)
        documents, shape = np.repeat(np.arange(len(corpus)), corpus.lengths), (self.n_topics, len(frequent))
        contexts = count_contexts(documents, number[corpus.words], topics, self.window, shape)
        noise = frequency[frequent] ** 0.75
        start = np.zeros((self.n_topics, self.dim), np.float32)
        np.add.at(start, topics, self.word_vectors_[corpus.words])
        start /= np.maximum(np.bincount(topics, minlength=self.n_topics), 1)[:, None]
        self.topic_vectors_ = fit_topic_vectors(contexts, outputs, noise / noise.sum(), self.ridge, start)
        return self

    def transform(self, corpus: Corpus) -> np.ndarray:
        """(documents, 2 dim) float64: the mean word vector and the mean topic vector of a document's frequent words.

        A document without a frequent word gets zeros.
        """
        require_vocabulary(corpus, self.vocabulary_)
        known = np.any(self.word_vectors_ != 0, axis=1)[corpus.words]
        document = np.repeat(np.arange(len(corpus)), corpus.lengths)[known]
        word, topic = corpus.words[known], self._assign(corpus)[known]
        sums = np.zeros((len(corpus), 2 * self.dim))
        np.add.at(sums[:, : self.dim], document, self.word_vectors_[word])
        np.add.at(sums[:, self.dim :], document, self.topic_vectors_[topic])
        return sums / np.maximum(np.bincount(document, minlength=len(corpus)), 1)[:, None]

    def _assign(self, corpus: Corpus) -> np.ndarray:
        """(tokens,) the most probable topic of each token."""
        return most_probable_topics(corpus.offsets, corpus.words, self.lda_.proportions(corpus), self.lda_.topics_)

    def _skip_gram(self, corpus: Corpus, frequent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Word vectors and output weights of the frequent words, both (frequent words, dim), by gensim."""
        from gensim.models import Word2Vec

        documents = list(spelled(corpus))
        model = Word2Vec(
            sg=1,
            negative=NEGATIVES,
            vector_size=self.dim,
            window=self.window,
            min_count=self.min_count,
            seed=self.seed,
            workers=self.threads,
            hashfxn=stable_hash,
        )
        model.build_vocab(documents)
        train_epochs(model, documents, self.epochs, self.checkpoint, "TWE: epoch of skip-gram")
        rows = [model.wv.key_to_index[corpus.vocabulary[w]] for w in frequent]
        return model.wv.vectors[rows], model.syn1neg[rows]


def fit_topic_vectors(
    contexts: np.ndarray, outputs: np.ndarray, noise: np.ndarray, ridge: float, start: np.ndarray
) -> np.ndarray:
    """The topic vectors that best predict their contexts by fixed output weights.

    For each topic with context counts n_kc, n_k = Σ_c n_kc, it maximises the expected objective of negative sampling,
        Σ_c n_kc/n_k log σ(u_c·t_k) + `NEGATIVES` Σ_s q_s log σ(−u_s·t_k) − ridge/2 ‖t_k‖²,
    which is concave: the K problems are solved together by L-BFGS rather than by sampling.

    Args:
        contexts: (K, words) n_kc. A topic without any context keeps its start.
        outputs: (words, dim) u_c.
        noise: (words,) q_s, sums to 1.
        start: (K, dim).

    Returns:
        (K, dim) float32.
    """
    from scipy.optimize import minimize

    seen = contexts.sum(axis=1) > 0
    positive = (contexts[seen] / contexts[seen].sum(axis=1, keepdims=True)).astype(np.float32)
    negative = (NEGATIVES * noise).astype(np.float32)
    outputs = np.ascontiguousarray(outputs, np.float32)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        t = flat.reshape(-1, outputs.shape[1])
        logits = t.astype(np.float32) @ outputs.T  # (K, words)
        softplus = np.logaddexp(0, logits)  # −log σ(−x); −log σ(x) is softplus − x
        value = np.sum((positive + negative) * softplus - positive * logits, dtype=np.float64)
        slope = ((positive + negative) / (1 + np.exp(-logits)) - positive) @ outputs
        return float(value + ridge / 2 * np.sum(t * t)), (slope + ridge * t).astype(np.float64).ravel()

    topics = start.astype(np.float32)
    if seen.any():
        best = minimize(
            loss, topics[seen].astype(np.float64).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 100}
        )
        topics[seen] = best.x.reshape(-1, outputs.shape[1])
    return topics


def most_probable_topics(offsets: np.ndarray, words: np.ndarray, theta: np.ndarray, topics: np.ndarray) -> np.ndarray:
    """(tokens,) argmax_k theta_dk phi_kw, the first of equals.

    Args:
        offsets: (documents + 1,) where each document's tokens begin.
        words: (tokens,).
        theta: (documents, K).
        topics: (K, vocabulary) phi.
    """
    by_word = np.ascontiguousarray(topics.T)
    documents = np.split(words, offsets[1:-1])
    return np.concatenate([np.argmax(row * by_word[w], axis=1) for row, w in zip(theta, documents, strict=True)])


def count_contexts(
    documents: np.ndarray, words: np.ndarray, topics: np.ndarray, window: int, shape: tuple[int, int]
) -> np.ndarray:
    """(K, words): how often a token of each topic has each word at most ``window`` tokens away in its document.

    Words with number -1 are passed over as if they were not in the text, as skip-gram does.

    Args:
        documents, words, topics: (tokens,) of every token, in order.
        window: tokens to either side.
        shape: K and the number of words.
    """
    kept = words >= 0
    d, w, z = documents[kept], words[kept].astype(np.int64), topics[kept].astype(np.int64)
    pairs = np.zeros(shape[0] * shape[1], np.int64)
    for distance in range(1, window + 1):
        together = np.flatnonzero(d[distance:] == d[:-distance])
        for first, second in ((together, together + distance), (together + distance, together)):
            pairs += np.bincount(z[first] * shape[1] + w[second], minlength=len(pairs))
    return pairs.reshape(shape).astype(np.float64)
