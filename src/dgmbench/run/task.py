"""What a task is: all that the core must know of what is compared with what.

The core reads configurations, plans and starts runs, keeps records, and makes tables. Everything that only one task
needs comes from its `Task`: its settings, datasets and rows, how a run is trained, evaluated and checked, its table.
Functions that need heavy libraries are named by ``module:function`` and imported when they are called; the same names
are where the search for the code that a run executes begins (`dgmbench.run.fingerprint`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dgmbench.names import load_object
from dgmbench.run.settings import Settings, Stage
from dgmbench.run.spec import RunSpec

if TYPE_CHECKING:
    import numpy as np

Outcome = Literal["ok", "diverged"]


@dataclass(frozen=True)
class Source:
    """A row of another task whose trained model is taken; by the task's address, so that no task imports another.

    Attributes:
        task: ``module:object``, a `Task` that has a ``load``.
        row: the row's name there.
    """

    task: str
    row: str


@dataclass(frozen=True)
class Row:
    """A row of a task's table: a model by its name. A task may derive a class from it, with further fields.

    Attributes:
        factory: ``module:Class``.
        about: one line: what it is and whose.
        options: keyword arguments of the class that make this row.
        settings: settings that belong to the name.
        by_dataset: further options that depend on the dataset.
        datasets: the only datasets that it is made for; empty for any.
        variant_of: the row that it adds something to; both have one colour in figures.
        compared_with: the rows that its value is compared with, example by example, under the table; one of a user is
            compared with every other.
        needs: what it takes beside the training data, in words for ``dgmbench list``.
        labels: whether it learns from labels, which some corpora do not have.
        deterministic: whether every seed gives the same, so that one seed tells all that several would.
        takes: the trained model of another task that it is made from, on the same dataset with the same seed.
        reference: whether it is a bound for the others and no model: it is never the best one.
        in_table: whether a configuration can ask for it; else it is what several runs of the task need trained.
    """

    factory: str
    about: str
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    by_dataset: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    variant_of: str = ""
    compared_with: tuple[str, ...] = ()
    needs: str = ""
    labels: bool = False
    deterministic: bool = False
    takes: Source | None = None
    reference: bool = False
    in_table: bool = True


@dataclass(frozen=True)
class Trained:
    """What another run's training left, which a stage of this run reads.

    Attributes:
        task: that it is of.
        spec, row: the other run.
        folder: where its products lie.
        record: its ``training.json``.
    """

    task: Task
    spec: RunSpec
    row: Row
    folder: Path
    record: Mapping[str, Any]

    def model(self) -> Any:
        """The trained model, as its task loads it."""
        return load_object(self.task.load)(self.spec, self.row, self.folder)


@dataclass(frozen=True)
class Job:
    """One stage of a run at work.

    Attributes:
        spec: the run.
        row: its row.
        folder: where the training leaves its products, and where the evaluation finds them.
        state: where a training keeps what resumes it.
        fingerprint: of specification, data and code: a state saved under another one is not resumed.
        gpus: GPUs to use; 0 is the CPU.
        threads: CPU threads.
        before: the trained runs of `dgmbench.run.needs.needed`, in its order.
    """

    spec: RunSpec
    row: Row
    folder: Path
    state: Path
    fingerprint: str
    gpus: int = 0
    threads: int = 1
    before: Sequence[Trained] = ()


@dataclass(frozen=True)
class Training:
    """What a training has to say beside the products that it left.

    Attributes:
        status: ``diverged`` where it stopped being finite; what is evaluated then is the last good state.
        record: what ``training.json`` notes, in plain values.
    """

    record: Mapping[str, Any]
    status: Outcome = "ok"


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation measured.

    Attributes:
        metrics: by name, numbers in the task's units and words about them.
        seconds: that the measuring itself took.
        per_example: arrays for ``per_example.npz``, one value an example in the metric's unit, so that their mean is
            the metric; intervals are computed from them.
        status: None for that of the training.
        details: further parts of ``run.json``. ``doubts`` among them are lines that say which numbers cannot be right:
            ``dgmbench check`` finds them.
    """

    metrics: Mapping[str, Any]
    seconds: float
    per_example: Mapping[str, np.ndarray] = field(default_factory=dict)
    status: Outcome | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Analysis:
    """An analysis of what was trained, apart from the table.

    Attributes:
        about: one line.
        settings: its part of the configuration, ``<task>.analysis``.
        run: ``module:function`` of (plan, workspace, gpus, threads), which writes tables and figures.
        runs: (the table's runs, the analysis' settings) → the runs that must be done before, by stage; some may be no
            part of the table. Raises a UserError for settings that do not go with the runs.
        gpus: that it can use.
        shown: ``module:function``, (plan, workspace) → what the report shows of it, in order: each a
            `dgmbench.report.sheet.Figure` with its caption, or a `Grid`; of what is on disk alone.
    """

    about: str
    settings: type[Settings]
    run: str
    runs: Callable[[Sequence[RunSpec], Any], Mapping[Stage, Sequence[RunSpec]]]
    gpus: int = 0
    shown: str = ""


def _its_dataset(spec: RunSpec) -> tuple[str, ...]:
    return (spec.dataset,)


def _no_runs(spec: RunSpec) -> tuple[RunSpec, ...]:
    return ()


def _no_gpu(spec: RunSpec) -> int:
    return 0


def _alike(spec: RunSpec) -> float:
    return 1.0


def _nothing(spec: RunSpec) -> float:
    return 0.0


@dataclass(frozen=True)
class Places:
    """Where a run stands in the configuration, for messages; as text the place of its row.

    Attributes:
        row: of the run.
        settings: of those that a configuration sets, by name, the places where they are set.
    """

    row: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def of(self, setting: str) -> str:
        """Where a setting stands, or would stand."""
        return f"{self.settings.get(setting, self.row)}.{setting}"

    def __str__(self) -> str:
        return self.row


def _no_rule(spec: RunSpec, row: Row, places: Places) -> None:
    return None


@dataclass(frozen=True)
class Task:
    """What is compared with what.

    Attributes:
        name: of its section of the configuration, its table and its commands.
        title: heading of its table.
        about: one line.
        package: where its ``published.csv`` lies, if it has one: a column for dataset and row each, named as the task
            names them, a column a metric, and ``source``.
        kind: of its datasets: ``images``, ``corpus`` or ``points``; of several the first is that of users' files.
        settings: of a run. ``train_limit``, ``test_limit`` and ``split``, where a task has them, tell the table that a
            part of the data was used.
        rows: by name, in the order of the table.
        train: ``module:function``, (job) → `Training`; writes its products into ``job.folder``.
        evaluate: ``module:function``, (job, training record) → `Evaluation`.
        check: ``module:function``, (spec, row) → lines that say what keeps a user-defined model from fitting.
        trial: ``module:function``, (spec) → the same run so small that ``dgmbench check`` tries it; none without it.
        table: ``module:object``, a `dgmbench.report.table.Table`; a `MetricTable` needs no more than a list of metrics.
        analysis: of what was trained, if it has one.
        judged_by: the runs, of rows that are not in the table, that must be trained before a run is evaluated.
        load: ``module:function``, (spec, row, folder of the products) → the trained model, for runs that take it.
        row_type: the class of a row, also of a user-defined one.
        dataset_word, datasets_word, row_word, rows_word: what its configuration and its table call them.
        examples: what a dataset consists of, in words: "trained on 1,000 images".
        labels: whether every row needs the labels of the data.
        reads: the datasets that a run reads, its own first.
        offers: keyword arguments that it gives to a class that takes them; no option of a configuration may have
            these names.
        devices: GPUs that a training asks for.
        cost: of a training, up to a factor: the longest starts first, and times are estimated from those of others.
        evaluation_cost: of an evaluation, likewise.
        rule: raises a UserError for settings and a row that do not go together; (spec, row, `Places`).
        libraries: whose versions the numbers depend on; a task of another package names its own distribution, too.
        memory_mb: that a job needs, at most, beside its data.
        data_mb: what the data of a run needs, where it is a large part; in MB as well.
        numbers: what the numbers of its records and curves are, with their units, beside the metrics of its table.
    """

    name: str
    title: str
    about: str
    package: str
    kind: str | tuple[str, ...]
    settings: type[Settings]
    rows: Mapping[str, Row]
    train: str
    evaluate: str
    check: str
    table: str
    trial: str = ""
    analysis: Analysis | None = None
    judged_by: Callable[[RunSpec], tuple[RunSpec, ...]] = _no_runs
    load: str = ""
    row_type: type[Row] = Row
    dataset_word: str = "dataset"
    datasets_word: str = "datasets"
    row_word: str = "model"
    rows_word: str = "models"
    examples: str = "images"
    labels: bool = False
    reads: Callable[[RunSpec], tuple[str, ...]] = _its_dataset
    offers: tuple[str, ...] = ()
    devices: Callable[[RunSpec], int] = _no_gpu
    cost: Callable[[RunSpec], float] = _alike
    evaluation_cost: Callable[[RunSpec], float] = _alike
    rule: Callable[[RunSpec, Any, Places], None] = _no_rule
    libraries: tuple[str, ...] = ("numpy",)
    memory_mb: int = 2500
    data_mb: Callable[[RunSpec], float] = _nothing
    numbers: Mapping[str, str] = field(default_factory=dict)

    @property
    def table_rows(self) -> dict[str, Row]:
        """The rows that a configuration can ask for."""
        return {name: row for name, row in self.rows.items() if row.in_table}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its datasets."""
        return (self.kind,) if isinstance(self.kind, str) else self.kind
