"""Settings of a classification run and of the topic models' analysis."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from dgmbench.run.settings import Settings, evaluation_field
from dgmbench.run.spec import RunSpec

Sizes = Annotated[list[Annotated[int, Field(ge=1)]], AfterValidator(lambda sizes: sorted(set(sizes)))]


class ClassificationSettings(Settings):
    """Fitting document features and classifying them. The defaults are the published protocol."""

    embeddings: str = Field(
        "glove-50d",
        description="word vectors for the methods that need them, and for the vocabulary; a name or file:PATH",
    )
    train_limit: int = Field(0, ge=0, description="use this many training documents (evenly spaced); 0 is all")
    test_limit: int = Field(0, ge=0, description="use this many test documents (evenly spaced); 0 is all")
    split: Literal["test", "valid"] = Field(
        "test",
        description="what is classified; valid: a fifth of the training documents, which no method is fitted on then",
    )
    valid_part: int = Field(0, ge=0, le=4, description="split valid: which fifth of the training documents")
    transductive: bool = Field(
        False,
        description="fit on the classified documents too, without their labels (lda, lftm and doc2vec, as published)",
    )
    svm_max_iterations: int = evaluation_field(
        5000, ge=1, description="passes of liblinear (wide sparse features) before it gives up"
    )


class TopicAnalysisSettings(Settings):
    """What the topic models' analysis does; no run of the table depends on it."""

    left_to_right_documents: int = Field(
        100, ge=0, description="test documents (evenly spaced) for the left-to-right log-likelihood; 0 is all"
    )
    left_to_right_tokens: int = Field(200, ge=1, description="only this many first tokens of each of them")
    left_to_right_particles: int = Field(20, ge=1, description="particles of the left-to-right sampler")
    models: list[str] = Field(
        ["lda", "slda", "lftm", "gaussian-lda", "topicvec"], description="methods whose topics are judged"
    )
    topics: dict[str, Sizes] = Field(
        {"lda": [10, 20, 50, 100, 200], "topicvec": [2, 3, 5, 10, 15]},
        description="numbers of topics by method, to plot F1 against; of topicvec for each class",
    )
    documents: dict[str, Annotated[int, Field(ge=0)]] = Field(
        {}, description="position of the drawn test document, by corpus or its short name; else one of 60 to 120 tokens"
    )

    @field_validator("topics", mode="before")
    @classmethod
    def _without_what_is_left_out(cls, value: Any) -> Any:
        """``name: false`` leaves a method out."""
        return {n: v for n, v in value.items() if v is not False} if isinstance(value, dict) else value


def document_settings(spec: RunSpec) -> ClassificationSettings:
    """The settings of a classification run."""
    assert isinstance(spec.settings, ClassificationSettings)
    return spec.settings
