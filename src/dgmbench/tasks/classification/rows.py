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
        decides: whether it classifies by itself: its features are scores of the classes, and the largest one decides.
    """

    topics_option: str = "n_topics"
    transductive: bool = False
    against_all: bool = False
    decides: bool = False


_K = {"n_topics": 100}  # also for a corpus that is not in the papers
# chosen on validation parts of the training documents, see docs/protocol.md
_ROOTED = {**_K, "features": "root-proportions"}


def _topic_model(
    name: str, about: str, reuters: int = 50, options: Mapping[str, Any] = _ROOTED, **facts: Any
) -> Method:
    """A topic model, with the published numbers of topics."""
    by_dataset = {"20news": _K, "reuters": {"n_topics": reuters}}
    return Method(f"{_TEXT}.{name}", about, options=options, by_dataset=by_dataset, **facts)


def _topicvec(name: str, about: str, against_all: bool = False) -> Method:
    return Method(
        f"{_TEXT}.{name}",
        about,
        options={"features": "root-counts"},
        by_dataset={"20news": {"alpha": 0.5}},
        topics_option="n_topics_per_class",
        against_all=against_all,
        needs=_VECTORS,
    )


ROWS: dict[str, Method] = {
    "bow": Method(f"{_TEXT}.bow:BagOfWords", "bag of words: raw counts", deterministic=True),
    "lda": _topic_model("lda:LDA", "latent Dirichlet allocation (Blei, Ng, Jordan, 2003)", transductive=True),
    "slda": _topic_model("slda:SLDA", "supervised LDA (Wang, Blei, Fei-Fei, CVPR 2009)"),
    "lftm": _topic_model(
        "lftm:LFTM", "latent-feature LDA (Nguyen et al., TACL 2015)", transductive=True, needs=_VECTORS
    ),
    "mean-wv": Method(
        f"{_TEXT}.mean_wv:MeanWordVectors", "mean of the word embeddings", needs=_VECTORS, deterministic=True
    ),
    "doc2vec": Method(f"{_TEXT}.doc2vec:Doc2Vec", "paragraph vectors (Le, Mikolov, ICML 2014)", transductive=True),
    "twe": _topic_model("twe:TWE", "topical word embeddings, TWE-1 (Liu et al., AAAI 2015)", options=_K),
    "gaussian-lda": _topic_model(
        "gaussian_lda:GaussianLDA", "Gaussian LDA (Das, Zaheer, Dyer, ACL 2015)", reuters=70, needs=_VECTORS
    ),
    "topicvec": _topicvec("topicvec:TopicVec", "TopicVec (Li, Chua, Zhu, Miao, ACL 2016)", against_all=True),
    "topicvec+mean-wv": _topicvec(
        "topicvec_mean_wv:TopicVecMeanWV", "TopicVec features beside the mean embedding (ibid.)"
    ),
    "naive-bayes": Method(
        f"{_TEXT}.naive_bayes:NaiveBayes",
        "the class with the largest p(y) Π p(w | y), without an SVM (McCallum, Nigam, 1998)",
        deterministic=True,
        decides=True,
    ),
    "bayes-pa": Method(
        f"{_TEXT}.bayes_pa:BayesPA",
        "online Bayesian passive-aggressive max-margin topics, one pass (Shi, Zhu, JMLR 2017)",
        options={"n_topics": 50},
        by_dataset={"20news-religion": {"n_topics": 5}},
        decides=True,
    ),
}
