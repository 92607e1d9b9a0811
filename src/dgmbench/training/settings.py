"""Settings of gradient training, which every task whose models have a loss shares."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dgmbench.run.settings import Settings


class TrainingSettings(Settings):
    """How a model is trained by gradient steps."""

    epochs: int = Field(3000, ge=1, description="passes over the training set")
    batch_size: int = Field(100, ge=2, description="examples per gradient step")
    optimizer: Literal["adam", "muon"] = Field("adam", description="muon orthogonalises the steps of matrices")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    schedule: Literal["published", "one-cycle", "constant"] = Field(
        "published", description="published: constant, then a decay per epoch; one-cycle: up and down once; constant"
    )
    decay_from: int = Field(1000, ge=0, description="published schedule: epochs at a constant rate")
    decay: float = Field(0.998, gt=0, le=1, description="published schedule: factor per epoch afterwards")
    warm_up: float = Field(0.3, ge=0, le=1, description="one-cycle: share of the steps until the peak")
    weight_decay: float = Field(
        0.0, ge=0, description="muon: a step also takes this times the learning rate of each matrix away"
    )
    adam_eps: float = Field(1e-4, gt=0, description="Adam's epsilon")
    weight_average: float = Field(
        0.0,
        ge=0,
        le=1,
        description="the model is an exponential average of the weights over about this share of the steps",
    )
    clip_norm: float = Field(5.0, gt=0, description="global gradient norm is clipped to this, first")
    clip_value: float = Field(1.0, gt=0, description="then each element of the gradient to plus or minus this")
    train_limit: int = Field(0, ge=0, description="use this many training examples; 0 is all")
    precision: Literal["32", "tf32", "bf16"] = Field(
        "32", description="of matrix products; tf32 on GPUs, bf16 there and on CPUs with AMX"
    )
    devices: int = Field(1, ge=1, description="GPUs for one training job, each with a part of every batch")
    compile: bool = Field(False, description="compile the model on a GPU")


def of_other_optimisers(settings: TrainingSettings) -> str:
    """The name of a setting that asks for what a model with optimisers of its own does not do; empty where none does.

    Details of an optimiser, as its epsilon, its clips and decays of the rate, ask for nothing by themselves: a section
    gives them for those of its models that have them.
    """
    asks = {
        "optimizer": settings.optimizer == "muon",
        "weight_decay": settings.weight_decay > 0,
        "schedule": settings.schedule == "one-cycle",
        "weight_average": settings.weight_average > 0,
        "devices": settings.devices > 1,
    }
    return next((name for name, asked in asks.items() if asked), "")


def decay_problem(settings: TrainingSettings) -> str:
    """Why these settings, those of a run as a whole, can have no such weight decay; empty where they can."""
    if not settings.weight_decay:
        return ""
    if settings.optimizer != "muon":
        return f"it goes with optimizer: muon, not with {settings.optimizer}; set 0.0"
    if settings.weight_decay * settings.learning_rate >= 1:
        return f"times a learning rate of {settings.learning_rate:g} it takes all of a matrix away; give less"
    return ""
