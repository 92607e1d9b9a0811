"""``dgmbench check`` finds what a training or an evaluation would fail at."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dgmbench.commands.arguments import parse_run
from dgmbench.commands.check import findings
from dgmbench.tasks import find_task

MODELS = """
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal


class Sound(nn.Module):
    def __init__(self, n_pixels):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(n_pixels, 4), nn.Linear(2, n_pixels)

    def log_weights(self, x, k):
        mean, log_scale = self.encoder(x).chunk(2, dim=-1)
        q = Normal(mean, log_scale.exp())
        z = q.rsample(torch.Size([k]))
        value = Bernoulli(logits=self.decoder(z)).log_prob(x).sum(-1)
        return value + (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).sum(-1)


class LargeBatch(Sound):
    def log_weights(self, x, k):
        if len(x) > 50:
            raise RuntimeError("too many images")
        return super().log_weights(x, k)


class LastBatch(Sound):
    def log_weights(self, x, k):
        if self.training and len(x) not in (6, 100):
            raise RuntimeError(f"{len(x)} images")
        return super().log_weights(x, k)


class ManySamples(Sound):
    def log_weights(self, x, k):
        if k > 150:
            raise RuntimeError("too many samples")
        return super().log_weights(x, k)


class SecondStep(Sound):
    def __init__(self, n_pixels):
        super().__init__(n_pixels)
        self.raw = nn.Parameter(torch.zeros(()))
        self.scale = self.raw.exp()  # the graph of the first step

    def log_weights(self, x, k):
        return super().log_weights(x, k) * self.scale


class Diverges(Sound):
    def __init__(self, n_pixels):
        super().__init__(n_pixels)
        self.square = nn.Parameter(torch.zeros(()))

    def log_weights(self, x, k):
        return super().log_weights(x, k) + self.square.sqrt()


class LearnsToExceed(Sound):
    def __init__(self, n_pixels):
        super().__init__(n_pixels)
        self.shift = nn.Parameter(torch.zeros(()))

    def log_weights(self, x, k):
        return super().log_weights(x, k) + 1e6 * self.shift


class State:
    pass


class Unreadable(Sound):
    def get_extra_state(self):
        return State()

    def set_extra_state(self, state):
        pass
"""
METHODS = """
import numpy as np


class Sound:
    def fit(self, corpus, labels=None):
        return self

    def transform(self, corpus):
        return corpus.counts.toarray()[:, :50].astype(float)


class TwoClasses(Sound):
    def fit(self, corpus, labels=None):
        if labels.max() > 1:
            raise ValueError("two classes at most")
        return self


class LongDocuments(Sound):
    def transform(self, corpus):
        if np.diff(corpus.offsets).min() < 20:
            raise ValueError("a document of few words")
        return super().transform(corpus)


class OtherFeatures(Sound):
    def transform(self, corpus):
        counts = corpus.counts.toarray()
        return counts[:, counts.any(axis=0)].astype(float)


class FewDocuments(Sound):
    def transform(self, corpus):
        return super().transform(corpus)[:40]


class Objects(Sound):
    def transform(self, corpus):
        return super().transform(corpus).astype(object)


class Words(Sound):
    def transform(self, corpus):
        return super().transform(corpus).astype(str)
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "tried_models.py").write_text(MODELS)
    (tmp_path / "tried_methods.py").write_text(METHODS)
    # whatever was compiled before in this process: PyTorch's compiler turns the checks of distributions off
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", True)


@pytest.mark.network
@pytest.mark.parametrize(
    ("task", "dataset", "name", "found"),
    [
        ("density", "ocr-letters", "tried_models:LargeBatch", "train, on a part of the data, raised RuntimeError: too"),
        ("density", "ocr-letters", "tried_models:LastBatch", "train, on a part of the data, raised RuntimeError: "),
        ("density", "ocr-letters", "tried_models:ManySamples", "it raised RuntimeError: too many samples"),
        ("density", "ocr-letters", "tried_models:SecondStep", "train, on a part of the data, raised RuntimeError: Try"),
        ("density", "ocr-letters", "tried_models:Diverges", "train, on a part of the data, raised ValueError: Ex"),
        ("density", "ocr-letters", "tried_models:LearnsToExceed", "evaluate, on a part of the data: a mean log-l"),
        ("density", "ocr-letters", "tried_models:Unreadable", "train, on a part of the data, raised AttributeError: "),
        ("classification", "reuters", "tried_methods:TwoClasses", "train, on a part of the data, raised ValueError: "),
        ("classification", "reuters", "tried_methods:LongDocuments", "train, on a part of the data, raised ValueErr"),
        ("classification", "reuters", "tried_methods:OtherFeatures", "evaluate, on a part of the data"),
        ("classification", "reuters", "tried_methods:FewDocuments", "train, on a part of the data"),
        ("classification", "reuters", "tried_methods:Objects", "transform gave values of type object, not numbers"),
        ("classification", "reuters", "tried_methods:Words", "transform gave values of type <U"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("modules")
def test_what_a_run_would_fail_at_is_found(task: str, dataset: str, name: str, found: str) -> None:
    settings = ["embeddings=glove-50d"] if task == "classification" else []
    lines = findings(find_task(task), parse_run(task, dataset, name, 0, "", settings, []))
    assert len(lines) == 1, lines
    assert all(line.startswith(found) and len(line) < 400 and "\n" not in line for line in lines), lines
