"""TopicVec: the bound and its gradient, planted topics, inference that leaves the model alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from scipy.optimize import linear_sum_assignment

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.fast.text.expectation import expectation
from dgmbench.models.text import TopicVec
from dgmbench.models.text.topicvec import Ascent, Background, background_of, shorten
from tests.planted import Vectors, corpus_of, draw_corpus, embeddings


def planted(seed: int = 0, length: int = 60) -> tuple[Vectors, np.ndarray, Corpus]:
    """Documents of TopicVec's own generative process: embeddings, topics with the null topic first, a corpus."""
    rng = np.random.default_rng(seed)
    vectors = embeddings(300, dim=5, seed=seed)
    topics = rng.standard_normal((4, 5))
    topics *= 2.5 / np.linalg.norm(topics, axis=1, keepdims=True)
    topics[0] = 0
    unigram = rng.dirichlet(np.ones(300))
    tilted = unigram * np.exp(topics @ vectors.vectors.T)
    tilted /= tilted.sum(axis=1, keepdims=True)
    return vectors, topics, draw_corpus(tilted, documents=400, length=length, seed=seed)


def matched_cosines(found: np.ndarray, planted_topics: np.ndarray) -> np.ndarray:
    """The cosine of each planted topic with the one it is matched to."""
    unit = [t / np.linalg.norm(t, axis=1, keepdims=True) for t in (planted_topics, found)]
    cosines = unit[0] @ unit[1].T
    return cosines[linear_sum_assignment(-cosines)]


def test_planted_topics_come_back() -> None:
    # the unigram of the text is itself tilted by the mixture of topics, so that only directions can be compared
    vectors, topics, corpus = planted(length=100)
    fitted = TopicVec(4, embeddings=vectors, max_norm=5, iterations=300, seed=1).fit(corpus)
    assert matched_cosines(fitted.topic_vectors_[1:], topics[1:]).min() > 0.85


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_bound_does_not_fall(seed: int) -> None:
    vectors, _, corpus = planted(seed)
    (bounds,) = TopicVec(4, embeddings=vectors, seed=seed).fit(corpus).bounds_
    assert (np.diff(bounds) > -1e-5).all()
    assert bounds[-1] > bounds[0] + 0.1


def test_the_bound_is_the_evidence_lower_bound() -> None:
    """Against the textbook sum over one document's tokens, with q(phi) = Dir(theta) and the best q(z) for it."""
    rng = np.random.default_rng(0)
    scores, theta, alpha = rng.standard_normal((7, 3)), rng.gamma(2, 1, (1, 3)), 0.3
    counts, start = np.array([2, 1, 4]), theta.copy()
    bound, _ = expectation(corpus_of([[1, 1, 4, 6, 6, 6, 6]], 7).counts, scores, theta, alpha, 1)
    log_phi = special.digamma(start[0]) - special.digamma(start[0].sum())
    pi = special.softmax(scores[[1, 4, 6]] + log_phi, axis=1)
    tokens = np.sum(counts[:, None] * pi * (scores[[1, 4, 6]] + log_phi - np.log(pi)))
    prior = special.gammaln(3 * alpha) - 3 * special.gammaln(alpha) + np.sum((alpha - 1) * log_phi)
    q = special.gammaln(start.sum()) - special.gammaln(start).sum() + np.sum((start[0] - 1) * log_phi)
    assert bound == pytest.approx(tokens + prior - q, rel=1e-9)
    np.testing.assert_allclose(theta[0], alpha + counts @ pi)


def test_more_passes_raise_the_bound_and_conserve_tokens() -> None:
    vectors, topics, corpus = planted()
    scores = vectors.vectors @ topics.T
    bounds = []
    for passes in (1, 3, 10):
        theta = np.full((len(corpus), 4), 15.0)
        bound, word_topic = expectation(corpus.counts, scores, theta, 0.1, passes)
        bounds.append(bound)
        assert word_topic.sum() == pytest.approx(corpus.n_tokens)
        np.testing.assert_allclose(theta.sum(axis=1), corpus.lengths + 0.4)
    assert bounds == sorted(bounds)


def test_the_gradient_of_the_bound_agrees_with_finite_differences() -> None:
    rng = np.random.default_rng(3)
    background = Background(rng.standard_normal((50, 4)), np.log(rng.dirichlet(np.ones(50))))
    topics, S, m = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), np.array([4.0, 1.0, 9.0])

    def value(t: np.ndarray) -> float:
        return float(np.sum(t * S) + m @ background.tilt(t)[0])

    gradient = S - m[:, None] * background.tilt(topics)[1]
    for k, d in np.ndindex(topics.shape):
        shift = np.zeros_like(topics)
        shift[k, d] = 1e-5
        assert gradient[k, d] == pytest.approx((value(topics + shift) - value(topics - shift)) / 2e-5, abs=2e-5)


def test_the_ascent_ends_at_the_maximum_in_the_ball() -> None:
    rng = np.random.default_rng(4)
    background = Background(rng.standard_normal((80, 3)).astype(np.float32), np.full(80, -np.log(80), np.float32))
    start = rng.standard_normal((3, 3)).astype(np.float32)
    start[0] = 0
    ascent = Ascent(background, start, max_norm=1.5)
    m = np.array([5.0, 7.0, 2.0])
    S = m[:, None] * np.array([[0, 0, 0], [0.3, -0.2, 0.1], [1.5, 1.0, -1.0]])  # the last wants out of the ball
    ascent.climb(S, m, 300)
    gradient = S / m[:, None] - ascent.means
    np.testing.assert_allclose(gradient[1], 0, atol=1e-3)
    assert np.linalg.norm(ascent.topics[2]) == pytest.approx(1.5, rel=1e-5)
    along = ascent.topics[2] / 1.5
    np.testing.assert_allclose(gradient[2], (gradient[2] @ along) * along, atol=5e-3)
    assert gradient[2] @ along > 0
    assert not ascent.topics[0].any()


def test_topic_distributions_add_up_to_one() -> None:
    vectors, topics, corpus = planted()
    background = background_of(corpus, vectors.vectors)
    log_partitions, means = background.tilt(topics.astype(np.float32))
    p = np.exp(background.log_probability + topics @ background.vectors.T + log_partitions[:, None])
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(means, p @ background.vectors, atol=1e-4)
    assert log_partitions[0] == pytest.approx(0, abs=1e-6)


def test_features_are_expected_counts_of_one_step() -> None:
    vectors, _, corpus = planted()
    fitted = TopicVec(3, embeddings=vectors, iterations=10).fit(corpus)
    features = fitted.transform(corpus)
    tokens = corpus.document(7)
    scores = vectors.vectors[tokens] @ fitted.topic_vectors_.T + fitted.log_partitions_
    np.testing.assert_allclose(features[7], special.softmax(scores, axis=1).sum(axis=0), rtol=1e-4)
    shares = TopicVec(3, embeddings=vectors, iterations=10, features="proportions").fit(corpus).transform(corpus)
    np.testing.assert_allclose(shares, features / corpus.lengths[:, None])
    rooted = TopicVec(3, embeddings=vectors, iterations=10, features="root-counts").fit(corpus)
    np.testing.assert_allclose(rooted.transform(corpus) ** 2, features)
    assert (fitted.feature_set, rooted.feature_set) == ("topic counts", "square roots of topic counts")


def test_classes_have_topics_of_their_own_and_share_one_null_topic() -> None:
    vectors, _, corpus = planted()
    labels = np.arange(len(corpus)) % 2
    both = TopicVec(4, embeddings=vectors, iterations=20, seed=5).fit(corpus, labels)
    assert both.topic_vectors_.shape == (7, 5) and len(both.bounds_) == 2
    assert not both.topic_vectors_[0].any() and both.topic_vectors_[1:].any(axis=1).all()
    shuffled = np.random.default_rng(0).permutation(len(corpus))
    again = TopicVec(4, embeddings=vectors, iterations=20, seed=5).fit(
        corpus.select_documents(shuffled), labels[shuffled]
    )
    np.testing.assert_allclose(both.topic_vectors_, again.topic_vectors_, atol=1e-3)


def test_a_seed_gives_the_same_bits_whatever_the_threads() -> None:
    vectors, _, corpus = planted()
    labels = np.arange(len(corpus)) % 3
    fits = [
        TopicVec(3, embeddings=vectors, iterations=15, seed=s, threads=n).fit(corpus, labels)
        for s, n in ((7, 1), (7, 1), (7, 3), (8, 1))
    ]
    for other in fits[1:3]:
        np.testing.assert_array_equal(fits[0].topic_vectors_, other.topic_vectors_)
        np.testing.assert_array_equal(fits[0].transform(corpus), other.transform(corpus))
    assert not np.array_equal(fits[0].topic_vectors_, fits[3].topic_vectors_)


def test_project_only_shortens() -> None:
    np.testing.assert_allclose(
        shorten(np.array([[3.0, 4.0], [0.3, 0.4], [0, 0]]), 1.0), [[0.6, 0.8], [0.3, 0.4], [0, 0]]
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"n_topics_per_class": 1}, "at least 2"),
        ({"max_norm": 0}, "above 0"),
        ({"features": "logits"}, "one of counts, root-counts, proportions"),
        ({"n_topics_per_class": 9}, "9 topics but only 4 tokens"),
    ],
)
def test_bad_input(options: dict, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        TopicVec(**{"embeddings": embeddings(5), **options}).fit(corpus_of([[0, 1], [2, 2]], 5))


def test_a_class_of_one_short_document_is_no_trouble() -> None:
    corpus = corpus_of([[0, 1, 2] * 5, [3, 4]], 5, labels=[0, 1])
    features = TopicVec(4, embeddings=embeddings(5), iterations=50).fit(corpus).transform(corpus)
    assert np.isfinite(features).all()
    np.testing.assert_allclose(features.sum(axis=1), corpus.lengths)
