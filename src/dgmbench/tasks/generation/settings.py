"""Settings of a generation run and of the analysis of samples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dgmbench.run.settings import Settings, evaluation_field
from dgmbench.run.spec import RunSpec
from dgmbench.training.settings import TrainingSettings

NEIGHBOURS = 5
"""How many neighbours of an image tell how far its surroundings reach, for precision, recall, density and coverage."""


class GenerationSettings(TrainingSettings):
    """Training of a generator, for those that are trained here, and evaluation of its samples."""

    epochs: int = Field(100, ge=1, description="passes over the training set")
    samples: int = Field(10_000, ge=50, description="images that a model generates for the metrics")
    classifier_epochs: int = evaluation_field(
        5, ge=1, description="of the classifier whose features the images are compared in; the same for every model"
    )
    test_limit: int = evaluation_field(0, ge=0, description="compare with this many test images; 0 is all")
    split: Literal["test", "valid"] = evaluation_field("test", description="what samples are compared with")


class GenerationAnalysisSettings(Settings):
    """How much of the analysis is done; no training depends on it."""

    shown: int = Field(10, ge=1, description="samples of each model that are drawn, each above its nearest image")
    neighbours: int = Field(500, ge=1, description="samples whose nearest training image is searched")


def generation_settings(spec: RunSpec) -> GenerationSettings:
    """The settings of a generation run."""
    assert isinstance(spec.settings, GenerationSettings)
    return spec.settings
