"""A change of code makes exactly the runs be done again whose numbers it can change.

Changes are made in a copy of the package; what is to be done again is what has another hash of its code.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dgmbench.run import fingerprint
from dgmbench.run.config import read_plan
from dgmbench.run.fingerprint import code_hash, executed
from dgmbench.run.rows import find_row
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec
from dgmbench.tasks import all_tasks, find_task

SOURCE = Path(fingerprint.__file__).parents[1]


@dataclass(frozen=True)
class Work:
    """A stage of a run."""

    spec: RunSpec
    stage: Stage

    @property
    def of_images(self) -> bool:
        return self.spec.task == "density"

    @property
    def trains(self) -> bool:
        return self.stage == "training"

    def __str__(self) -> str:
        return f"{self.spec.dataset} {self.spec.model} {self.stage}"


def every_work() -> list[Work]:
    """Both stages of every built-in row, on two datasets each where it has two."""
    density, documents = find_task("density"), find_task("classification")
    of_points = {name: None for name, row in density.rows.items() if name in POINT_ROWS}
    images = {name: None for name, row in density.rows.items() if not row.datasets and name not in POINT_ROWS}
    only_mnist = {name: None for name, row in density.rows.items() if row.datasets}
    configurations = [
        {"density": {"datasets": ["mnist", "ocr-letters"], "models": images}},
        {"density": {"datasets": ["mnist"], "models": only_mnist}},
        {"density": {"datasets": ["two-moons", "rings"], "models": of_points}},
        {"classification": {"corpora": ["20news", "reuters"], "methods": list(documents.rows)}},
    ]
    runs = [run for configuration in configurations for run in read_plan(configuration, all_tasks()).runs]
    stages: tuple[Stage, ...] = ("training", "evaluation")
    return [Work(run, stage) for run in runs for stage in stages]


POINT_ROWS = ("mixture-of-gaussians", "vae-1d")
MIXTURES = ("mixture-of-gaussians", "mixture-of-bernoullis")
WORK = every_work()
Affected = Callable[[Work], bool]


def everything(work: Work) -> bool:
    return True


def images(work: Work) -> bool:
    return work.of_images


def evaluated_images(work: Work) -> bool:
    return work.of_images and not work.trains


def documents(work: Work) -> bool:
    return not work.of_images


def classified_documents(work: Work) -> bool:
    return not work.of_images and not work.trains


def on(*datasets: str) -> Affected:
    return lambda work: work.spec.dataset in datasets


def rows(*models: str) -> Affected:
    return lambda work: work.spec.model in models


def of_class(name: str) -> Affected:
    """Both stages of the image models of a class: a trained model is built again to be evaluated."""
    return lambda work: work.of_images and find_row(find_task("density"), work.spec.model).factory.endswith(f":{name}")


@dataclass(frozen=True)
class Change:
    """A text of a module, another in its place, and what is to be done again."""

    module: str
    old: str
    new: str
    affects: Affected

    def __str__(self) -> str:
        return f"{self.module}: {self.old} -> {self.new}"


def either(*parts: Affected) -> Affected:
    return lambda work: any(part(work) for part in parts)


VAES, CNNS = of_class("VAE"), of_class("CNN")
NETWORKS = either(VAES, CNNS, of_class("VAE1D"), of_class("ZhuSuanVAE"))
BY_LDA = ("lda", "slda", "twe")
BY_GIBBS = (*BY_LDA, "lftm")
BY_SAMPLING = (*BY_GIBBS, "gaussian-lda")
BY_TOPICVEC = ("topicvec", "topicvec+mean-wv")
CHANGES = [
    # data: parsers, splits, cleaning
    Change("data/datasets/ocr_letters.py", "seed=12345", "seed=1", on("ocr-letters")),
    Change("data/datasets/ocr_letters.py", "uniform() * (i + 1)", "uniform() * i", on("ocr-letters")),
    Change("data/formats/idx.py", "offset=start", "offset=start + 1", on("mnist")),
    Change("data/formats/cachopo.py", "text.lower()", "text", documents),
    Change("data/datasets/reuters.py", "if d.label in kept]", "if d.label]", on("reuters")),
    Change("data/datasets/glove.py", "allow_pickle=False)", "allow_pickle=False)[::-1]", documents),
    Change("data/text.py", "if word not in stop]", "if word]", documents),
    Change("data/corpora.py", "np.diff(self.offsets)", "np.diff(self.offsets) + 1", documents),
    Change("data/load/images.py", "dataset.make(", "dataset.make.__call__(", images),
    # what a density run sees, and how it is built
    Change("tasks/density/images.py", "SEED = 2016", "SEED = 2017", images),
    Change("tasks/density/images.py", "labels, settings.test_limit)", "labels, 10)", images),
    Change("tasks/density/building.py", "manual_seed(spec.seed)", "manual_seed(0)", images),
    # how a class gets its options, its seed and its embeddings
    Change("run/rows.py", "if name in accepted", "if name == name", everything),
    Change("names.py", "p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD", "p.KEYWORD_ONLY", everything),
    # training
    Change("training/batch_norm.py", "update_bn(batches", "print(batches", images),
    Change("training/batches.py", "epoch_seed(self.seed, self.epoch)", "self.seed", images),
    Change("training/module.py", "self._seed + 1_000_003", "1_000_003", images),
    Change("training/optimiser.py", "settings.clip_value)", "1e9)", images),
    Change("training/fit.py", "max_epochs=settings.epochs", "max_epochs=1", images),
    # models
    Change("models/images/vae.py", "self.local_error * error - bound", "-bound", VAES),
    Change("models/images/zhusuan.py", "2 * self.log_scale(h)", "self.log_scale(h)", of_class("ZhuSuanVAE")),
    Change("models/images/cnn.py", "F.max_pool2d", "F.avg_pool2d", CNNS),
    Change("models/images/memory.py", "torch.sigmoid(scores)", "torch.tanh(scores)", either(VAES, CNNS)),
    Change("models/images/bounds.py", "math.log(log_w.shape[0])", "0", images),
    Change("models/images/distributions.py", "noise.square() - z.square()", "noise.square()", NETWORKS),
    Change("fast/images/fused_layers.py", "BLOCK = 1000", "BLOCK = 250", VAES),
    Change("fast/images/frozen.py", "ROWS = 500", "ROWS = 250", VAES),
    Change(
        "fast/special.py", "np.float32(-87)", "np.float32(-80)", either(VAES, rows("slda", *BY_TOPICVEC, "bayes-pa"))
    ),
    Change("fast/random.py", "0x9E3779B97F4A7C15", "0x9E3779B97F4A7C17", either(VAES, rows(*BY_SAMPLING, "bayes-pa"))),
    # what fits itself, and points
    Change("models/em.py", "bounds[-1] - bounds[-2]", "bounds[-1]", rows(*MIXTURES)),
    Change("models/images/mixture_of_bernoullis.py", "0.05 + 0.9", "0.1 + 0.8", rows("mixture-of-bernoullis")),
    Change("models/points/mixture_of_gaussians.py", "clamp_min(1e-12)", "clamp_min(1)", rows("mixture-of-gaussians")),
    Change("models/points/vae_1d.py", "RANGE = 10.0", "RANGE = 8.0", rows("vae-1d")),
    Change("data/datasets/rings.py", "NOISE = 0.1", "NOISE = 0.2", on("rings")),
    Change("data/points.py", ".round(6)", ".round(3)", images),
    # evaluation of density models
    Change("tasks/density/evaluation.py", "settings.k, seed", "1, seed", evaluated_images),
    Change("metrics/likelihood.py", "total - math.log(k)", "total", evaluated_images),
    # what a document method sees, and how it is fitted
    Change("tasks/classification/documents.py", "SEED = 2016", "SEED = 2017", documents),
    Change("tasks/classification/training.py", "data.train.labels)", "None)", documents),
    Change("tasks/classification/building.py", '"seed": spec.seed', '"seed": 0', documents),
    Change("tasks/classification/features.py", "_labels", "_marks", documents),
    Change("models/text/preparation.py", "rows >= 0", "rows > 0", documents),
    # document methods
    Change("models/text/bow.py", "corpus.counts.astype", "(corpus.counts > 0).astype", rows("bow")),
    Change("models/text/mean_wv.py", "/ corpus.lengths[:, None]", "/ 1", rows("mean-wv", "topicvec+mean-wv")),
    Change("run/checkpoint.py", "allow_pickle=False", "allow_pickle=True", either(documents, rows(*MIXTURES))),
    Change("models/text/epochs.py", "epoch + 1)", "epoch)", rows("doc2vec", "twe")),
    Change("models/text/doc2vec.py", "zlib.crc32", "zlib.adler32", rows("doc2vec", "twe")),
    Change("models/text/lda.py", "ALPHA_SUM = 5.0", "ALPHA_SUM = 50.0", rows(*BY_LDA)),
    Change("models/text/proportion_model.py", "np.sqrt(theta)", "theta", rows(*BY_SAMPLING)),
    Change("models/text/topicvec.py", "PASSES = 3", "PASSES = 1", rows(*BY_TOPICVEC)),
    Change("fast/text/gibbs_dense.py", "sizes[k]) + prior", "sizes[k])", rows(*BY_GIBBS)),
    Change("fast/text/warp.py", "PARTS = 16", "PARTS = 8", rows(*BY_LDA)),
    Change("fast/text/densities.py", "np.float32(1)", "np.float32(2)", rows("gaussian-lda")),
    Change("models/text/bayes_pa.py", "_KEPT = 10, 20", "_KEPT = 1, 2", rows("bayes-pa")),
    Change("fast/text/max_margin.py", "one / (N * N)", "one", rows("bayes-pa")),
    # evaluation of document methods
    Change("metrics/classification.py", "C=1.0", "C=10.0", classified_documents),
    Change("metrics/linear_svm.py", "range(40)", "range(4)", classified_documents),
    Change("tasks/classification/evaluation.py", "seed=job.spec.seed", "seed=0", classified_documents),
]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the package, from which the code is read."""
    copy = tmp_path_factory.mktemp("copy") / "dgmbench"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "_PACKAGE", copy)
        yield copy


@pytest.fixture(scope="module")
def before(package: Path) -> dict[str, str]:
    return hashes()


def hashes() -> dict[str, str]:
    """The code of every work, read anew."""
    for cached in (fingerprint.source_hash, fingerprint.module_path):
        cached.cache_clear()
    return {str(work): code_hash(find_task(work.spec.task), work.spec, work.stage) for work in WORK}


def changed(package: Path, before: dict[str, str], place: str, edit: Callable[[str], str]) -> set[str]:
    """What is done again once a file is edited, evaluations of what is trained again too; the file is put back."""
    path = package / place
    text = path.read_text(encoding="utf-8")
    edited = edit(text)
    assert edited != text, "nothing was changed"
    try:
        path.write_text(edited, encoding="utf-8")
        again = {work for work, found in hashes().items() if found != before[work]}
        return again | {work.replace(" training", " evaluation") for work in again}
    finally:
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_change_makes_exactly_the_affected_runs_again(change: Change, package: Path, before: dict[str, str]) -> None:
    assert (package / change.module).read_text(encoding="utf-8").count(change.old) >= 1, "the text is no longer there"
    found = changed(package, before, change.module, lambda text: text.replace(change.old, change.new))
    assert found == {str(work) for work in WORK if change.affects(work)}


def test_every_module_that_a_run_can_execute_is_followed_by_the_runs_that_import_it(
    package: Path, before: dict[str, str]
) -> None:
    """A constant more in each module in turn: never nothing, and never the other task where it does not import it."""
    reached = {str(work): set(closure_of(work)) for work in WORK}
    modules = sorted(set().union(*reached.values()))
    assert len(modules) >= 60
    for module in modules:
        path = fingerprint.module_path(module)
        assert path is not None
        found = changed(package, before, str(path.relative_to(package)), lambda text: f"{text}\nADDED = 1\n")
        importing = {work for work in reached if module in reached[work]}
        assert found == importing | {work.replace(" training", " evaluation") for work in importing}, module


def closure_of(work: Work) -> dict[str, str]:
    return executed(find_task(work.spec.task), work.spec, work.stage)


def test_what_only_type_checkers_read_is_not_followed() -> None:
    found = fingerprint.closure("dgmbench.models.images.layers")
    assert "dgmbench.models.images.layers" in found
    assert "dgmbench.models.images.some_samples" not in found  # the type of an argument there
    code = 'if typing.TYPE_CHECKING:\n    import a\nelse:\n    def f():\n        """Words."""\n        return 1'
    left = ast.unparse(fingerprint._Executed().visit(ast.parse(code)))
    assert "import a" not in left and "Words" not in left and "return 1" in left


@pytest.mark.parametrize(
    "place",
    [
        "cli.py",
        "commands/tabulate.py",
        "report/formats.py",
        "report/table.py",
        "report/mlflow_view.py",
        "tasks/density/table.py",
        "tasks/density/task.py",
        "tasks/density/rows.py",
        "tasks/density/check.py",
        "tasks/density/analysis/analyse.py",
        "tasks/classification/table.py",
        "tasks/classification/rows.py",
        "tasks/classification/analysis/analyse.py",
        "metrics/differences.py",
        "metrics/imputation.py",
        "data/download/transfer.py",
        "run/workspace.py",
        "run/provenance.py",
        "run/progress.py",
        "run/journal.py",
        "training/epoch_logger.py",
        "commands/follow.py",
    ],
)
def test_tables_records_and_the_command_line_make_nothing_again(
    place: str, package: Path, before: dict[str, str]
) -> None:
    assert changed(package, before, place, lambda text: f"{text}\nADDED = 1\n") == set()


def test_words_about_the_code_make_nothing_again(package: Path, before: dict[str, str]) -> None:
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            continue
        (path).write_text(reworded(text), encoding="utf-8")
    try:
        assert {work for work, found in hashes().items() if found != before[work]} == set()
    finally:
        for path in SOURCE.rglob("*.py"):
            shutil.copy(path, package / path.relative_to(SOURCE))


def reworded(text: str) -> str:
    """The same code under other comments and docstrings, laid out in another way."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            match node.body[0]:
                case ast.Expr(ast.Constant(str())):
                    node.body[0] = ast.Expr(ast.Constant("Other words."))
    return "# said otherwise\n" + ast.unparse(tree) + "\n"


def test_another_default_is_another_run() -> None:
    """A default is no part of a run's name; it is one of its fingerprint."""
    spec = next(work.spec for work in WORK if work.spec.model == "vae")
    task = find_task("density")
    name, before = spec.run_id, fingerprint.fingerprint(task, spec, "training", {})
    field = type(spec.settings).model_fields["adam_eps"]
    default, field.default = field.default, 0.5
    try:
        changed = spec.settings.model_copy(update={"adam_eps": 0.5})
        other = RunSpec(spec.task, spec.dataset, spec.model, changed, spec.seed, spec.factory, spec.options)
        assert other.run_id == name
        assert fingerprint.fingerprint(task, other, "training", {}) != before
    finally:
        field.default = default


EXECUTED = """
import json, sys
from pathlib import Path
from dgmbench.commands.arguments import parse_run
from dgmbench.run import stages
from dgmbench.run.workspace import Workspace
from dgmbench.tasks import find_task
stage, task, dataset, model, settings, options, folder = json.loads(sys.argv[1])
spec = parse_run(task, dataset, model, 0, "", settings, options)
before = set(sys.modules)
{"training": stages.train, "evaluation": stages.evaluate}[stage](find_task(task), spec, Workspace(Path(folder)))
print(json.dumps(sorted(set(sys.modules) - before)))
"""
TINY = ["epochs=1", "train_limit=200", "test_limit=5", "k=3", "batch_size=50"]
FEW = ["train_limit=300", "test_limit=50", "embeddings=glove-50d"]


@pytest.mark.network
@pytest.mark.parametrize(
    ("task", "dataset", "model", "settings", "options"),
    [
        ("density", "ocr-letters", "mem-vae", TINY, ["hidden=[8,8]", "latent=2"]),
        ("classification", "reuters", "slda", FEW, ["n_topics=5"]),
        ("classification", "reuters", "topicvec+mean-wv", FEW, ["n_topics_per_class=2"]),
    ],
)
def test_what_a_run_really_imports_is_followed(
    task: str, dataset: str, model: str, settings: list[str], options: list[str], tmp_path: Path
) -> None:
    """Modules that are loaded while a stage works, by whatever road, are in its fingerprint or record alone."""
    for work in WORK:
        if (work.spec.task, work.spec.dataset, work.spec.model) != (task, dataset, model):
            continue
        words = json.dumps([work.stage, task, dataset, model, settings, options, str(tmp_path)])
        done = subprocess.run([sys.executable, "-c", EXECUTED, words], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        loaded = {name for name in json.loads(done.stdout.splitlines()[-1]) if name.startswith("dgmbench.")}
        loaded -= {cls.__module__ for cls in type(work.spec.settings).__mro__}
        empty = {
            name
            for name in loaded
            if not (SOURCE / name.partition(".")[2].replace(".", "/")).with_suffix(".py").is_file()
        }
        missed = {name for name in loaded - set(closure_of(work)) - empty if not fingerprint._is_recording(name)}
        assert missed == set(), work


def test_a_change_of_the_tokenizer_is_other_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a.csv").write_text("text,label\na cat,x\n", encoding="utf-8")
    name, found = "file:a.csv?tokenizer=my_tokens:cut", []
    for code in ("from my_rules import cut\n", "from my_rules import cut  # a comment\n"):
        for rule in ("str.split", "list"):
            (tmp_path / "my_tokens.py").write_text(code, encoding="utf-8")
            (tmp_path / "my_rules.py").write_text(f"cut = {rule}\n", encoding="utf-8")
            fingerprint.source_hash.cache_clear()
            fingerprint.module_path.cache_clear()
            found.append(fingerprint.data_hash((name,)))
    assert found[0] == found[2] != found[1] == found[3]
