"""The rows of the text-likelihood table."""

from __future__ import annotations

from typing import Any

from dgmbench.run.task import Row

_TEXT = "dgmbench.models.text"
_PASSES = 10  # of online variational Bayes: one takes as long as many sweeps
VECTORS = "word vectors (embeddings)"
_TOPICS = {"20news": {"n_topics": 100}, "reuters": {"n_topics": 50}, "reuters-dated": {"n_topics": 50}}


def _lda(engine: str, about: str, compared_with: tuple[str, ...], n_sweeps: int = 200, **facts: Any) -> Row:
    return Row(
        f"{_TEXT}.lda_engines:LDAByEngine",
        f"latent Dirichlet allocation (Blei, Ng, Jordan, 2003) by {about}",
        options={"engine": engine, "n_sweeps": n_sweeps},
        by_dataset=_TOPICS,
        compared_with=compared_with,
        **facts,
    )


def _of_classification(name: str, about: str, **facts: Any) -> Row:
    """A topic model of the classification table, with as many topics as LDA here."""
    facts.setdefault("by_dataset", _TOPICS)
    return Row(f"{_TEXT}.{name}", about, compared_with=("lda-gibbs",), **facts)


ROWS: dict[str, Row] = {
    "unigram": Row(f"{_TEXT}.unigram:Unigram", "one distribution for every token", deterministic=True),
    "naive-bayes": Row(
        f"{_TEXT}.naive_bayes:NaiveBayes",
        "a distribution for each class (McCallum, Nigam, 1998)",
        compared_with=("unigram",),
        needs="labels",
        labels=True,
        deterministic=True,
    ),
    "mixture-of-unigrams": Row(
        f"{_TEXT}.mixture_of_unigrams:MixtureOfUnigrams",
        "a distribution for each cluster (Nigam, McCallum, Thrun, Mitchell, 2000)",
        compared_with=("unigram", "naive-bayes"),
    ),
    "lda-gibbs": _lda(
        "gibbs", "exact collapsed Gibbs sampling (Griffiths, Steyvers, 2004)", ("mixture-of-unigrams", "unigram")
    ),
    "lda-warp": _lda("warp", "WarpLDA (Chen et al., VLDB 2016)", ("lda-gibbs",), variant_of="lda-gibbs"),
    "lda-esca": _lda(
        "esca",
        "ESCA (Zaheer et al., AISTATS 2016), the sampler of SaberLDA (Li et al., ASPLOS 2017); a GPU with devices: 1",
        ("lda-gibbs", "lda-warp"),
        variant_of="lda-gibbs",
    ),
    "lda-gensim": _lda(
        "gensim",
        "online variational Bayes (Hoffman, Blei, Bach, NIPS 2010), gensim's",
        ("lda-gibbs",),
        n_sweeps=_PASSES,
        variant_of="lda-gibbs",
    ),
    "lda-scikit-learn": _lda(
        "scikit-learn",
        "online variational Bayes (Hoffman, Blei, Bach, NIPS 2010), scikit-learn's",
        ("lda-gibbs",),
        n_sweeps=_PASSES,
        variant_of="lda-gibbs",
    ),
    "lda-tomotopy": _lda(
        "tomotopy",
        "collapsed Gibbs sampling, tomotopy's",
        ("lda-gibbs",),
        variant_of="lda-gibbs",
        needs="the extra 'peers'",
    ),
    "slda": _of_classification(
        "slda:SLDA", "supervised LDA (Wang, Blei, Fei-Fei, CVPR 2009)", needs="labels", labels=True
    ),
    "lftm": _of_classification("lftm:LFTM", "latent-feature LDA (Nguyen et al., TACL 2015)", needs=VECTORS),
    "gaussian-lda": _of_classification(
        "gaussian_lda:GaussianLDA", "Gaussian LDA (Das, Zaheer, Dyer, ACL 2015)", needs=VECTORS
    ),
    "topicvec": _of_classification(
        "topicvec:TopicVec", "TopicVec (Li, Chua, Zhu, Miao, ACL 2016)", by_dataset={}, needs=VECTORS
    ),
    "ctm": Row(
        f"{_TEXT}.ctm:CTM",
        "correlated topics, Gibbs sampling with Pólya-Gamma variables (Chen et al., NIPS 2013)",
        by_dataset=_TOPICS,
        compared_with=("lda-gibbs",),
    ),
    "dynamic-topics": Row(
        f"{_TEXT}.dynamic_topics:DynamicTopics",
        "topics that change from one slice of time to the next (Bhadury, Chen, Zhu, Liu, WWW 2016)",
        options={"spread": 2.0},
        by_dataset=_TOPICS,
        compared_with=("lda-gibbs",),
    ),
}
