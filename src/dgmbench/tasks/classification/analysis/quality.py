"""How good topics are: held-out likelihood, coherence and diversity, and the tables of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dgmbench.data.corpora import Corpus
from dgmbench.files import write_text
from dgmbench.metrics.topics import document_completion, left_to_right, npmi_coherence, top_words, topic_diversity
from dgmbench.report.formats import markdown_table
from dgmbench.tasks.classification.analysis.topic_models import FittedTopics
from dgmbench.tasks.classification.documents import evenly_spaced
from dgmbench.tasks.classification.settings import TopicAnalysisSettings

# The same halves of documents and the same random numbers for every model.
SEED = 0
TOP_WORDS = 10


def judge(
    fitted: FittedTopics, test: Corpus, settings: TopicAnalysisSettings, threads: int = 1
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A row of ``topics.csv`` and, for each topic, one of ``top_words.csv``; ``test`` is over the scored words."""
    documents = [test.document(i) for i in range(len(test))]
    completed = document_completion(fitted.topics, fitted.alpha, documents, seed=SEED, threads=threads)
    sample = evenly_spaced(test.select_documents(test.lengths > 0), settings.left_to_right_documents)
    beginnings = [sample.document(i)[: settings.left_to_right_tokens] for i in range(len(sample))]
    particles = settings.left_to_right_particles
    in_order = left_to_right(fitted.topics, fitted.alpha, beginnings, particles=particles, seed=SEED)
    lengths = np.array([len(words) for words in beginnings])
    coherence = npmi_coherence(fitted.topics, test, TOP_WORDS)
    row = {
        **fitted.columns,
        "topics": len(fitted.topics),
        "words": test.n_words,
        **per_token("completion", completed.log_likelihood, completed.tokens),
        **per_token("left_to_right", in_order, lengths),
        "npmi": coherence.mean(),
        "diversity": topic_diversity(fitted.topics),
    }
    words = top_words(fitted.topics, test.vocabulary, TOP_WORDS)
    listed = [
        {**fitted.columns, "topic": number, "npmi": value, "words": " ".join(names)}
        for number, (value, names) in enumerate(zip(coherence, words, strict=True))
    ]
    return row, listed


def per_token(name: str, log_likelihood: np.ndarray, tokens: np.ndarray) -> dict[str, Any]:
    """Nats per token over all documents, its standard error over documents, and how many tokens and documents.

    Both arrays are (documents,): nats, and scored tokens of each.
    """
    total, documents = int(tokens.sum()), int(np.count_nonzero(tokens))
    mean = float(log_likelihood.sum() / total) if total else float("nan")
    error = None
    if documents > 1 and np.isfinite(mean):
        residuals = log_likelihood - mean * tokens
        error = float(np.sqrt(documents / (documents - 1) * np.sum(residuals**2)) / total)
    return {name: mean, f"{name}_error": error, f"{name}_tokens": total, f"{name}_documents": documents}


def write_markdown(frame: pd.DataFrame, settings: TopicAnalysisSettings, path: Path) -> None:
    """Write the rows of ``topics.csv`` as Markdown, and what its columns mean."""
    header = ("corpus", "method", "seed", "K", "completion", "left to right", "NPMI", "diversity")
    table = [
        (
            *(str(row[name]) for name in ("corpus", "method", "seed", "topics")),
            *(_with_error(row, name) for name in ("completion", "left_to_right")),
            *(f"{row[name]:.3f}" for name in ("npmi", "diversity")),
        )
        for row in frame.to_dict("records")
    ]
    notes = [
        "Log-likelihoods of held-out documents in nats per token, with standard errors over documents. Columns of "
        "different documents cannot be compared, models within a column can.",
        f"Left to right: {settings.left_to_right_documents or 'all'} documents, evenly spaced, of each the first "
        f"{settings.left_to_right_tokens} tokens at most, {settings.left_to_right_particles} particles.",
        *(
            f"{corpus}: {part['words'].iloc[0]} words; {part['completion_tokens'].iloc[0]} tokens scored by "
            f"completion, {part['left_to_right_tokens'].iloc[0]} from left to right."
            for corpus, part in frame.groupby("corpus", sort=False)
        ),
        f"NPMI of the {TOP_WORDS} most probable words of each topic over the test documents; diversity of 25.",
    ]
    parts = ["# Topic models", markdown_table(header, table, align_right=True), "\n".join(f"- {n}" for n in notes)]
    write_text(path, "\n\n".join(parts) + "\n")


def _with_error(row: dict[Any, Any], name: str) -> str:
    error = row[f"{name}_error"]
    return f"{row[name]:.3f}" + (f" ± {error:.3f}" if error is not None and np.isfinite(error) else "")
