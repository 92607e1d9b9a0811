"""Density estimation: test log-likelihood in nats, of binary images, and apart from them of real-valued points."""

from __future__ import annotations

from dgmbench.data.catalogue import CATALOGUE
from dgmbench.data.sizes import lacks_validation_part, size_of
from dgmbench.errors import UserError
from dgmbench.names import accepted_options, load_object
from dgmbench.run.spec import RunSpec
from dgmbench.run.task import Analysis, Places, Task
from dgmbench.tasks.density.rows import ROWS, DensityRow
from dgmbench.tasks.density.settings import OTHER_DATA, DensityAnalysisSettings, DensitySettings, density_settings
from dgmbench.training.rows import require_gradients

_HERE = "dgmbench.tasks.density"
_BY_EM = ("mixture-of-bernoullis", "mixture-of-gaussians")
_STEPS = 30  # of expectation-maximisation, about; these rows do not have the setting's epochs


def _cost(spec: RunSpec) -> float:
    """Samples times epochs times images, up to a factor: what a training of one network costs."""
    settings = density_settings(spec)
    images = size_of(spec.dataset, "train", settings.train_limit)
    if not spec.factory and spec.model in _BY_EM:
        components = spec.options.get("components")
        sizes = components if isinstance(components, list) else [components]
        return float(_STEPS * images * (sum(size for size in sizes if isinstance(size, int)) or 10) * 1000)
    width = sum(width for width in spec.options.get("hidden", ()) if isinstance(width, int)) or 1000
    k, some = settings.importance_samples, settings.backward_samples
    samples = (k + 2 * some) / 3 if some else k  # a pass back takes as long as two forward
    return float(samples * settings.epochs * images * width**2)


def _rule(spec: RunSpec, row: DensityRow, places: Places) -> None:
    """Settings that go together, and no likelihood of binary pixels in a column of continuous data, or the reverse.

    What a user's function gives is only known when it is called: a training, and ``dgmbench check``, look at that.
    """
    settings = density_settings(spec)
    require_gradients(settings, settings.estimator, places)
    if settings.split == "valid" and lacks_validation_part(spec.dataset):
        raise UserError(
            f"{places.of('split')}: {spec.dataset} has no validation images; give a file or function of your own with "
            "a part for them (docs/data.md), or set split to test"
        )
    if settings.backward_samples:
        _rule_of_some(spec, row, places)
    if spec.dataset not in CATALOGUE:
        return
    wanted = getattr(load_object(row.factory), "data", "images") if spec.factory else row.data
    if (found := CATALOGUE[spec.dataset].kind) != wanted:
        raise UserError(OTHER_DATA.format(where=places, wanted=wanted, dataset=spec.dataset, found=found))


def _rule_of_some(spec: RunSpec, row: DensityRow, places: Places) -> None:
    """A gradient through some samples, only where it is what the record will say."""
    settings, where = density_settings(spec), places.of("backward_samples")
    takes = "backward_samples" in accepted_options(load_object(row.factory)) if spec.factory else row.through_some
    if not takes:
        raise UserError(f"{where}: the gradient of {spec.model} goes through all samples; set 0 there")
    if settings.backward_samples >= settings.importance_samples:
        k = settings.importance_samples
        raise UserError(f"{where}: not fewer than the importance samples of {spec.model}, {k}; set 0 there")
    if settings.estimator == "dreg":
        raise UserError(f"{where}: the estimator dreg goes through all samples; set 0")
    if settings.compile or settings.devices > 1:
        raise UserError(f"{where}: not with compile, and not on several devices; set 0")


def _evaluation_cost(spec: RunSpec) -> float:
    """Samples times images, up to a factor."""
    settings = density_settings(spec)
    k = 1 if spec.model in _BY_EM and not spec.factory else settings.k
    return float(k * size_of(spec.dataset, "test", settings.test_limit))


DENSITY = Task(
    name="density",
    title="Density estimation",
    about="test log-likelihood of binary images, in nats",
    package=_HERE,
    kind=("images", "points"),
    settings=DensitySettings,
    rows=ROWS,
    row_type=DensityRow,
    rule=_rule,
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
    load=f"{_HERE}.taken:load",
    devices=lambda spec: density_settings(spec).devices,
    cost=_cost,
    evaluation_cost=_evaluation_cost,
    libraries=("numpy", "torch", "lightning"),
    memory_mb=3500,
    offers=("n_pixels", "importance_samples", "estimator", "backward_samples", "local_error"),
    numbers={
        "log_likelihood": "test log-likelihood, nats per image; of points, nats per point",
        "exact_log_likelihood": "log p(x) of the same points by quadrature, beside the estimate; nats per point",
        "k": "importance samples; the word exact where the log-likelihood is computed, whatever the parameter says",
        "bound": "training bound of an epoch, or of a step of a model that fits itself, nats per image or point; "
        "bounds of different importance_samples are different quantities",
        "loss": "what is minimised, of an epoch; nats per image or point, unless the model's own loss is something "
        "else",
        "learning_rate": "of the last step of an epoch",
        "final_bound": "training bound of the last epoch or step, nats per image or point",
        "standard_error": "of the log-likelihood over the test examples, nats",
        "train_seconds": "seconds of all epochs or steps",
    },
)
