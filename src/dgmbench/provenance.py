"""Where a number comes from: code, libraries, machine, time and memory."""

from __future__ import annotations

import ast
import copy
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import resource
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from dgmbench import __version__
from dgmbench.spec import Task, canonical_hash

_PACKAGE = Path(__file__).parent
# Where the search for a stage's code begins, beside the model's own module.
_ROOTS: dict[tuple[Task, str], tuple[str, ...]] = {
    ("density", "training"): ("dgmbench.models.density.training", "dgmbench.stages.images"),
    ("density", "evaluation"): ("dgmbench.evaluation.likelihood", "dgmbench.stages.images"),
    ("classification", "training"): ("dgmbench.stages.documents", "dgmbench.data.text"),
    ("classification", "evaluation"): ("dgmbench.evaluation.classification",),
}
_FOLLOWED = ("dgmbench.models.", "dgmbench.evaluation.", "dgmbench.data.text", "dgmbench.data.corpora")
_LIBRARIES: dict[Task, tuple[str, ...]] = {
    "density": ("numpy", "torch", "lightning"),
    "classification": ("numpy", "scipy", "scikit-learn", "numba", "gensim", "tomotopy"),
}


@lru_cache(maxsize=256)
def source_hash(task: Task, stage: str, factory: str) -> str:
    """A hash of the code that a stage runs: changed code means that the work is done again.

    It covers the model's module (``factory`` is ``module:Class``) and what it imports of this package, so that a
    change in one method leaves the others alone. Comments, docstrings and layout do not count.
    """
    waiting = list(_ROOTS[task, stage])
    if stage == "training":
        waiting.append(factory.partition(":")[0])
    found: dict[str, str] = {}
    while waiting:
        module = waiting.pop()
        path = _module_path(module)
        if module in found or path is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found[module] = ast.dump(_without_docstrings(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                waiting += [name for name in names if name.startswith(_FOLLOWED)]
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:12]


def package_hash(*names: str) -> str:
    """A hash of files and folders of this package, templates and tables included, by their names within it."""
    digest = hashlib.sha256()
    for name in names:
        path = _PACKAGE / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(_PACKAGE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def data_hash(name: str) -> str:
    """A hash of what a dataset is, without fetching it: its pinned checksums; the files or code of one's own."""
    from dgmbench.data.catalogue import CATALOGUE
    from dgmbench.data.files import PREFIX, corpus_files
    from dgmbench.data.own import entry_points

    if name in CATALOGUE:
        return canonical_hash(dict(CATALOGUE[name].sha256))
    if name.startswith(PREFIX):
        files = corpus_files(name)
    else:
        path = _module_path(entry_points().get(name, name).partition(":")[0])
        files = [path] if path else []
    return canonical_hash([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])


def _module_path(module: str) -> Path | None:
    """The file of a module, without importing it where it is our own."""
    if module.startswith("dgmbench."):
        path = _PACKAGE.joinpath(*module.split(".")[1:])
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
        return None
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    spec = importlib.util.find_spec(module)
    return Path(spec.origin) if spec is not None and spec.origin else None


def _without_docstrings(tree: ast.Module) -> ast.Module:
    tree = copy.deepcopy(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return tree


def code() -> dict[str, Any]:
    """Version of the package and, in a checkout, its commit and whether tracked files differ from it."""
    return {"version": __version__, **_git()}


@lru_cache(maxsize=1)
def _git() -> dict[str, Any]:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(_PACKAGE), *arguments], capture_output=True, text=True, timeout=20)
        if done.returncode:
            raise OSError(done.stderr.strip())
        return done.stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def libraries(task: Task) -> dict[str, str]:
    """Versions of Python and of the libraries that decide the numbers."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES[task]:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def host() -> dict[str, Any]:
    """The machine: system, processor, cores. Its name is left out on purpose."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def peak_memory_mb() -> float:
    """The largest resident size of this process so far, or of a larger one that it has waited for, in MiB."""
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def cpu_seconds() -> float:
    """Processor time so far of this process and those that it has waited for, imports included, in seconds."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 3)
