"""Does a user-defined model of documents fit the task? Each finding says what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dgmbench.data.corpora import Corpus
from dgmbench.errors import UserError, raised
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Row
from dgmbench.tasks.text_likelihood.building import build_model, of_time
from dgmbench.tasks.text_likelihood.documents import prepared_documents
from dgmbench.tasks.text_likelihood.exported import exported, is_finite
from dgmbench.tasks.text_likelihood.settings import text_settings


def findings(spec: RunSpec, row: Row) -> Iterator[str]:
    """Fit the model to a few made-up documents, and look at what it exports; the corpus is prepared as for a run.

    Raises:
        UserError: the corpus cannot be used, or the class cannot be imported or refuses its options.
    """
    data = prepared_documents(spec)
    sliced = data.slices is not None
    model, few = build_model(spec, row), made_up(data.train.vocabulary)
    slices = np.arange(len(few)) * 3 // len(few) if sliced else None
    what = "fit(corpus, labels)"
    try:
        if hasattr(model, "passes"):
            what = "passes(corpus, labels)"
            for done in model.passes(few, few.labels, **of_time(model.passes, slices, spec.model)):
                if not isinstance(done, int):
                    yield f"passes(corpus, labels) gave {done!r}, not the number of passes made so far"
                    return
        else:
            model.fit(few, few.labels, **of_time(model.fit, slices, spec.model))
    except UserError:
        raise
    except Exception as error:  # whatever the model's own code raises is the finding
        yield f"{what} for {len(few)} documents raised {raised(error)}"
        return
    try:
        found = exported(model, few.n_words, spec.model)
    except UserError as error:
        yield str(error)
        return
    if not is_finite(found):
        yield "topics_ or its prior has NaN or infinity"


def trial(spec: RunSpec) -> RunSpec:
    """The run on a few hundred documents."""
    settings = text_settings(spec)
    limits = {
        "train_limit": min(settings.train_limit or 400, 400),
        "test_limit": min(settings.test_limit or 100, 100),
        "left_to_right_documents": min(settings.left_to_right_documents or 5, 5),
    }
    return replace(spec, settings=settings.model_copy(update=limits))


def made_up(vocabulary: Sequence[str]) -> Corpus:
    """60 documents of two classes, each of which has half of 30 words for itself; all are words of the vocabulary."""
    rng = np.random.default_rng(0)
    names = ["first", "second"] * 30
    # a model may have vectors of these words alone; a small vocabulary does without
    words = vocabulary[:30] if len(vocabulary) >= 30 else [f"w{word}" for word in range(30)]
    texts = [[words[word] for word in rng.integers(0, 15, 20) + 15 * (name == "second")] for name in names]
    return Corpus.from_tokens(texts, names)
