"""Collapsed Gibbs sampling of LDA (Griffiths and Steyvers, 2004), to be read; `dgmbench.fast.text.gibbs` runs."""

from __future__ import annotations

import numpy as np

from dgmbench.fast.random import Stream
from dgmbench.fast.text.layout import Tokens


def sweep(tokens: Tokens, alpha: np.ndarray, beta: float, V: int, rng: Stream) -> None:
    """Resample the topic of every token once, each given all others; topics change in place.

    On dense rows the compiled sampler visits the same states from the same stream.

    Args:
        alpha: (K,) Dirichlet parameters of the proportions.
        beta: the symmetric Dirichlet parameter of the topics.
        V: the size of the vocabulary.
    """
    (documents, words, topics), K = tokens, len(alpha)
    n_dk, n_wk = np.zeros((documents.max() + 1, K)), np.zeros((V, K))
    np.add.at(n_dk, (documents, topics), 1)
    np.add.at(n_wk, (words, topics), 1)
    n_k = n_wk.sum(axis=0)
    for i, (d, w) in enumerate(zip(documents, words, strict=True)):
        k = topics[i]
        n_dk[d, k] -= 1
        n_wk[w, k] -= 1
        n_k[k] -= 1
        k = topics[i] = rng.draw((n_dk[d] + alpha) * (n_wk[w] + beta) / (n_k + V * beta))
        n_dk[d, k] += 1
        n_wk[w, k] += 1
        n_k[k] += 1
