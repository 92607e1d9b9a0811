"""Names of models and methods: what the tables call them, the class behind each, where it comes from."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dgmbench.errors import UserError
from dgmbench.spec import Task, did_you_mean

ENTRY_POINT_GROUP = "dgmbench.models"


@dataclass(frozen=True)
class Entry:
    """A model or method by name.

    Attributes:
        factory: ``module:Class``.
        about: one line: what it is and whose.
        options: keyword arguments of the class that make this row.
        settings: settings that belong to the name (the k of iwae-5).
        by_dataset: further options that depend on the dataset.
        datasets: the only datasets that it is made for; empty for any.
        topics_option: the option that says how many topics a topic model has.
        transductive: whether it may be fitted on the classified documents too: it learns from words, not from labels.
    """

    factory: str
    about: str
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    by_dataset: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    topics_option: str = "n_topics"
    transductive: bool = False


_VAE = "dgmbench.models.density.vae:VAE"
_MLP: Mapping[str, Mapping[str, Any]] = {
    "mnist": {"hidden": [500, 500], "latent": 100},
    "ocr-letters": {"hidden": [200, 200], "latent": 50},
}
_IWAE_PAPER = "Burda, Grosse, Salakhutdinov, ICLR 2016"
_MEMORY_PAPER = "Li, Zhu, Zhang, ICML 2016"
_TOPICS = "dgmbench.models.topics"


def _topics(twenty_news: int, reuters: int) -> Mapping[str, Mapping[str, Any]]:
    return {"20news": {"n_topics": twenty_news}, "reuters": {"n_topics": reuters}}


_K = {"n_topics": 100}  # for a corpus that is not in the papers
# chosen on validation parts of the training documents, see docs/protocol.md
_ROOTED = {**_K, "features": "root-proportions"}
_TOPICVEC = {"features": "root-counts"}
_TOPICVEC_BY_DATASET: Mapping[str, Mapping[str, Any]] = {"20news": {"alpha": 0.5}}
_MEMORY = {"memory": True}


def _vae(about: str, k: int = 1, memory: bool = False) -> Entry:
    settings = {"importance_samples": k} if k > 1 else {}
    return Entry(_VAE, about, options=_MEMORY if memory else {}, settings=settings, by_dataset=_MLP)


def _cnn(about: str, k: int = 1, memory: bool = False) -> Entry:
    settings = {"importance_samples": k} if k > 1 else {}
    return Entry(
        "dgmbench.models.density.cnn:CNN",
        f"proxy of the published 5-layer CNN, details chosen here: {about}",
        options=_MEMORY if memory else {},
        settings=settings,
        datasets=("mnist",),
    )


DENSITY: dict[str, Entry] = {
    "vae": _vae("variational auto-encoder (Kingma, Welling, ICLR 2014)"),
    "mem-vae": _vae(f"VAE with external memory ({_MEMORY_PAPER})", memory=True),
    "iwae-5": _vae(f"importance-weighted, 5 samples ({_IWAE_PAPER})", 5),
    "mem-iwae-5": _vae(f"IWAE-5 with memory ({_MEMORY_PAPER})", 5, memory=True),
    "iwae-50": _vae(f"importance-weighted, 50 samples ({_IWAE_PAPER})", 50),
    "mem-iwae-50": _vae(f"IWAE-50 with memory ({_MEMORY_PAPER})", 50, memory=True),
    "mem-vae-softmax": Entry(
        _VAE,
        f"mem-vae with softmax attention and a sum: the variant for looking at slots ({_MEMORY_PAPER})",
        options={**_MEMORY, "attention": "softmax"},
        by_dataset=_MLP,
    ),
    "large-vae": Entry(
        _VAE,
        "VAE with as many parameters as mem-vae: the fairness control",
        by_dataset={
            "mnist": {"hidden": [530, 530], "latent": 100},
            "ocr-letters": {"hidden": [234, 234], "latent": 50},
        },
    ),
    "cnn-vae": _cnn("variational auto-encoder"),
    "cnn-iwae-5": _cnn("importance-weighted, 5 samples", 5),
    "cnn-mem-vae": _cnn(f"VAE with external memory ({_MEMORY_PAPER})", memory=True),
    "cnn-mem-iwae-5": _cnn(f"IWAE-5 with memory ({_MEMORY_PAPER})", 5, memory=True),
}

METHODS: dict[str, Entry] = {
    "bow": Entry(f"{_TOPICS}.bow:BagOfWords", "bag of words: raw counts"),
    "lda": Entry(
        f"{_TOPICS}.lda:LDA",
        "latent Dirichlet allocation (Blei, Ng, Jordan, 2003)",
        options=_ROOTED,
        by_dataset=_topics(100, 50),
        transductive=True,
    ),
    "slda": Entry(
        f"{_TOPICS}.slda:SLDA",
        "supervised LDA (Wang, Blei, Fei-Fei, CVPR 2009)",
        options=_ROOTED,
        by_dataset=_topics(100, 50),
    ),
    "lftm": Entry(
        f"{_TOPICS}.lftm:LFTM",
        "latent-feature LDA (Nguyen et al., TACL 2015)",
        options=_ROOTED,
        by_dataset=_topics(100, 50),
        transductive=True,
    ),
    "mean-wv": Entry(f"{_TOPICS}.mean_wv:MeanWordVectors", "mean of the word embeddings"),
    "doc2vec": Entry(f"{_TOPICS}.doc2vec:Doc2Vec", "paragraph vectors (Le, Mikolov, ICML 2014)", transductive=True),
    "twe": Entry(
        f"{_TOPICS}.twe:TWE",
        "topical word embeddings, TWE-1 (Liu et al., AAAI 2015)",
        options=_K,
        by_dataset=_topics(100, 50),
    ),
    "gaussian-lda": Entry(
        f"{_TOPICS}.gaussian_lda:GaussianLDA",
        "Gaussian LDA (Das, Zaheer, Dyer, ACL 2015)",
        options=_ROOTED,
        by_dataset=_topics(100, 70),
    ),
    "topicvec": Entry(
        f"{_TOPICS}.topicvec:TopicVec",
        "TopicVec (Li, Chua, Zhu, Miao, ACL 2016)",
        options=_TOPICVEC,
        by_dataset=_TOPICVEC_BY_DATASET,
        topics_option="n_topics_per_class",
    ),
    "topicvec+mean-wv": Entry(
        f"{_TOPICS}.topicvec_mean_wv:TopicVecMeanWV",
        "TopicVec features beside the mean embedding (ibid.)",
        options=_TOPICVEC,
        by_dataset=_TOPICVEC_BY_DATASET,
        topics_option="n_topics_per_class",
    ),
}

REGISTRY: dict[Task, dict[str, Entry]] = {"density": DENSITY, "classification": METHODS}


def find_entry(task: Task, name: str, factory: str = "") -> Entry:
    """The entry behind a name: built in, ``module:Class``, or an entry point of another package.

    Raises:
        UserError: nobody knows the name.
    """
    if factory or ":" in name:
        return Entry(factory or name, "a model of one's own")
    if name in REGISTRY[task]:
        return REGISTRY[task][name]
    others = {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}
    if name in others:
        return Entry(others[name].value, f"from {others[name].module}")
    kind = "model" if task == "density" else "method"
    raise UserError(f"unknown {kind} {name!r}{did_you_mean(name, {**REGISTRY[task], **others})}")


def load_factory(factory: str) -> Callable[..., Any]:
    """Import ``module:Class``; modules of the current folder count.

    Raises:
        UserError: the module or the class does not exist.
    """
    module_name, _, attribute = factory.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        raise UserError(f"{factory}: no module {error.name!r}; is it in this folder or installed?") from error
    except AttributeError as error:
        raise UserError(f"{factory}: module {module_name!r} has no {attribute!r}") from error
    return found


def accepted_options(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword arguments that a class takes, by name."""
    parameters = inspect.signature(factory).parameters
    return {n: p for n, p in parameters.items() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}


def check_options(factory: Callable[..., Any], options: Mapping[str, Any], where: str) -> None:
    """Raise a UserError for an option that the class does not take."""
    accepted = accepted_options(factory)
    for name in options:
        if name not in accepted:
            raise UserError(f"{where}: unknown option {name!r}{did_you_mean(name, accepted)}")
