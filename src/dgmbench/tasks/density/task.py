"""Density estimation: test log-likelihood of binary images, in nats."""

from __future__ import annotations

from dgmbench.errors import UserError
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Analysis, Row, Task
from dgmbench.tasks.density.rows import ROWS
from dgmbench.tasks.density.settings import DensityAnalysisSettings, DensitySettings, density_settings

_HERE = "dgmbench.tasks.density"


def _cost(spec: RunSpec) -> float:
    """Samples times epochs times images, up to a factor: what a training of one network costs."""
    settings = density_settings(spec)
    images = settings.train_limit or 50_000
    width = sum(width for width in spec.options.get("hidden", ()) if isinstance(width, int)) or 1000
    return float(settings.importance_samples * settings.epochs * images * width**2)


def _rule(spec: RunSpec, row: Row, where: str) -> None:
    settings = density_settings(spec)
    if settings.compile and settings.estimator == "dreg":
        raise UserError(f"{where}.compile: the estimator dreg cannot be compiled; set compile: false")


def _evaluation_cost(spec: RunSpec) -> float:
    """Samples times images, up to a factor."""
    settings = density_settings(spec)
    return float(settings.k * (settings.test_limit or 10_000))


DENSITY = Task(
    name="density",
    title="Density estimation",
    about="test log-likelihood of binary images, in nats",
    package=_HERE,
    kind="images",
    settings=DensitySettings,
    rows=ROWS,
    train=f"{_HERE}.training:train",
    evaluate=f"{_HERE}.evaluation:evaluate",
    check=f"{_HERE}.check:findings",
    trial=f"{_HERE}.check:trial",
    table=f"{_HERE}.table:TABLE",
    analysis=Analysis(
        "missing pixels, memory slots, samples, the bound against k",
        DensityAnalysisSettings,
        f"{_HERE}.analysis.analyse:analyse",
        runs=lambda table, settings: {"training": table},
        gpus=1,
        shown=f"{_HERE}.analysis.shown:shown",
    ),
    devices=lambda spec: density_settings(spec).devices,
    cost=_cost,
    rule=_rule,
    evaluation_cost=_evaluation_cost,
    libraries=("numpy", "torch", "lightning"),
    offers=("n_pixels", "importance_samples", "estimator", "local_error"),
    numbers={
        "bound": "training bound of an epoch, nats per image; bounds of different importance_samples are different "
        "quantities",
        "loss": "what is minimised, of an epoch; nats per image, unless the model's own loss is something else",
        "learning_rate": "of the last step of an epoch",
        "final_bound": "training bound of the last epoch, nats per image",
        "standard_error": "of the log-likelihood over the test images, nats",
        "train_seconds": "seconds of all epochs",
    },
)
