"""Paragraph vectors: a document as a vector that helps to predict its words (Le & Mikolov, ICML 2014)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError
from dgmbench.models.text.epochs import train_epochs
from dgmbench.models.text.estimator import DocumentMethod
from dgmbench.models.text.preparation import require_documents, require_options, require_vocabulary
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.progress import passes


def stable_hash(text: str) -> int:
    """A hash that is the same in every process, which Python's own hash of a string is not."""
    return zlib.crc32(text.encode())


@dataclass(eq=False, repr=False, kw_only=True)
class Doc2Vec(DocumentMethod):
    """gensim's paragraph vectors, trained with negative sampling.

    PV-DM ("dm") predicts a word from the mean of the document's vector and the words around it; PV-DBOW ("dbow")
    predicts the document's words from its vector alone. Features of training and test documents alike are
    inferred with the trained weights held fixed, so that both come from the same procedure.

    Args:
        dim: length of a document vector.
        window: words to either side.
        min_count: rarer words are ignored.
        epochs: passes over the training documents.
        inference_epochs: passes over a document to infer its vector; as many as ``epochs`` when None.
        variant: "dm" or "dbow".
        threads: gensim's workers. More than one is quicker and not repeatable.
        checkpoint: where the fit keeps its state, to go on from there when it is killed.

    Attributes:
        model_: the trained gensim model.
    """

    feature_set = "paragraph vector"

    dim: int = 400
    window: int = 8
    min_count: int = 5
    epochs: int = 20
    inference_epochs: int | None = None
    variant: Literal["dm", "dbow"] = "dm"
    seed: int = 0
    threads: int = 1
    checkpoint: Checkpoint = NOT_KEPT

    def __post_init__(self) -> None:
        least = dict.fromkeys(("dim", "window", "min_count", "epochs", "threads"), 1)
        if self.inference_epochs is not None:
            least["inference_epochs"] = 1
        require_options(self, at_least=least, one_of={"variant": ("dm", "dbow")})

    def fit(self, corpus: Corpus, labels: np.ndarray | None = None) -> Doc2Vec:
        """Train word and output vectors, and the training documents' own, which are then left aside.

        Raises:
            UserError: no documents, an empty one, or no word that occurs ``min_count`` times.
        """
        from gensim.models import doc2vec

        require_documents(corpus)
        if np.bincount(corpus.words).max() < self.min_count:
            raise UserError(f"doc2vec: no word occurs {self.min_count} times: lower min_count or bring more text")
        self.vocabulary_ = corpus.vocabulary
        tagged = [doc2vec.TaggedDocument(words, [i]) for i, words in enumerate(spelled(corpus))]
        self.model_ = doc2vec.Doc2Vec(
            dm=int(self.variant == "dm"),
            vector_size=self.dim,
            window=self.window,
            min_count=self.min_count,
            seed=self.seed,
            workers=self.threads,
            hashfxn=stable_hash,
        )
        self.model_.build_vocab(tagged)
        train_epochs(self.model_, tagged, self.epochs, self.checkpoint, "doc2vec: epoch")
        return self

    def transform(self, corpus: Corpus) -> np.ndarray:
        """(documents, dim) float32 inferred vectors. A document's depends on its words and the seed alone.

        A document none of whose words was frequent enough gets the zero vector.
        """
        require_vocabulary(corpus, self.vocabulary_)
        generator = self.model_.random
        state = generator.get_state()
        try:
            documents = spelled(corpus)
            features = [self._infer(next(documents)) for _ in passes("doc2vec: document", len(corpus))]
        finally:
            generator.set_state(state)
        return np.array(features, np.float32).reshape(len(corpus), self.dim)

    def _infer(self, words: list[str]) -> np.ndarray:
        # gensim's own infer_vector starts from Python's hash of the text, which differs between processes
        from gensim.models import doc2vec

        model = self.model_
        words = [word for word in words if word in model.wv.key_to_index]
        if not words:
            return np.zeros(self.dim, np.float32)
        rng = np.random.default_rng([self.seed, stable_hash(" ".join(words))])
        model.random.seed(int(rng.integers(2**32)))
        vector = ((rng.random((1, self.dim)) - 0.5) / self.dim).astype(np.float32)
        held = {"learn_words": False, "learn_hidden": False, "doctag_vectors": vector}
        held |= {"doctags_lockf": np.ones(1, np.float32), "work": np.zeros(self.dim, np.float32)}
        for alpha in np.linspace(model.alpha, model.min_alpha, self.inference_epochs or self.epochs):
            if self.variant == "dm":
                doc2vec.train_document_dm(model, words, [0], alpha, neu1=np.zeros(self.dim, np.float32), **held)
            else:
                doc2vec.train_document_dbow(model, words, [0], alpha, **held)
        return vector[0]


def spelled(corpus: Corpus) -> Iterator[list[str]]:
    """Each document as words in order."""
    for i in range(len(corpus)):
        yield [corpus.vocabulary[word] for word in corpus.document(i)]
