"""Gaussian LDA: its predictive density against the definition, planted clusters of word vectors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_t

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text import GaussianLDA
from tests.planted import Vectors, corpus_of, distances_to_planted, draw_corpus, embeddings


def planted(seed: int = 0) -> tuple[Vectors, np.ndarray, Corpus]:
    """Three clusters of word vectors, a topic uniform over the words of each, and documents."""
    rng = np.random.default_rng(seed)
    centres = 4 * rng.standard_normal((3, 5))
    vectors = np.repeat(centres, 30, axis=0) + 0.7 * rng.standard_normal((90, 5))
    topics = np.kron(np.eye(3), np.full(30, 1 / 30))
    words = Vectors("clusters", tuple(f"w{i}" for i in range(90)), vectors.astype(np.float32))
    return words, topics, draw_corpus(topics, documents=150, length=40, alpha=0.3, seed=seed)


def test_predictive_density_is_the_t_distribution_of_the_posterior() -> None:
    words = embeddings(20, dim=4, seed=5)
    rng = np.random.default_rng(1)
    tokens, topics = rng.integers(0, 20, 50), rng.integers(0, 2, 50).astype(np.int32)
    vectors = words.vectors.astype(np.float64)
    prior = vectors.mean(axis=0)
    means, log_density = GaussianLDA(3, embeddings=words)._posterior(tokens, topics, vectors, prior)
    for k in range(3):  # the third topic has no tokens: the prior alone
        x = vectors[tokens[topics == k]]
        n, D = len(x), 4
        kappa, nu, psi, mean = 0.1 + n, D + n, 3.0 * D * np.eye(D), prior
        if n:
            centre = x.mean(axis=0)
            mean = (0.1 * prior + n * centre) / kappa
            psi = psi + (x - centre).T @ (x - centre)
            psi += 0.1 * n / kappa * np.outer(centre - prior, centre - prior)
        freedom = nu - D + 1
        expected = multivariate_t(mean, psi * (kappa + 1) / (kappa * freedom), df=freedom).logpdf(vectors)
        np.testing.assert_allclose(means[k], mean)
        np.testing.assert_allclose(log_density[k], expected, rtol=1e-4)


def test_planted_clusters_come_back() -> None:
    words, topics, corpus = planted()
    model = GaussianLDA(3, embeddings=words, n_sweeps=25, seed=1).fit(corpus)
    # A topic's words are those of its cluster, though a normal density is not uniform over them.
    of_cluster = model.topics_.reshape(3, 3, 30).sum(axis=2).repeat(30, axis=1) / 30
    assert distances_to_planted(of_cluster, topics).max() < 0.05
    theta = model.transform(corpus)
    shares = np.array([np.bincount(corpus.document(d) // 30, minlength=3) for d in range(len(corpus))]) / 40
    assert max(np.corrcoef(theta[:, 0], shares[:, k])[0, 1] for k in range(3)) > 0.95


def test_words_become_likelier_under_their_topics() -> None:
    words = embeddings(90, dim=5, seed=3)
    corpus = draw_corpus(np.random.default_rng(0).dirichlet(np.full(90, 0.1), size=4), documents=100, length=40)
    history = GaussianLDA(8, embeddings=words, n_sweeps=15).fit(corpus).sweep_log_likelihood_
    assert history[-5:].mean() > history[:2].mean() + 0.1


def test_mistakes() -> None:
    words, _, corpus = planted()
    with pytest.raises(UserError, match="alpha"):
        GaussianLDA(3, embeddings=words, alpha=0.0)
    with pytest.raises(UserError, match="fewer topics"):
        GaussianLDA(9, embeddings=words).fit(corpus_of([[0, 1], [1]], 90))
    with pytest.raises(UserError, match="no embedding"):
        GaussianLDA(3, embeddings=embeddings(30)).fit(corpus)


def test_a_word_far_from_all_topics_keeps_a_probability() -> None:
    words, topics, _ = planted()
    far = Vectors("far", (*words.words, "w90"), np.vstack([words.vectors, np.full((1, 5), 300, np.float32)]))
    corpus = draw_corpus(np.pad(topics, ((0, 0), (0, 1))), documents=150, length=40, alpha=0.3)
    model = GaussianLDA(3, embeddings=far, n_sweeps=2).fit(corpus)
    densities = model.word_log_densities_
    assert not np.exp(densities[:, 90] - densities.max(axis=1)).any()
    assert (model.topics_ > 0).all()
    np.testing.assert_allclose(model.topics_.sum(axis=1), 1)
