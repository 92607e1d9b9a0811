"""Settings of a density run and of the density models' analysis."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dgmbench.run.settings import Settings, evaluation_field
from dgmbench.run.spec import RunSpec
from dgmbench.training.settings import TrainingSettings

OTHER_DATA = "{where}: it is for {wanted}, and {dataset} has {found}: binary pixels and real coordinates do not compare"
"""What is said of a model and a dataset that do not go together."""


EXACT = "exact"
"""What stands for k where a log-likelihood is computed and not estimated."""


PER_IMAGE, PER_POINT = "nats per image", "nats per point"
"""Units of a log-likelihood."""


COORDINATES = "none: real coordinates"
"""What a record says of the binarisation of points."""


class DensitySettings(TrainingSettings):
    """Training and evaluation of a density model. The defaults are the published protocol."""

    importance_samples: int = Field(1, ge=1, description="k of the training bound; 1 is the Monte Carlo ELBO")
    estimator: Literal["iwae", "stl", "dreg"] = Field(
        "iwae", description="gradient of the bound; dreg does not compile"
    )
    backward_samples: int = Field(
        0, ge=0, description="of the k samples, as many that the gradient goes through, drawn by weight; 0 is all"
    )
    local_error: float = Field(0.1, ge=0, description="weight of the local reconstruction error (memory models)")
    k: int = evaluation_field(5000, ge=1, description="importance samples per test image")
    test_limit: int = evaluation_field(0, ge=0, description="evaluate this many test images; 0 is all")
    split: Literal["test", "valid"] = evaluation_field("test", description="what is evaluated")


class DensityAnalysisSettings(Settings):
    """How much of the density models' analysis is done; no training depends on it."""

    imputation_images: int = Field(200, ge=0, description="test images whose missing pixels are filled in; 0 is all")
    imputation_passes: int = Field(100, ge=1, description="how often each missing pixel is replaced")
    bound_images: int = Field(100, ge=0, description="test images for the bound against k; 0 is all")
    bound_k: int = Field(5000, ge=1, description="largest k of the bound against k")


def density_settings(spec: RunSpec) -> DensitySettings:
    """The settings of a density run."""
    assert isinstance(spec.settings, DensitySettings)
    return spec.settings
