"""Data print as one short line, in a notebook or a message: what they are and how much, and no array."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dgmbench import Corpus
from dgmbench.data import CorpusSplits, Embeddings, ImageSplits, PointSplits, write_corpus_folder
from dgmbench.run.checkpoint import Checkpoint


def test_documents() -> None:
    corpus = Corpus.from_tokens([["a", "b"], ["c"]], ["x", "x"])
    assert repr(corpus) == "Corpus(2 documents, 3 tokens, 3 words, 1 class)"
    unlabelled = Corpus(corpus.vocabulary, corpus.words, corpus.offsets)
    assert repr(CorpusSplits(corpus, unlabelled)) == f"CorpusSplits(train={corpus!r}, test={unlabelled!r})"
    assert repr(unlabelled) == "Corpus(2 documents, 3 tokens, 3 words)"


def test_documents_in_a_folder(tmp_path: Path) -> None:
    folder = write_corpus_folder(tmp_path, Corpus.from_tokens([["a", "b"] * 700, ["a"]]))
    assert repr(folder) == f"CorpusFolder({str(tmp_path)!r}, 2 documents, 1,401 tokens, 2 words)"


def test_images_points_and_vectors() -> None:
    pixels = np.zeros((1200, 6), np.uint8)
    assert repr(ImageSplits("mine", (2, 3), True, pixels, pixels[:0], pixels[:9])) == (
        "ImageSplits('mine', 2 x 3 binary pixels, 1,200 train, 0 valid, 9 test)"
    )
    assert repr(PointSplits("mine", np.zeros((5, 2)), np.zeros((0, 2)), np.zeros((4, 2)))) == (
        "PointSplits('mine', 2 coordinates, 5 train, 0 valid, 4 test)"
    )
    vectors = Embeddings("mine", ["a", "b"], np.zeros((2, 3), np.float32))
    assert repr(vectors) == "Embeddings('mine', 2 words, 3 dimensions)"


def test_checkpoints() -> None:
    assert repr(Checkpoint()) == "Checkpoint()"
    assert repr(Checkpoint(Path("state"))) == "Checkpoint('state')"
