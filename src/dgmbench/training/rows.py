"""Rows that are trained by gradient steps, and the settings of a training that some of them cannot follow."""

from __future__ import annotations

from dataclasses import dataclass

from dgmbench.errors import UserError
from dgmbench.names import load_object
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Places, Row
from dgmbench.training.settings import TrainingSettings, decay_problem, of_other_optimisers


@dataclass(frozen=True)
class LearnerRow(Row):
    """A row of a task whose models may take their steps themselves.

    Attributes:
        own_optimisers: whether its class does, see `dgmbench.training.alternating`.
    """

    own_optimisers: bool = False


def optimiser_rule(spec: RunSpec, row: LearnerRow, places: Places) -> None:
    """A task's rule: nothing is asked of a model with its own optimisers that they do not do, and no impossible decay.

    Raises:
        UserError: names the setting, where it stands, and what to do.
    """
    settings = spec.settings
    assert isinstance(settings, TrainingSettings)
    if (name := of_other_optimisers(settings)) and _has_own(spec, row):
        asked = f"{name}: {getattr(settings, name)}"
        raise UserError(
            f"{places.of(name)}: {spec.model} takes its steps by its own optimisers, without {asked}; leave it out, or "
            "set it for other models alone"
        )
    require_decay(settings, places)


def require_decay(settings: TrainingSettings, places: Places) -> None:
    """Raise a UserError for a weight decay that a run with these settings cannot have."""
    if problem := decay_problem(settings):
        raise UserError(f"{places.of('weight_decay')}: {problem}")


def require_gradients(settings: TrainingSettings, estimator: str, places: Places) -> None:
    """Raise a UserError for a weight decay, or an estimator of the bound's gradient, that a run cannot have."""
    if settings.compile and estimator == "dreg":
        raise UserError(f"{places.of('compile')}: the estimator dreg cannot be compiled; set compile: false")
    require_decay(settings, places)


def _has_own(spec: RunSpec, row: LearnerRow) -> bool:
    return hasattr(load_object(row.factory), "step") if spec.factory else row.own_optimisers
