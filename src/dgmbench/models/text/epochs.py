"""gensim's training of word and document vectors, one epoch at a time, so that it can go on from any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dgmbench.run.checkpoint import Checkpoint
from dgmbench.run.progress import passes


def train_epochs(model: Any, documents: Sequence[Any], epochs: int, checkpoint: Checkpoint, what: str) -> None:
    """Train a gensim model that has its vocabulary, as its own constructor does in one call.

    The learning rate falls linearly over all epochs. Between two of them a model consists of its vectors, its output
    weights and its generator's state; gensim's own way to keep these is a pickle, which runs code when it is read.

    Args:
        model: Word2Vec or Doc2Vec, after ``build_vocab``.
        documents: what the vocabulary was built from.
        what: is counted in the log, as in "doc2vec: epoch".
    """
    weights = {"words": model.wv.vectors, "outputs": model.syn1neg}
    if hasattr(model, "dv"):
        weights["documents"] = model.dv.vectors
    saved = checkpoint.load()
    if saved:
        for name, values in weights.items():
            values[...] = saved[name]
        model.random.set_state(("MT19937", saved["random_key"], int(saved["random_position"])))
    first, last = model.alpha, model.min_alpha
    for epoch in passes(what, epochs, int(saved["epochs"]) if saved else 0):
        start, end = (first - (first - last) * (number / epochs) for number in (epoch, epoch + 1))
        model.train(documents, total_examples=model.corpus_count, epochs=1, start_alpha=start, end_alpha=end)
        _, key, position, *_ = model.random.get_state()
        checkpoint.save(**weights, random_key=key, random_position=position, epochs=epoch + 1)
    model.alpha, model.min_alpha, model.epochs = first, last, epochs  # `train` has set those of the last call
