"""Settings of a representation run and of the analysis of what was learned."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dgmbench.run.settings import Settings, evaluation_field
from dgmbench.run.spec import RunSpec
from dgmbench.training.settings import TrainingSettings


class RepresentationSettings(TrainingSettings):
    """Training of a feature learner, for those that have a loss, and evaluation of its features."""

    importance_samples: int = Field(1, ge=1, description="k of the training bound; 1 is the Monte Carlo ELBO")
    estimator: Literal["iwae", "stl", "dreg"] = Field("iwae", description="gradient of the bound")
    local_error: float = Field(0.1, ge=0, description="weight of the local reconstruction error (memory models)")
    test_limit: int = evaluation_field(0, ge=0, description="evaluate on this many test images; 0 is all")
    split: Literal["test", "valid"] = evaluation_field(
        "test", description="what is evaluated; valid are the images that the classifier's penalty is chosen on, too"
    )


class RepresentationAnalysisSettings(Settings):
    """How much of the analysis is done; no training depends on it."""

    denoising_images: int = Field(1000, ge=0, description="test images that are corrupted and restored; 0 is all")
    denoising_level: float = Field(0.25, ge=0, le=1, description="the probability that a pixel is destroyed")
    filters: int = Field(20, ge=1, description="filters drawn of each model")


def representation_settings(spec: RunSpec) -> RepresentationSettings:
    """The settings of a representation run."""
    assert isinstance(spec.settings, RepresentationSettings)
    return spec.settings
