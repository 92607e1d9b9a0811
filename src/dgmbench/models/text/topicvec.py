"""TopicVec: topics that are points in the word-embedding space (Li, Chua, Zhu & Miao, ACL 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.special import digamma, gammaln, logsumexp

from dgmbench.data.corpora import Corpus
from dgmbench.fast.text import expectation as fast
from dgmbench.models.text.estimator import TopicMethod, fit_a_few
from dgmbench.models.text.preparation import (
    WordVectors,
    require_documents,
    require_options,
    require_vocabulary,
    word_vectors,
)
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.progress import note, passes

BACKGROUND_WORDS = 25_000  # the most frequent words carry the background unigram P(w)
STEPS_PER_EXPECTATION = 5
FeatureSet = Literal["counts", "root-counts", "proportions"]
FEATURE_SETS: Mapping[FeatureSet, str] = {  # and their names in the table
    "counts": "topic counts",
    "root-counts": "square roots of topic counts",
    "proportions": "topic proportions",
}
PASSES = 3  # of the fixed point of pi and theta, in one expectation step, from the last one's theta


@dataclass(frozen=True, eq=False)
class Background:
    """The unigram that topics tilt: P(w | k) = P(w) exp(v_w·t_k + r_k).

    Attributes:
        vectors: (words, dim) float32 embeddings of its words.
        log_probability: (words,) float32.
    """

    vectors: np.ndarray
    log_probability: np.ndarray

    def tilt(self, topics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For topics t (K, dim): r_k = −log Σ_s P(s) exp(v_s·t_k), (K,), and E_{P(w|k)}[v], (K, dim)."""
        logits = topics @ self.vectors.T + self.log_probability  # (K, words)
        highest = logits.max(axis=1)
        weights = np.exp(logits - highest[:, None])
        total = weights.sum(axis=1, dtype=np.float64)
        return -(np.log(total) + highest), (weights @ self.vectors) / total[:, None].astype(np.float32)


def expectation(
    counts: sparse.csr_matrix, scores: np.ndarray, theta: np.ndarray, alpha: float, passes: int
) -> tuple[float, np.ndarray]:
    """Fixed-point passes of pi_dw^k ∝ exp{psi(theta_dk) + v_w·t_k + r_k}, theta_dk = alpha + Σ_w n_dw pi_dw^k.

    Args:
        counts: (documents, vocabulary) n_dw.
        scores: (vocabulary, K) v_w·t_k + r_k.
        theta: (documents, K), the starting point; updated in place.
        passes: at least one.

    Returns:
        The evidence lower bound over all documents, with the theta that the last pass started from, and
        (vocabulary, K) Σ_d n_dw pi_dw^k of the last pass.
    """
    word_topic, bound, K = np.zeros(scores.shape), 0.0, scores.shape[1]
    for d in range(counts.shape[0]):
        row = slice(counts.indptr[d], counts.indptr[d + 1])
        words, n = counts.indices[row], counts.data[row]
        for _ in range(passes):
            q = theta[d].copy()
            log_phi = digamma(q) - digamma(q.sum())  # E log phi_dk
            logits = scores[words] + log_phi
            log_mass = logsumexp(logits, axis=1)
            pi = np.exp(logits - log_mass[:, None])
            theta[d] = alpha + n @ pi
        word_topic[words] += n[:, None] * pi
        # −KL(Dir(q) ‖ Dir(alpha)), and the tokens
        bound += gammaln(K * alpha) - K * gammaln(alpha) - gammaln(q.sum()) + gammaln(q).sum() + (alpha - q) @ log_phi
        bound += n @ log_mass
    return bound, word_topic


@dataclass(eq=False, repr=False)
class TopicVec(TopicMethod):
    """Topic embeddings t_k in a ball; P(w | k) ∝ P(w) exp(v_w·t_k), document proportions phi_d ~ Dir(alpha).

    With labels, topics are learned from each class's training documents alone and put side by side, with a
    single null topic t = 0 in front. Without labels all documents form one class.

    Args:
        n_topics_per_class: topics learned from each class's documents, the null topic counted.
        embeddings: word embeddings that cover the vocabulary.
        max_norm: radius of the ball.
        alpha: Dirichlet parameter of every topic; 0.1 in the paper.
        iterations: gradient steps per class, at most; one expectation step comes before each five. A class is
            done when its topics together move by less than 0.01 between two expectation steps.
        features: "counts", the expected tokens of each topic in a document; "root-counts", their square roots, which
            keep long documents and repeated words from outweighing the rest; or "proportions", counts by length.
        checkpoint: where the fit keeps the classes that are done, to go on from there when it is killed.

    Attributes:
        topic_vectors_: (topics, dim) float32; row 0 is the null topic.
        log_partitions_: (topics,) r_k.
        topics_: (topics, vocabulary) P(w | k) = P(w) exp(v_w·t_k + r_k), 0 for a word outside the background; computed
            when asked for.
        alpha_: (topics,) Dirichlet parameters.
        bounds_: for each class, the evidence lower bound per token at every expectation step,
            without the constant Σ log P(w). It does not fall.
    """

    _expectation = staticmethod(fast.expectation)  # `expectation`, compiled

    n_topics_per_class: int = 15
    _: KW_ONLY
    embeddings: WordVectors
    max_norm: float = 3.0
    alpha: float = 0.1
    iterations: int = 150
    features: FeatureSet = "counts"
    seed: int = 0
    threads: int = 1
    checkpoint: Checkpoint = NOT_KEPT

    def __post_init__(self) -> None:
        least = {"n_topics_per_class": 2, "iterations": 1, "threads": 1}
        require_options(self, at_least=least, above={"max_norm": 0, "alpha": 0}, one_of={"features": FEATURE_SETS})

    @property
    def feature_set(self) -> str:
        """What the features are, for the table."""
        return FEATURE_SETS[self.features]

    def warm_up(self, corpus: Corpus) -> None:
        """Let what a fit is made of compile, so that this is no part of its seconds."""
        fit_a_few(self, corpus, n_topics_per_class=2, iterations=1)

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> TopicVec:
        """Learn each class's topics. Classes are independent, so ``threads`` changes nothing but the time.

        Raises:
            UserError: no documents, an empty one, a word without an embedding, or more topics than tokens.
        """
        require_documents(corpus, at_least=self.n_topics_per_class)
        labels = corpus.labels if labels is None else np.asarray(labels)
        self.vocabulary_ = corpus.vocabulary
        self.word_vectors_ = word_vectors(corpus, self.embeddings)
        self.background_ = background_of(corpus, self.word_vectors_)
        self._background_words = frequent_words(corpus)
        counts = corpus.counts
        groups = [slice(None)] if labels is None else [np.flatnonzero(labels == c) for c in np.unique(labels)]
        seeds = np.random.SeedSequence(self.seed).spawn(len(groups))

        def fit_group(documents: np.ndarray | slice, seed: np.random.SeedSequence) -> tuple[np.ndarray, np.ndarray]:
            return self._fit_class(counts[documents], np.random.default_rng(seed))

        saved = self.checkpoint.load()
        fitted = [(saved[f"topics_{i}"], saved[f"bounds_{i}"]) for i in range(len(saved) // 2)]
        done = len(fitted)
        with ThreadPoolExecutor(self.threads) as pool:
            found = pool.map(fit_group, groups[done:], seeds[done:])
            for i in passes("TopicVec: class", len(groups), done):
                fitted.append(next(found))
                note(bound_nats_per_token=fitted[i][1][-1])
                saved |= {f"topics_{i}": fitted[i][0], f"bounds_{i}": fitted[i][1]}
                self.checkpoint.save(**saved)
        null = np.zeros((1, self.word_vectors_.shape[1]), np.float32)
        self.topic_vectors_ = np.concatenate([null, *(topics[1:] for topics, _ in fitted)])
        self.log_partitions_ = self.background_.tilt(self.topic_vectors_)[0]
        self.bounds_ = [bounds for _, bounds in fitted]
        return self

    @property
    def topics_(self) -> np.ndarray:
        topics = np.zeros((len(self.topic_vectors_), len(self.vocabulary_)))
        logits = self.topic_vectors_ @ self.background_.vectors.T + self.log_partitions_[:, None]
        topics[:, self._background_words] = np.exp(logits + self.background_.log_probability)
        topics /= topics.sum(axis=1, keepdims=True)  # what rounding left over
        return topics

    @property
    def alpha_(self) -> np.ndarray:
        return np.full(len(self.topic_vectors_), self.alpha)

    def transform(self, corpus: Corpus) -> np.ndarray:
        """(documents, topics) float64: one expectation step from uniform theta, Σ_w n_dw softmax_k(v_w·t_k + r_k).

        The other feature sets are made of these expected counts.
        """
        require_vocabulary(corpus, self.vocabulary_)
        scores = self.word_vectors_ @ self.topic_vectors_.T + self.log_partitions_  # (vocabulary, topics)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        expected = corpus.counts @ weights
        if self.features == "root-counts":
            return np.sqrt(expected)
        return expected if self.features == "counts" else expected / corpus.lengths[:, None]

    def _fit_class(self, counts: sparse.csr_matrix, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Topics (K, dim) of one class's documents, and the bound per token at each expectation step."""
        used = np.unique(counts.indices)
        counts, vectors = counts[:, used], self.word_vectors_[used]
        K, n_tokens = self.n_topics_per_class, counts.sum()
        topics = rng.standard_normal((K, vectors.shape[1])).astype(np.float32)
        topics /= np.linalg.norm(topics, axis=1, keepdims=True)
        topics[0] = 0
        ascent = Ascent(self.background_, topics, self.max_norm)
        theta = np.full((counts.shape[0], K), self.alpha + n_tokens / counts.shape[0] / K)
        bounds = []
        for _ in range(0, self.iterations, STEPS_PER_EXPECTATION):
            scores = (vectors @ ascent.topics.T + ascent.log_partitions).astype(np.float64)
            bound, word_topic = self._expectation(counts, scores, theta, self.alpha, PASSES)
            bounds.append(bound / n_tokens)
            before = ascent.topics
            ascent.climb(word_topic.T @ vectors, word_topic.sum(axis=0), STEPS_PER_EXPECTATION)
            if np.linalg.norm(ascent.topics - before) < 0.01:
                break
        return ascent.topics, np.array(bounds)


class Ascent:
    """Projected gradient ascent of Σ_k (t_k·S_k + m_k r_k) in the ball, each topic with its own step length.

    S_k = Σ n_dw pi_dw^k v_w and m_k = Σ n_dw pi_dw^k; per token of topic k the gradient is S_k/m_k − E_{P(w|k)}[v].
    The objective is concave in each t_k. A step that would lower it is not taken and the length is cut; one that
    raises it lengthens the next. So the bound never falls, where the paper's schedule (0.1/(l+1) at iteration l,
    at most a fifth of ‖t_k‖) overshoots for classes of many tokens and lets it oscillate.
    """

    def __init__(self, background: Background, topics: np.ndarray, max_norm: float) -> None:
        self.background = background
        self.max_norm = max_norm
        self.topics = topics
        self.log_partitions, self.means = background.tilt(topics)
        probability = np.exp(background.log_probability)[:, None]
        centred = background.vectors - (probability * background.vectors).sum(axis=0)
        steepest = np.linalg.eigvalsh((centred * probability).T @ centred)[-1]  # curvature of −r at t = 0
        self.longest = 1000 / steepest
        self.lengths = np.full(len(topics), 4 / steepest, np.float32)

    def climb(self, S: np.ndarray, m: np.ndarray, n_steps: int) -> None:
        """Take steps for fixed S (K, dim) and m (K,). A topic without tokens and the null topic stay."""
        target = (S / np.maximum(m, 1e-9)[:, None]).astype(np.float32)
        moving = m > 1e-9
        moving[0] = False
        values = np.einsum("kd,kd->k", self.topics, target) + self.log_partitions
        for _ in range(n_steps):
            step = self.lengths[:, None] * (target - self.means)
            proposed = shorten(self.topics + shorten(step, 0.5), self.max_norm)
            log_partitions, means = self.background.tilt(proposed)
            reached = np.einsum("kd,kd->k", proposed, target) + log_partitions
            better = moving & (reached >= values)
            self.topics = np.where(better[:, None], proposed, self.topics)
            self.means = np.where(better[:, None], means, self.means)
            self.log_partitions = np.where(better, log_partitions, self.log_partitions)
            values = np.where(better, reached, values)
            self.lengths = np.where(better, np.minimum(1.5 * self.lengths, self.longest), 0.4 * self.lengths)
            self.lengths = self.lengths.astype(np.float32)


def background_of(corpus: Corpus, vectors: np.ndarray) -> Background:
    """The unigram of a corpus over its `frequent_words`."""
    frequency = np.bincount(corpus.words, minlength=corpus.n_words)
    words = frequent_words(corpus)
    probability = frequency[words] / frequency[words].sum()
    return Background(np.ascontiguousarray(vectors[words]), np.log(probability).astype(np.float32))


def frequent_words(corpus: Corpus) -> np.ndarray:
    """The numbers of a corpus's `BACKGROUND_WORDS` most frequent words (ties by word number), most frequent first."""
    frequency = np.bincount(corpus.words, minlength=corpus.n_words)
    words = np.argsort(-frequency, kind="stable")[:BACKGROUND_WORDS]
    return words[frequency[words] > 0]


def shorten(rows: np.ndarray, longest: float) -> np.ndarray:
    """The rows (K, dim), those longer than ``longest`` cut to that length: of topics, the projection on a ball."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows * np.minimum(1.0, longest / np.maximum(lengths, 1e-30)).astype(np.float32)
