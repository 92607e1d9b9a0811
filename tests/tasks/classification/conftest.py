"""Small corpora and embeddings that stand in for the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmbench.data.embeddings import Embeddings
from dgmbench.run.config import build_run
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace
from dgmbench.tasks.classification.task import CLASSIFICATION

Texts = list[tuple[str, str]]
ANIMALS, PLANTS = ("dog", "cat", "horse", "cow", "sheep"), ("oak", "fern", "moss", "rose", "grass")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "results")


@pytest.fixture
def few_vectors(monkeypatch: pytest.MonkeyPatch) -> Embeddings:
    """Embeddings of ten animals and plants instead of 400,000 words."""
    words = [*ANIMALS, *PLANTS]
    vectors = np.random.default_rng(0).standard_normal((len(words), 4)).astype(np.float32)
    known = Embeddings("few", words, vectors)
    for module in ("documents", "building"):
        monkeypatch.setattr(f"dgmbench.tasks.classification.{module}.load_embeddings", lambda name: known)
    monkeypatch.setattr("dgmbench.run.stages.checksums", lambda name: {"source": "test", "array:words": name})
    return known


@pytest.fixture
def texts() -> Callable[..., Texts]:
    """Labelled texts of one class's words each: ``texts(n, seed=0)``."""

    def make(n: int, seed: int = 0) -> Texts:
        rng = np.random.default_rng(seed)
        halves = [("animal", ANIMALS), ("plant", PLANTS)]
        return [(label, " ".join(rng.choice(words, 12))) for _ in range(n // 2) for label, words in halves]

    return make


@pytest.fixture
def run_on(tmp_path: Path) -> Callable[..., RunSpec]:
    """A run on user-defined files: ``run_on(train texts, test texts, method, options, **settings)``."""

    def make(train: Texts, test: Texts, method: str, options: dict[str, Any] | None = None, **settings: Any) -> RunSpec:
        for name, part in (("train.jsonl", train), ("test.jsonl", test)):
            lines = (json.dumps({"label": label, "text": text}) for label, text in part)
            (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
        corpus = f"file:{tmp_path}/train.jsonl?test={tmp_path}/test.jsonl"
        layers = [(settings | {"options": options or {}}, "test")]
        return build_run(CLASSIFICATION, corpus, method, 0, layers, "test")

    return make
