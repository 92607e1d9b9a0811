"""Does a model of one's own fit the benchmark? Each finding says what is missing."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np

from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec


def findings(spec: RunSpec) -> list[str]:
    """What keeps a model from being benchmarked; empty when nothing does.

    A density model meets random binary images of the dataset's size, a document method a small corpus with planted
    words. Both take seconds.

    Raises:
        UserError: the class cannot be imported or refuses its options.
    """
    return list(_density(spec) if spec.task == "density" else _documents(spec))


def _density(spec: RunSpec) -> Iterator[str]:
    import torch

    from dgmbench.data import load_images
    from dgmbench.metrics.likelihood import log_likelihood
    from dgmbench.tasks.density.building import build_model

    n_pixels = load_images(spec.dataset).train.shape[1]
    model: Any = build_model(spec, n_pixels)
    x = (torch.rand(6, n_pixels, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    try:
        log_w = model.log_weights(x, 4)
    except Exception as error:  # whatever the model's own code raises is the finding
        yield f"log_weights(x, 4) for x {tuple(x.shape)} raised {type(error).__name__}: {error}"
        return
    if not isinstance(log_w, torch.Tensor) or log_w.shape != (4, 6):
        shape = tuple(log_w.shape) if isinstance(log_w, torch.Tensor) else type(log_w).__name__
        yield f"log_weights(x, 4) for 6 images gave {shape}, not (4, 6): samples first, one value an image"
        return
    if not torch.isfinite(log_w).all():
        yield "log_weights gave NaN or infinity for an untrained model"
    if torch.equal(log_w, log_w[:1].expand_as(log_w)):
        yield "the 4 log-weights of an image are all the same: is z sampled anew for each?"
    if not log_w.requires_grad:
        yield "log_weights carries no gradient: use rsample, and no torch.no_grad"
        return
    log_w.mean().backward()
    unreached = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    if unreached:
        yield f"no gradient reaches {', '.join(unreached)}"
    one, many = (log_likelihood(model, x, k).mean() for k in (1, 200))
    if not many >= one:
        yield f"the bound falls from {one:.2f} to {many:.2f} nats with k from 1 to 200: is log q(z | x) subtracted?"
    again: Any = build_model(spec, n_pixels)
    again.load_state_dict(model.state_dict())
    if not np.array_equal(log_likelihood(again, x, 5), log_likelihood(model, x, 5)):
        yield "a copy with the same state_dict gives another likelihood: something learned is not in the state_dict"


def _documents(spec: RunSpec) -> Iterator[str]:
    from scipy import sparse

    from dgmbench.data import load_embeddings
    from dgmbench.data.corpora import Corpus
    from dgmbench.run.spec import ClassificationSettings
    from dgmbench.tasks.classification.stages import build_method

    assert isinstance(spec.settings, ClassificationSettings)
    words = list(load_embeddings(spec.settings.embeddings).words[1000:1040])
    rng = np.random.default_rng(0)
    halves = {"first": words[:20], "second": words[20:]}
    names = ["first", "second"] * 60
    texts = [[str(w) for w in rng.choice(halves[name], 30)] for name in names]
    train = Corpus.from_tokens(texts[:80], names[:80], vocabulary=words)
    test = Corpus.from_tokens(texts[80:], names[80:], vocabulary=words, classes=train.classes)
    method = build_method(spec, threads=1)
    try:
        method.fit(train, train.labels)
        features = method.transform(test)
    except UserError:
        raise
    except Exception as error:  # whatever the method's own code raises is the finding
        yield f"fit and transform raised {type(error).__name__}: {error}"
        return
    shape = getattr(features, "shape", None)
    if shape is None or len(shape) != 2 or shape[0] != len(test):
        yield f"transform gave {shape or type(features).__name__} for {len(test)} documents, not (documents, features)"
        return
    values: Any = features.data if sparse.issparse(features) else np.asarray(features)
    if not np.isfinite(values).all():
        yield "transform gave NaN or infinity"
    before = _state(method)
    again = method.transform(test)
    if before is not None and before != _state(method):
        yield "transform changes the fitted method: test documents must not teach it anything"
    difference = features - again
    if (abs(difference)).max() > 0:
        yield "transform gives other features the second time: seed what is random in it"


def _state(method: Any) -> bytes | None:
    """What was learned, byte by byte; None for a method that cannot be pickled."""
    learned = {name: value for name, value in vars(method).items() if name.endswith("_")}
    try:
        return pickle.dumps(learned)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
