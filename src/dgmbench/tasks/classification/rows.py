"""The rows of the classification table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgmbench.run.task import Row

_TEXT = "dgmbench.models.text"
_VECTORS = "embeddings"


@dataclass(frozen=True)
class Method(Row):
    """A document method.

    Attributes:
        topics_option: the option that says how many topics a topic model has.
        transductive: whether it may be fitted on the classified documents too: it learns from words, not from labels.
        against_all: whether it is compared with every other method, besides the best one.
    """

    topics_option: str = "n_topics"
    transductive: bool = False
    against_all: bool = False


def _topics(twenty_news: int, reuters: int) -> Mapping[str, Mapping[str, Any]]:
    return {"20news": {"n_topics": twenty_news}, "reuters": {"n_topics": reuters}}


_K = {"n_topics": 100}  # for a corpus that is not in the papers
# chosen on validation parts of the training documents, see docs/protocol.md
_ROOTED = {**_K, "features": "root-proportions"}
_TOPICVEC = {"features": "root-counts"}
_TOPICVEC_BY_DATASET: Mapping[str, Mapping[str, Any]] = {"20news": {"alpha": 0.5}}

ROWS: dict[str, Method] = {
    "bow": Method(f"{_TEXT}.bow:BagOfWords", "bag of words: raw counts"),
    "lda": Method(
        f"{_TEXT}.lda:LDA",
        "latent Dirichlet allocation (Blei, Ng, Jordan, 2003)",
        options=_ROOTED,
        by_dataset=_topics(100, 50),
        transductive=True,
    ),
    "slda": Method(
        f"{_TEXT}.slda:SLDA",
        "supervised LDA (Wang, Blei, Fei-Fei, CVPR 2009)",
        options=_ROOTED,
        by_dataset=_topics(100, 50),
    ),
    "lftm": Method(
        f"{_TEXT}.lftm:LFTM",
        "latent-feature LDA (Nguyen et al., TACL 2015)",
        options=_ROOTED,
        by_dataset=_topics(100, 50),
        transductive=True,
        needs=_VECTORS,
    ),
    "mean-wv": Method(f"{_TEXT}.mean_wv:MeanWordVectors", "mean of the word embeddings", needs=_VECTORS),
    "doc2vec": Method(f"{_TEXT}.doc2vec:Doc2Vec", "paragraph vectors (Le, Mikolov, ICML 2014)", transductive=True),
    "twe": Method(
        f"{_TEXT}.twe:TWE",
        "topical word embeddings, TWE-1 (Liu et al., AAAI 2015)",
        options=_K,
        by_dataset=_topics(100, 50),
    ),
    "gaussian-lda": Method(
        f"{_TEXT}.gaussian_lda:GaussianLDA",
        "Gaussian LDA (Das, Zaheer, Dyer, ACL 2015)",
        options=_ROOTED,
        by_dataset=_topics(100, 70),
        needs=_VECTORS,
    ),
    "topicvec": Method(
        f"{_TEXT}.topicvec:TopicVec",
        "TopicVec (Li, Chua, Zhu, Miao, ACL 2016)",
        options=_TOPICVEC,
        by_dataset=_TOPICVEC_BY_DATASET,
        topics_option="n_topics_per_class",
        against_all=True,
        needs=_VECTORS,
    ),
    "topicvec+mean-wv": Method(
        f"{_TEXT}.topicvec_mean_wv:TopicVecMeanWV",
        "TopicVec features beside the mean embedding (ibid.)",
        options=_TOPICVEC,
        by_dataset=_TOPICVEC_BY_DATASET,
        topics_option="n_topics_per_class",
        needs=_VECTORS,
    ),
}
