"""WarpLDA in its plain form, to be read; `dgmbench.fast.text.warp` is what `LDA(engine="warp")` runs.

WarpLDA (Chen, Li, Zhu, Chen, VLDB 2016): O(1) per token at any number of topics, memory linear in the tokens.

Each token holds its topic and one or more proposed topics. A sweep visits the tokens by word, then by document. A visit
to a row (one word or one document) counts the topics of its tokens, lets each token accept or reject what the other
kind of visit proposed, and proposes new topics from the row's own counts. As they hold one factor of the token's
conditional p(k) ∝ (n_dk + alpha_k) (n_wk + beta) / (n_k + V beta), accepting needs this row's counts alone,

    min{1, (n_row,k' + prior_k') (n_k + V beta) / [(n_row,k + prior_k) (n_k' + V beta)]},

which follow each accepted move and leave out the token in question.

In one point this is not the paper's algorithm. That proposes from the frozen q(k) ∝ n_row,k + prior_k: all tokens of a
row move within a sweep as if the others stayed, and long runs settle below the likelihood of the posterior. Here a row
proposes from a Pólya urn, in O(1) as well: copy the topic of a random token of the row *or an earlier proposal of the
row*, or draw from the prior. Such draws are independent draws from one distribution that is itself drawn from the
Dirichlet distribution with the parameters n_row,k + prior_k (Blackwell, MacQueen, 1973), though it is never formed:

- of a document it is theta_d ~ p(theta_d | z). Given theta_d the tokens of a document are independent, so moving all of
  them in the visits by word is a sweep of Metropolis-Hastings for p(z_i | z_-i, theta, w).
- of a word it is g_wk / Σ_k g_wk with g_wk ~ Gamma(n_wk + beta). These make up phi_k ~ p(phi_k | z, w), phi_kw = g_wk /
  Σ_w g_wk, given which the tokens of a word are independent; for Σ_w g_wk stands its mean n_k + V beta.

So of the counts that a sweep uses only the topics' totals n_k are delayed: an error of the order of 1 / √n_k in one
factor per topic.
"""

from __future__ import annotations

import numpy as np

from dgmbench.fast.random import Stream
from dgmbench.fast.text.layout import Tokens


def sweep(tokens: Tokens, proposed: np.ndarray, alpha: np.ndarray, beta: float, V: int, rng: Stream) -> None:
    """Visit every word and then every document once; topics and ``proposed`` (tokens, proposals) change in place.

    Args:
        alpha: (K,) Dirichlet parameters of the proportions.
        beta: the symmetric Dirichlet parameter of the topics.
        V: the size of the vocabulary.
    """
    documents, words, topics = tokens
    for rows, prior in ((words, np.full(len(alpha), beta)), (documents, alpha)):
        totals = np.bincount(topics, minlength=len(alpha)) + V * beta  # those of the last visit
        for row in np.unique(rows):
            members = np.flatnonzero(rows == row)
            accept(members, topics, proposed, prior, totals, rng)
            propose(members, topics, proposed, prior, rng)


def accept(
    tokens: np.ndarray, topics: np.ndarray, proposed: np.ndarray, prior: np.ndarray, totals: np.ndarray, rng: Stream
) -> None:
    """Let each token of a row accept or reject its proposals; ``totals`` (K,) are n_k + V beta."""
    n_row = np.bincount(topics[tokens], minlength=len(prior))
    for i in tokens:
        k = topics[i]
        n_row[k] -= 1
        for new in proposed[i]:
            ratio = (n_row[new] + prior[new]) * totals[k] / ((n_row[k] + prior[k]) * totals[new])
            if rng.random() < ratio:
                k = new
        n_row[k] += 1
        topics[i] = k


def propose(tokens: np.ndarray, topics: np.ndarray, proposed: np.ndarray, prior: np.ndarray, rng: Stream) -> None:
    """Draw new proposals for a row from its urn."""
    urn = topics[tokens].tolist()
    for i in tokens:
        for m in range(proposed.shape[1]):
            ball = rng.random() * (len(urn) + prior.sum())
            proposed[i, m] = urn[int(ball)] if ball < len(urn) else rng.draw(prior)
            urn.append(proposed[i, m])
