"""From a configuration to the runs it asks for; every mistake in it is found before anything is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dgmbench.errors import UserError
from dgmbench.registry import REGISTRY, check_options, find_entry, load_factory
from dgmbench.spec import (
    SETTINGS,
    TASKS,
    AnalysisSettings,
    ClassificationSettings,
    DensitySettings,
    RunSpec,
    Task,
    TopicAnalysisSettings,
    build_checked,
    build_settings,
    canonical_hash,
    did_you_mean,
)

# What the two tasks call the things they are made of.
GROUPS: dict[Task, tuple[str, str]] = {"density": ("datasets", "models"), "classification": ("corpora", "methods")}
DATASETS: dict[Task, tuple[str, ...]] = {"density": ("mnist", "ocr-letters"), "classification": ("20news", "reuters")}
EMBEDDINGS = ("glove-50d", "glove-100d", "glove-200d", "glove-300d")

LARGEST_SEED = 2**32 - 1  # numpy's


@dataclass(frozen=True)
class TopicAnalysis:
    """What ``dgmbench analyse classification`` does.

    Attributes:
        sizes: how much of it.
        models: the methods whose topics are judged.
        topics: the numbers of topics of each method whose F1 is drawn against them.
        documents: the place of the test document that is drawn, by corpus; another corpus gets one that reads well.
    """

    sizes: TopicAnalysisSettings = field(default_factory=TopicAnalysisSettings)
    models: tuple[str, ...] = ("lda", "slda", "lftm", "gaussian-lda", "topicvec")
    topics: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {"lda": (10, 20, 50, 100, 200), "topicvec": (2, 3, 5, 10, 15)}
    )
    documents: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a configuration asks for.

    Attributes:
        preset: names the results folder ``results/<preset>``.
        runs: every run of every cell.
        tracking: whether MLflow is shown the results.
        threads: CPU threads for one job.
        analysis: the sizes of what ``dgmbench analyse`` does.
        topic_analysis: what ``dgmbench analyse classification`` does.
    """

    preset: str
    runs: tuple[RunSpec, ...]
    tracking: bool = True
    threads: int = 1
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    topic_analysis: TopicAnalysis = field(default_factory=TopicAnalysis)

    def topic_curve(self) -> list[RunSpec]:
        """The runs whose F1 is drawn against the number of topics: those of the table, with each of the numbers."""
        runs = []
        for run in self.of("classification"):
            option = find_entry(run.task, run.model, run.factory).topics_option
            for number in self.topic_analysis.topics.get(run.model, ()):
                runs.append(dataclasses.replace(run, options={**run.options, option: number}))
        return runs

    def of(self, task: Task) -> list[RunSpec]:
        """The runs of one task."""
        return [run for run in self.runs if run.task == task]

    def find(self, run_id: str) -> RunSpec:
        """The run with this id, or with this training id.

        Raises:
            UserError: the plan has no such run.
        """
        for run in self.runs:
            if run_id in (run.run_id, run.training_id):
                return run
        raise UserError(f"no run {run_id} in preset {self.preset!r}: the configuration has changed since")


def read_config(paths: list[Path]) -> dict[str, Any]:
    """Configuration files laid over each other, the later one winning key by key.

    Raises:
        UserError: a file is missing or is not YAML.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise UserError(f"no configuration file {path}") from error
        except yaml.YAMLError as error:
            raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
        if not isinstance(content, dict):
            raise UserError(f"{path}: a configuration is a mapping of keys to values")
        _overlay(merged, content)
    return merged


def _overlay(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), dict):
            _overlay(below[key], value)
        else:
            below[key] = value


def read_plan(config: Mapping[str, Any]) -> Plan:
    """The runs that a configuration asks for.

    A cell's settings are, the later one winning: the published protocol, the name's own (iwae-5 has k = 5),
    the task's ``settings``, the dataset's, the model's. Seeds are the model's, the task's or the configuration's.

    Raises:
        UserError: an unknown key, name, setting or option, or a value out of range, and where it stands.
    """
    known = {"preset", "seeds", "tracking", "threads", *TASKS}
    for key in config:
        if key not in known:
            raise UserError(f"config: unknown key {key!r}{did_you_mean(key, known)}")
    preset = config.get("preset", "default")
    if not isinstance(preset, str) or not preset or "/" in preset or preset.startswith("."):
        raise UserError(f"config.preset: {preset!r} cannot name a folder")
    if preset == "reference":
        raise UserError("config.preset: 'reference' is where the published runs are kept; choose another name")
    threads = config.get("threads", 1)
    if type(threads) is not int or threads < 1:
        raise UserError(f"config.threads: {threads!r} is not a whole number of at least 1")
    tracking = config.get("tracking", True)
    if type(tracking) is not bool:
        raise UserError(f"config.tracking: {tracking!r} is not true or false")
    seeds = _seeds(config.get("seeds", [0]), "config.seeds")
    runs: list[RunSpec] = []
    for task in TASKS:
        runs += _task_runs(task, config.get(task) or {}, seeds)
    if not runs:
        raise UserError("config: no runs; give density.datasets and density.models, or classification likewise")
    sizes = _mapping(_mapping(config.get("density"), "config.density").get("analysis"), "config.density.analysis")
    analysis = build_checked(AnalysisSettings, sizes, "config.density.analysis")
    methods = {run.model for run in runs if run.task == "classification"}
    section = _mapping(config.get("classification"), "config.classification").get("analysis")
    of_topics = _topic_analysis(section, methods)
    return Plan(preset, tuple(runs), tracking, threads, analysis, of_topics)


def _topic_analysis(section: Any, methods: set[str]) -> TopicAnalysis:
    where = "config.classification.analysis"
    values = _mapping(section, where)
    given: dict[str, Any] = {}
    if "models" in values:
        given["models"] = tuple(_named(values.pop("models"), f"{where}.models"))
    if "topics" in values:
        topics = _mapping(values.pop("topics"), f"{where}.topics")
        given["topics"] = {
            name: _whole_numbers(numbers, 1, f"{where}.topics.{name}")
            for name, numbers in topics.items()
            if numbers is not False
        }
    if "documents" in values:
        places = _mapping(values.pop("documents"), f"{where}.documents")
        given["documents"] = {
            name: _whole_numbers([place], 0, f"{where}.documents.{name}")[0] for name, place in places.items()
        }
    for name in {*given.get("models", ()), *given.get("topics", ())} - methods:
        try:
            find_entry("classification", name)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
    return TopicAnalysis(build_checked(TopicAnalysisSettings, values, where), **given)


def _whole_numbers(values: Any, at_least: int, where: str) -> tuple[int, ...]:
    if not isinstance(values, list) or any(type(value) is not int or value < at_least for value in values):
        raise UserError(f"{where}: {values!r} is not a list of whole numbers of at least {at_least}")
    return tuple(sorted(set(values)))


def _seeds(seeds: Any, where: str) -> list[int]:
    if not isinstance(seeds, list) or not seeds or any(type(s) is not int or not 0 <= s <= LARGEST_SEED for s in seeds):
        raise UserError(f"{where}: {seeds!r} is not a list of whole numbers from 0 to {LARGEST_SEED}")
    if len(set(seeds)) < len(seeds):
        raise UserError(f"{where}: {seeds!r} names a seed twice")
    return seeds


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UserError(f"{where}: expected a mapping of names to values, not {value!r}")
    return {str(name): content for name, content in value.items()}


def _named(value: Any, where: str) -> dict[str, dict[str, Any]]:
    """Settings by the name they belong to. A list stands for names without settings; ``name: false`` leaves one out."""
    if isinstance(value, list):
        value = {name: {} for name in value}
    return {
        name: _mapping(content, f"{where}.{name}")
        for name, content in _mapping(value, where).items()
        if content is not False
    }


def _task_runs(task: Task, section: Any, seeds: list[int]) -> list[RunSpec]:
    plural_datasets, plural_models = GROUPS[task]
    section = _mapping(section, f"config.{task}")
    known = {"settings", "seeds", plural_datasets, plural_models, "analysis"}
    for key in section:
        if key not in known:
            raise UserError(f"config.{task}: unknown key {key!r}{did_you_mean(key, known)}")
    datasets = _named(section.get(plural_datasets), f"config.{task}.{plural_datasets}")
    models = _named(section.get(plural_models), f"config.{task}.{plural_models}")
    common = _mapping(section.get("settings"), f"config.{task}.settings")
    seeds = _seeds(section["seeds"], f"config.{task}.seeds") if "seeds" in section else seeds
    runs = []
    for dataset, of_dataset in datasets.items():
        where_dataset = f"config.{task}.{plural_datasets}.{dataset}"
        check_dataset(task, dataset, where_dataset)
        for model, settings in models.items():
            where = f"config.{task}.{plural_models}.{model}"
            of_model = {key: value for key, value in settings.items() if key != "seeds"}
            of_seeds = _seeds(settings["seeds"], f"{where}.seeds") if "seeds" in settings else seeds
            layers = [
                (common, f"config.{task}.settings"),
                (of_dataset, where_dataset),
                (of_model, where),
            ]
            for seed in of_seeds:
                runs.append(build_run(task, dataset, model, seed, layers, where))
    return runs


def check_dataset(task: Task, dataset: str, where: str) -> None:
    """Raise a UserError for a dataset that nobody knows."""
    if dataset in DATASETS[task]:
        return
    from dgmbench.data import known_datasets
    from dgmbench.data.files import PREFIX, corpus_files

    if dataset.startswith(PREFIX):
        corpus_files(dataset)
        return
    if ":" in dataset:
        load_factory(dataset)
        return

    names = known_datasets(task)
    if dataset not in names:
        raise UserError(f"{where}: unknown dataset{did_you_mean(dataset, names)}")


def build_run(
    task: Task, dataset: str, model: str, seed: int, layers: Sequence[tuple[Mapping[str, Any], str]], where: str
) -> RunSpec:
    """One run from layers of settings, each with the place it stands at; later layers win.

    Raises:
        UserError: see `read_plan`.
    """
    factory = ""
    for layer, place in layers:
        factory = layer.get("factory", factory)
        if not isinstance(factory, str):
            raise UserError(f"{place}.factory: {factory!r} is not module:Class")
    try:
        entry = find_entry(task, model, factory)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if entry.datasets and dataset not in entry.datasets:
        raise UserError(f"{where}: {model} is for {' and '.join(entry.datasets)} only, not {dataset}")
    settings: dict[str, Any] = dict(entry.settings)
    options: dict[str, Any] = {**entry.options, **entry.by_dataset.get(dataset, {})}
    explicit: dict[str, Any] = {}
    for layer, place in layers:
        values = {key: value for key, value in layer.items() if key not in ("options", "factory")}
        _check_embeddings(build_settings(task, values, place), place)
        settings |= values
        explicit |= _options(layer.get("options"), f"{place}.options")
    for name, value in entry.settings.items():
        if settings[name] != value:
            raise UserError(f"{where}: {model} has {name} {value} by definition, not {settings[name]}")
    own = model not in REGISTRY[task] or bool(factory)
    # the registry's own options need no check, which would import the model's libraries
    if own or explicit.keys() - options.keys():
        check_options(load_factory(entry.factory), explicit, f"{where}.options")
    factory = entry.factory if own else ""
    spec_settings = build_settings(task, settings, where)
    if getattr(spec_settings, "transductive", False) and not entry.transductive:
        able = ", ".join(name for name, found in REGISTRY[task].items() if found.transductive)
        raise UserError(f"{where}.transductive: only {able} can be fitted on the classified documents, not {model}")
    return RunSpec(task, dataset, model, seed, factory, spec_settings, {**options, **explicit})


def _check_embeddings(settings: DensitySettings | ClassificationSettings, where: str) -> None:
    if isinstance(settings, ClassificationSettings) and settings.embeddings not in EMBEDDINGS:
        name = settings.embeddings
        raise UserError(f"{where}.embeddings: unknown {name!r}{did_you_mean(name, EMBEDDINGS)}")


def _options(value: Any, where: str) -> dict[str, Any]:
    options = _mapping(value, where)
    for name, content in options.items():
        try:
            canonical_hash(content)
        except (TypeError, ValueError) as error:
            raise UserError(f"{where}.{name}: {content!r} is no text, number, list or mapping ({error})") from error
    return options


def json_schema() -> dict[str, Any]:
    """The JSON schema of a configuration, made from the settings' own checks (for editors and Snakemake)."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dgmbench configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "preset": {"type": "string", "description": "names results/<preset>"},
            "seeds": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
            "tracking": {"type": "boolean", "description": "show the results in MLflow"},
            "threads": {"type": "integer", "minimum": 1, "description": "CPU threads for one job"},
        },
    }
    for task in TASKS:
        settings = {f.name: _property(f) for f in dataclasses.fields(SETTINGS[task])}
        group: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": settings}
        one: dict[str, Any] = {
            **group,
            "properties": {**settings, "options": {"type": "object"}, "factory": {"type": "string"}},
        }
        with_seeds = {**one, "properties": {**one["properties"], "seeds": schema["properties"]["seeds"]}}
        datasets, models = GROUPS[task]
        schema["properties"][task] = {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "settings": group,
                "seeds": schema["properties"]["seeds"],
                datasets: _many(one),
                models: _many(with_seeds),
            },
        }
    sizes = {f.name: _property(f) for f in dataclasses.fields(AnalysisSettings)}
    analysis = {"type": "object", "additionalProperties": False, "properties": sizes}
    schema["properties"]["density"]["properties"]["analysis"] = analysis
    schema["properties"]["classification"]["properties"]["analysis"] = _topic_analysis_schema()
    return schema


def _topic_analysis_schema() -> dict[str, Any]:
    numbers = {"type": "array", "items": {"type": "integer", "minimum": 1}}
    properties: dict[str, Any] = {f.name: _property(f) for f in dataclasses.fields(TopicAnalysisSettings)}
    properties["models"] = {
        "description": "methods whose topics are judged",
        "type": "array",
        "items": {"type": "string"},
    }
    properties["topics"] = {
        "description": "numbers of topics by method, to draw F1 against; of topicvec for each class",
        "type": "object",
        "additionalProperties": {"oneOf": [numbers, {"const": False}]},
    }
    properties["documents"] = {
        "description": "place of the test document that is drawn, by corpus",
        "type": "object",
        "additionalProperties": {"type": "integer", "minimum": 0},
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _many(one: dict[str, Any]) -> dict[str, Any]:
    """The schema of names alone, or of names with settings."""
    return {
        "oneOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"oneOf": [one, {"const": False}, {"type": "null"}]}},
        ]
    }


def _property(f: dataclasses.Field[Any]) -> dict[str, Any]:
    kinds = {int: "integer", float: "number", str: "string", bool: "boolean"}
    rule: dict[str, Any] = {"type": kinds[type(f.default)], "description": f.metadata["about"], "default": f.default}
    for key, name in (("at_least", "minimum"), ("above", "exclusiveMinimum"), ("at_most", "maximum")):
        if f.metadata[key] is not None:
            rule[name] = f.metadata[key]
    if f.metadata["choices"]:
        rule["enum"] = list(f.metadata["choices"])
    return rule
