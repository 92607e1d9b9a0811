"""What a finished piece of work depends on: specification, data, and the code that was executed.

The code is found by following imports, from the function that a stage calls, the class behind the row, and the modules
of the datasets. Every module of this package that is reached counts, and every module of a user-defined model or task
that lies beside it; what only records, watches or draws does not (`RECORDING`). Comments, docstrings and layout never
count.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dgmbench.data.catalogue import code_of, identity
from dgmbench.data.load.checksums import loaded_apart
from dgmbench.run.needs import needed
from dgmbench.run.rows import find_row
from dgmbench.run.settings import Stage
from dgmbench.run.spec import RunSpec, canonical_hash
from dgmbench.run.task import Task

_PACKAGE = Path(__file__).parents[1]
# Modules whose code cannot change a number: they name, write, time and watch. What passes through them, the
# specification and the data, is in the fingerprint itself.
RECORDING = (
    "dgmbench.errors",
    "dgmbench.files",
    "dgmbench.report",
    *(f"dgmbench.run.{name}" for name in ("config", "config_files", "devices", "fingerprint", "plan", "products")),
    *(f"dgmbench.run.{name}" for name in ("provenance", "records", "schema", "settings", "spec", "stages", "task")),
    "dgmbench.run.progress",
    "dgmbench.run.workspace",
    "dgmbench.training.epoch_logger",
    "dgmbench.data.download",
    "dgmbench.data.catalogue",
    "dgmbench.data.user_data",
    "dgmbench.data.user_files",
    "dgmbench.data.user_vectors",
    "dgmbench.fast.places",
)


def fingerprint(task: Task, spec: RunSpec, stage: Stage, checksums: Mapping[str, str]) -> str:
    """Of a stage's specification, the arrays that it reads, and its code."""
    every: dict[str, Any] = spec.to_dict()["settings"]
    # defaults, too: another default is another run
    settings = {n: v for n, v in every.items() if stage in ("evaluation", spec.settings.stage_of(n))}
    depends_on = {
        "spec": spec.canonical(stage) | {"settings": settings},
        # the parsed arrays decide, not the archive they came in
        "data": {name: value for name, value in checksums.items() if name.startswith("array:")},
        "code": code_hash(task, spec, stage),
    }
    return canonical_hash(depends_on)


def code_hash(task: Task, spec: RunSpec, stage: Stage) -> str:
    """A hash of the code that a stage of a run executes: changed code means that the work is done again."""
    modules, declared = _roots(task, spec, stage)
    return source_hash(*modules, without=declared)


def executed(task: Task, spec: RunSpec, stage: Stage) -> dict[str, str]:
    """The modules that a stage of a run executes, see `closure`."""
    modules, declared = _roots(task, spec, stage)
    return closure(*modules, without=declared)


def _roots(task: Task, spec: RunSpec, stage: Stage) -> tuple[list[str], frozenset[str]]:
    """Where the search for the code begins, and what it leaves out."""
    factory = find_row(task, spec.model, spec.factory).factory
    of_data = {module for name in task.reads(spec) for module in code_of(name)}
    roots = {task.train if stage == "training" else task.evaluate, factory, *of_data}
    # what was trained is in the fingerprint by its own; here is what loads it and what it is an object of
    for other in needed(task, spec, stage):
        roots |= {other.task.load, find_row(other.task, other.spec.model, other.spec.factory).factory}
    modules = {root.partition(":")[0] for root in roots if root}
    # the values of settings are in the specification: where they are declared is not code that a run executes
    declared = frozenset(cls.__module__ for cls in type(spec.settings).__mro__)
    return sorted(modules), declared - modules


def data_hash(names: tuple[str, ...]) -> str:
    """A hash of what datasets are, without fetching them: known when a workflow is planned.

    A user's function is called, see `loaded_apart`: what it reads is not known otherwise.
    """
    found = {}
    for name in names:
        found[name] = [identity(name), source_hash(*code_of(name)), *filter(None, [loaded_apart(name)])]
    return canonical_hash(found)


@lru_cache(maxsize=1024)
def source_hash(*modules: str, without: frozenset[str] = frozenset()) -> str:
    """A hash of these modules and of all that they import of this package or of the user's."""
    return hashlib.sha256(repr(sorted(closure(*modules, without=without).items())).encode()).hexdigest()[:12]


def package_hash(*names: str) -> str:
    """A hash of files and folders of this package, templates and tables included, by their names within it."""
    digest = hashlib.sha256()
    for name in names:
        path = _PACKAGE / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(_PACKAGE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def closure(*modules: str, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """A hash of each reached module by name; comments, docstrings and layout do not count.

    Besides this package, the packages of the given modules are followed, and the modules in the folders where these
    lie. An installed package is not followed: what its distribution recorded of its files stands for it.
    """
    families = {_top(name) for name in modules} | {_PACKAGE.name}
    installed = {name for name in families if _is_installed(name)}
    folders = {path.parent for path in map(module_path, families - installed) if path}
    waiting, found = list(modules), {name: _recorded(name) for name in installed}
    seen = set(modules)  # most modules are imported by many others
    while waiting:
        name = waiting.pop()
        if name in without or (_is_recording(name) and name not in modules):
            continue
        top = _top(name)
        if top in installed or not (top in families or _lies_in(folders, top)):
            continue
        read = _read(name)
        if read is not None:
            found[name], imported = read
            waiting += set(imported) - seen
            seen.update(imported)
    return found


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_installed(name: str) -> bool:
    """Whether a package lies where everything that is installed does; our own is always followed."""
    path = module_path(name)
    return name != _PACKAGE.name and path is not None and not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


@lru_cache(maxsize=64)
def _recorded(name: str) -> str:
    """A hash of the checksums of a distribution's files, as the installer recorded them."""
    distributions = importlib.metadata.packages_distributions().get(name, [])
    records = [importlib.metadata.distribution(d).read_text("RECORD") or d for d in sorted(set(distributions))]
    return hashlib.sha256("".join(records).encode()).hexdigest()


def _lies_in(folders: set[Path], name: str) -> bool:
    """Whether a module, or a package, lies in one of these folders."""
    path = module_path(name)
    return path is not None and bool({path.parent, path.parent.parent} & folders)


@lru_cache(maxsize=8192)
def _is_recording(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in RECORDING)


def _read(module: str) -> tuple[str, tuple[str, ...]] | None:
    """A hash of a module's code and the names that it imports, some of which may be no modules; None if it is none."""
    path = module_path(module)
    if path is None:
        return None
    state = path.stat()
    return _parsed(module, path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4096)
def _parsed(module: str, path: Path, *state: int) -> tuple[str, tuple[str, ...]]:
    """See `_read`; ``state`` tells whether the file has changed since."""
    tree = _Executed().visit(ast.parse(path.read_text(encoding="utf-8")))
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return digest, tuple(_imports(tree, module, path.name == "__init__.py"))


def _imports(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            origin = ".".join(filter(None, [base, node.module])) if node.level else node.module or ""
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


@lru_cache(maxsize=8192)
def module_path(module: str) -> Path | None:
    """The file of a module, without importing it where it is our own."""
    if module == _PACKAGE.name or module.startswith(f"{_PACKAGE.name}."):
        path = _PACKAGE.joinpath(*module.split(".")[1:])
        return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


class _Executed(ast.NodeTransformer):
    """Leaves what is executed: no docstrings, and nothing that only type checkers read."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(ast.Constant(str())), *rest]:
                    node.body = rest
        return super().visit(node)

    def visit_If(self, node: ast.If) -> Any:
        match node.test:
            case ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                node.body = [ast.Pass()]
        return self.generic_visit(node)
