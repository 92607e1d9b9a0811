"""What a run is: one dataclass, its checks, and the hash that names it."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import hashlib
import json
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any, Literal, TypeVar

from dgmbench.errors import UserError

Task = Literal["density", "classification"]
TASKS: tuple[Task, ...] = ("density", "classification")


def setting(
    default: Any,
    about: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    choices: tuple[str, ...] | None = None,
    stage: Literal["training", "evaluation"] = "training",
) -> Any:
    """A field of a settings dataclass, with what the config checks and documents about it."""
    metadata = {
        "about": about,
        "at_least": at_least,
        "above": above,
        "at_most": at_most,
        "choices": choices,
        "stage": stage,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class DensitySettings:
    """Training and evaluation of a density model. The defaults are the published protocol."""

    importance_samples: int = setting(1, "k of the training bound; 1 is the Monte Carlo ELBO", at_least=1)
    epochs: int = setting(3000, "passes over the training set", at_least=1)
    batch_size: int = setting(100, "images per gradient step", at_least=2)
    learning_rate: float = setting(1e-3, "Adam's peak learning rate", above=0)
    schedule: str = setting(
        "published",
        "published: constant, then a decay per epoch; one-cycle: up and down once; constant",
        choices=("published", "one-cycle", "constant"),
    )
    decay_from: int = setting(1000, "published schedule: epochs at a constant rate", at_least=0)
    decay: float = setting(0.998, "published schedule: factor per epoch afterwards", above=0, at_most=1)
    warm_up: float = setting(0.3, "one-cycle: share of the steps until the peak", at_least=0, at_most=1)
    adam_eps: float = setting(1e-4, "Adam's epsilon", above=0)
    weight_average: float = setting(
        0.0,
        "the model is an exponential average of the weights over about this share of the steps",
        at_least=0,
        at_most=1,
    )
    clip_norm: float = setting(5.0, "global gradient norm is clipped to this, first", above=0)
    clip_value: float = setting(1.0, "then each element of the gradient to plus or minus this", above=0)
    estimator: str = setting("iwae", "gradient of the bound", choices=("iwae", "stl", "dreg"))
    local_error: float = setting(0.1, "weight of the local reconstruction error (memory models)", at_least=0)
    train_limit: int = setting(0, "use this many training images; 0 is all", at_least=0)
    precision: str = setting("32", "arithmetic on a GPU", choices=("32", "tf32", "bf16"))
    devices: int = setting(1, "GPUs for one training job, each with a part of every batch", at_least=1)
    compile: bool = setting(False, "compile the model on a GPU (not for dreg)")
    k: int = setting(5000, "importance samples per test image", at_least=1, stage="evaluation")
    test_limit: int = setting(0, "evaluate this many test images; 0 is all", at_least=0, stage="evaluation")
    split: str = setting("test", "what is evaluated", choices=("test", "valid"), stage="evaluation")


@dataclass(frozen=True)
class ClassificationSettings:
    """Fitting document features and classifying them. The defaults are the published protocol."""

    embeddings: str = setting("glove-50d", "word vectors for the methods that need them, and for the vocabulary")
    train_limit: int = setting(0, "use this many training documents (evenly spaced); 0 is all", at_least=0)
    test_limit: int = setting(0, "use this many test documents (evenly spaced); 0 is all", at_least=0)
    split: str = setting(
        "test",
        "what is classified; valid: a fifth of the training documents, which no method is fitted on then",
        choices=("test", "valid"),
    )
    valid_part: int = setting(0, "split valid: which fifth of the training documents", at_least=0, at_most=4)
    transductive: bool = setting(
        False, "fit on the classified documents too, without their labels (lda, lftm and doc2vec, as published)"
    )
    svm_max_iterations: int = setting(
        5000, "passes of liblinear (wide sparse features) before it gives up", at_least=1, stage="evaluation"
    )


@dataclass(frozen=True)
class AnalysisSettings:
    """How much of a density model's deeper analysis is done; no training depends on it."""

    imputation_images: int = setting(200, "test images whose missing pixels are filled in; 0 is all", at_least=0)
    imputation_passes: int = setting(100, "how often each missing pixel is replaced", at_least=1)
    bound_images: int = setting(100, "test images for the bound against k; 0 is all", at_least=0)
    bound_k: int = setting(5000, "largest k of the bound against k", at_least=1)


@dataclass(frozen=True)
class TopicAnalysisSettings:
    """How much of the topic models' deeper analysis is done; no run of the table depends on it."""

    left_to_right_documents: int = setting(
        100, "test documents (evenly spaced) for the left-to-right log-likelihood; 0 is all", at_least=0
    )
    left_to_right_tokens: int = setting(200, "only this many first tokens of each of them", at_least=1)
    left_to_right_particles: int = setting(20, "particles of the left-to-right sampler", at_least=1)


SETTINGS: dict[Task, type[DensitySettings] | type[ClassificationSettings]] = {
    "density": DensitySettings,
    "classification": ClassificationSettings,
}


S = TypeVar("S", bound=DensitySettings | ClassificationSettings | AnalysisSettings | TopicAnalysisSettings)


@dataclass(frozen=True)
class RunSpec:
    """One training run and its evaluation.

    Attributes:
        task: ``density`` or ``classification``.
        dataset: a dataset's or corpus's name.
        model: a model's or method's name, as shown in the tables.
        seed: seeds everything random in the run.
        factory: ``module:Class`` of a model of one's own; empty for a built-in name.
        settings: how it is trained and evaluated.
        options: keyword arguments of the model itself.
    """

    task: Task
    dataset: str
    model: str
    seed: int = 0
    factory: str = ""
    settings: DensitySettings | ClassificationSettings = field(default_factory=DensitySettings)
    options: Mapping[str, Any] = field(default_factory=dict)

    def canonical(self, stage: Literal["training", "evaluation"] = "evaluation") -> dict[str, Any]:
        """What tells this run from others: everything that differs from a default.

        With ``stage="training"`` the settings of the evaluation are left out: runs that differ only in those
        share one trained model.
        """
        settings = {
            f.name: getattr(self.settings, f.name)
            for f in dataclasses.fields(self.settings)
            if getattr(self.settings, f.name) != f.default
            and (stage == "evaluation" or f.metadata["stage"] == "training")
        }
        whole = {
            "task": self.task,
            "dataset": self.dataset,
            "model": self.model,
            "seed": self.seed,
            "factory": self.factory,
            "settings": settings,
            "options": dict(self.options),
        }
        return {key: value for key, value in whole.items() if value or key == "seed"}

    def _identity(self, stage: Literal["training", "evaluation"]) -> str:
        digest = canonical_hash(self.canonical(stage))
        return f"{slug(self.dataset)}.{slug(self.model)}.s{self.seed}.{digest}"

    @property
    def run_id(self) -> str:
        """Names the run: readable parts and the hash of the canonical form."""
        return self._identity("evaluation")

    @property
    def training_id(self) -> str:
        """Names the trained model, which runs with other evaluation settings share."""
        return self._identity("training")

    def to_dict(self) -> dict[str, Any]:
        """The whole specification, defaults included, as plain values."""
        return dataclasses.asdict(self)

    def to_arguments(self, stage: Literal["training", "evaluation"] = "evaluation") -> str:
        """The command-line arguments that build this specification again.

        With ``stage="training"`` without the evaluation's settings: the arguments then change only when the
        trained model does.
        """
        canonical = self.canonical(stage)
        words = [self.task, self.dataset, self.model, "--seed", str(self.seed)]
        if self.factory:
            words += ["--factory", self.factory]
        for key, value in sorted(canonical.get("settings", {}).items()):
            words += ["--set", f"{key}={json.dumps(value) if not isinstance(value, str) else value}"]
        for key, value in sorted(self.options.items()):
            words += ["--option", f"{key}={json.dumps(value)}"]
        return shlex.join(words)


def canonical_hash(value: Any) -> str:
    """A short SHA-256 over JSON with sorted keys: the order of keys does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def build_settings(task: Task, values: Mapping[str, Any], where: str) -> DensitySettings | ClassificationSettings:
    """The settings of a run from plain values, see `build_checked`."""
    return build_checked(SETTINGS[task], values, where)


def build_checked(cls: type[S], values: Mapping[str, Any], where: str) -> S:
    """A settings dataclass from plain values, each checked for name, type and range.

    Raises:
        UserError: names the setting, where it stands, and what would be right.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    checked = {}
    for name, value in values.items():
        if name not in fields:
            raise UserError(f"{where}: unknown setting {name!r}{did_you_mean(name, fields)}")
        checked[name] = _check(value, fields[name], f"{where}.{name}")
    return cls(**checked)


def _check(value: Any, f: dataclasses.Field[Any], where: str) -> Any:
    kind = type(f.default) if f.default is not MISSING else str
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is float and isinstance(value, str):
        # YAML reads 1e-4 as text
        with contextlib.suppress(ValueError):
            value = float(value)
    if kind is str and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if type(value) is not kind:
        names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        raise UserError(f"{where}: {value!r} is not {names[kind]}")
    limits = f.metadata
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where}: {value} is not a finite number")
    if limits["at_least"] is not None and value < limits["at_least"]:
        raise UserError(f"{where}: {value} is too small; give at least {limits['at_least']:g}")
    if limits["above"] is not None and value <= limits["above"]:
        raise UserError(f"{where}: {value} is too small; give more than {limits['above']:g}")
    if limits["at_most"] is not None and value > limits["at_most"]:
        raise UserError(f"{where}: {value} is too large; give at most {limits['at_most']:g}")
    if limits["choices"] and value not in limits["choices"]:
        raise UserError(f"{where}: {value!r} is unknown; choose one of {', '.join(limits['choices'])}")
    return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The rest of an error line about an unknown name: a close match, or all there are."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def slug(name: str) -> str:
    """A name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9+_-]+", "-", name).strip("-")
