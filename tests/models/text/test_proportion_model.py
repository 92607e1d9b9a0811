"""What the four models whose features are proportions have in common: the choice of features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dgmbench.errors import UserError
from dgmbench.models.text import LDA, LFTM, SLDA, GaussianLDA
from dgmbench.models.text.proportion_model import ProportionModel
from tests.planted import corpus_of, draw_corpus, embeddings

TOPICS = np.kron(np.eye(2), np.full(10, 0.1))

MODELS: dict[str, Callable[..., ProportionModel]] = {
    "lda": lambda **options: LDA(2, n_sweeps=20, **options),
    "slda": lambda **options: SLDA(2, n_iterations=2, **options),
    "lftm": lambda **options: LFTM(2, embeddings=embeddings(20), initial_sweeps=5, n_sweeps=2, **options),
    "gaussian-lda": lambda **options: GaussianLDA(2, embeddings=embeddings(20), n_sweeps=5, **options),
}


@pytest.mark.parametrize("name", MODELS)
def test_features_are_the_proportions_or_their_square_roots(name: str) -> None:
    corpus = draw_corpus(TOPICS, documents=60, length=30, seed=1, labelled=True)
    plain = MODELS[name](seed=2).fit(corpus, corpus.labels)
    rooted = MODELS[name](seed=2, features="root-proportions").fit(corpus, corpus.labels)
    theta = plain.transform(corpus)
    np.testing.assert_allclose(theta.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(rooted.transform(corpus), np.sqrt(theta))
    np.testing.assert_array_equal(rooted.proportions(corpus), theta)
    assert plain.feature_set == "topic proportions"
    assert rooted.feature_set == "square roots of topic proportions"


@pytest.mark.parametrize("name", MODELS)
def test_bad_input(name: str) -> None:
    with pytest.raises(UserError, match="features is 'counts'; it must be one of proportions, root-proportions"):
        MODELS[name](features="counts")
    corpus = draw_corpus(TOPICS, documents=20, length=30, seed=1, labelled=True)
    fitted = MODELS[name]().fit(corpus, corpus.labels)
    with pytest.raises(UserError, match="have no words"):
        fitted.transform(corpus_of([[0, 1], []], 20))
    with pytest.raises(UserError, match="vocabulary"):
        fitted.transform(corpus_of([[0, 1]], 3))
