"""The structure: layers, no circles, no task's names in the core, files of a readable length."""

from __future__ import annotations

import ast
import importlib
import re
import statistics
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from dgmbench.data.catalogue import known_datasets
from dgmbench.tasks import all_tasks

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src" / "dgmbench"
# where names of tasks, rows and datasets belong
NAMED_IN = ("tasks", "models", "data/datasets")
# rows whose name is a word that messages need anyway
ORDINARY_WORDS = {"pixels", "classifier"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """All imports, those inside functions too; what is imported for type checkers alone is left out."""
    return grimp.build_graph("dgmbench", exclude_type_checking_imports=True, cache_dir=None)


PROGRAMS = [
    path
    for folder in ("benchmarks", "examples", "docs", "workflow")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
    if path.is_file()
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_programs_beside_the_package_import_from_it_is_there(program: Path) -> None:
    """No test runs most of them; they would only fail when somebody needs them."""
    for node in ast.walk(ast.parse(program.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dgmbench"):
            module = importlib.import_module(str(node.module))
            for name in node.names:
                assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}")


def test_imports_go_down_layer_by_layer() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=120)
    assert done.returncode == 0, done.stdout


def test_there_is_no_circle_of_imports(graph: grimp.ImportGraph) -> None:
    circles = []
    for module in sorted(graph.modules):
        below = graph.find_downstream_modules(module)
        circles += [(module, other) for other in graph.find_modules_directly_imported_by(module) if other in below]
    assert circles == []


def test_the_core_names_no_task_row_or_dataset() -> None:
    """No string in the code of the core, docstrings apart, is or holds such a name."""
    names = {*all_tasks(), *(row for task in all_tasks().values() for row in task.rows)}
    names |= {name for kind in ("images", "corpus", "embeddings", "points") for name in known_datasets(kind)}
    names -= ORDINARY_WORDS
    pattern = re.compile(
        r"(?<![\w-])(" + "|".join(map(re.escape, sorted(names, key=len, reverse=True))) + r")(?![\w-])"
    )
    prefixes = re.compile(r"^(mem|iwae|cnn)-|^topicvec")
    found = []
    for path in modules():
        place = path.relative_to(SOURCE).as_posix()
        if place.startswith(NAMED_IN) or place == "__init__.py":  # the public names, by the modules they come from
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {
            ast.get_docstring(n, clean=False)
            for n in ast.walk(tree)
            if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)
        }
        for node in ast.walk(tree):
            match node:
                case ast.Constant(str(text)) if text not in docstrings:
                    if pattern.search(text) or prefixes.search(text):
                        found.append(f"{place}:{node.lineno}: {text!r}")
    for path in sorted([REPOSITORY / "Snakefile", *(REPOSITORY / "workflow/rules").glob("*.smk")]):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code = line.partition("#")[0]
            if pattern.search(code):
                found.append(f"{path.name}:{number}: {line.strip()!r}")
    assert found == []


@pytest.mark.parametrize("stage", ["training", "evaluation"])
def test_a_stage_loads_lightning_only_to_train_by_it(stage: str) -> None:
    """It takes as long to load as everything else together, and each stage of a run is a process of its own."""
    stages = [f"dgmbench.tasks.{path.parent.name}.{stage}" for path in SOURCE.glob(f"tasks/*/{stage}.py")]
    assert len(stages) > 3
    code = f"import sys, {', '.join(stages)}; sys.exit('lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


def test_the_map_is_up_to_date() -> None:
    command = [sys.executable, str(REPOSITORY / "docs/architecture.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_files_are_of_a_readable_length() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules() if path.stat().st_size}
    assert max(lengths.values()) <= 400, max(lengths, key=lambda path: lengths[path])
    assert statistics.median(lengths.values()) <= 130
    assert len((REPOSITORY / "Snakefile").read_text().splitlines()) <= 60
    assert len((REPOSITORY / "workflow/rules/common.smk").read_text().splitlines()) <= 130


def test_every_dependency_is_imported() -> None:
    """What is installed for everybody is used. A package whose modules have another name stands here with it."""
    import tomllib

    modules_of = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn", "snakemake": None}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in modules())
    for line in project["dependencies"]:
        name = re.split(r"[^\w-]", line, maxsplit=1)[0]
        module = modules_of.get(name, name.replace("-", "_"))
        assert module is None or re.search(rf"^\s*(from|import) {module}\b", text, flags=re.MULTILINE), name


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("dgmbench.data", ["load_images", "load_corpus", "load_embeddings"]),
        ("dgmbench.data.corpora", ["Corpus"]),
        ("dgmbench.evaluation.likelihood", ["log_likelihood"]),
        ("dgmbench.evaluation.topics", ["left_to_right", "document_completion"]),
        ("dgmbench.evaluation.classification", ["classify"]),
        ("dgmbench.models.density.bounds", ["iwae_bound"]),
        ("dgmbench.models.topics", ["LDA", "TopicVec", "SLDA", "LFTM", "GaussianLDA", "TWE", "Doc2Vec", "BagOfWords"]),
    ],
)
def test_earlier_import_paths_go_on_working(module: str, names: list[str]) -> None:
    import importlib

    for name in names:
        assert getattr(importlib.import_module(module), name) is not None


def test_the_flat_interface_has_every_name_that_it_lists() -> None:
    import dgmbench

    for name in dgmbench.__all__:
        assert getattr(dgmbench, name) is not None
    with pytest.raises(AttributeError):
        dgmbench.no_such_name  # noqa: B018
