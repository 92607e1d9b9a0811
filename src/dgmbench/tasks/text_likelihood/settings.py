"""Settings of a text-likelihood run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dgmbench.run.settings import Settings, evaluation_field
from dgmbench.run.spec import RunSpec


class TextLikelihoodSettings(Settings):
    """Which documents and words there are, and how held-out documents are measured; the defaults are all of them."""

    least_documents: int = Field(5, ge=1, description="the vocabulary: words that are in so many training documents")
    embeddings: str = Field(
        "",
        description="word vectors, a name or file:PATH: the vocabulary has only words with a vector then, and rows "
        "that need vectors are given them; without any all words count",
    )
    slices: int = Field(
        0,
        ge=0,
        description="cut the documents, in the order of their dates, into so many parts of equal size, fit to all but "
        "the last and measure that (split: valid: fit to all but the last two and measure the first of these); 0: the "
        "corpus's own split",
    )
    train_limit: int = Field(0, ge=0, description="fit to this many training documents (evenly spaced); 0 is all")
    test_limit: int = Field(0, ge=0, description="measure on this many test documents (evenly spaced); 0 is all")
    split: Literal["test", "valid"] = Field(
        "test",
        description="what is measured; valid: a fifth of the training documents, or with slices the last but one, "
        "which are not fitted to then",
    )
    devices: int = Field(
        0, ge=0, le=1, description="GPUs for the fit of a model that can use one; without any it is fitted on the CPU"
    )
    curve_documents: int = Field(
        500, ge=0, description="measured documents (evenly spaced) for the curve over a fit; 0 is all"
    )
    left_to_right_documents: int = evaluation_field(
        100, ge=0, description="measured documents (evenly spaced) for the left-to-right log-likelihood; 0 is all"
    )
    left_to_right_tokens: int = evaluation_field(200, ge=1, description="only this many first tokens of each of them")
    left_to_right_particles: int = evaluation_field(20, ge=1, description="particles of the left-to-right sampler")


def text_settings(spec: RunSpec) -> TextLikelihoodSettings:
    """The settings of a text-likelihood run."""
    assert isinstance(spec.settings, TextLikelihoodSettings)
    return spec.settings
