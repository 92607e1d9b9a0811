"""Where a number comes from: code, libraries, machine, time and memory."""

from __future__ import annotations

import ast
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
from dgmbench.spec import Task

_PACKAGE = Path(__file__).parent
_TRAINING_SOURCES: dict[Task, tuple[str, ...]] = {
    "density": ("models/density", "data/images.py"),
    "classification": ("models/topics", "data/corpora.py", "data/text.py", "data/embeddings.py"),
}
_EVALUATION_SOURCES: dict[Task, tuple[str, ...]] = {
    "density": ("evaluation/likelihood.py",),
    "classification": ("evaluation/classification.py",),
}
_LIBRARIES: dict[Task, tuple[str, ...]] = {
    "density": ("numpy", "torch", "lightning"),
    "classification": ("numpy", "scipy", "scikit-learn", "numba", "gensim", "tomotopy"),
}


@lru_cache(maxsize=256)
def source_hash(task: Task, stage: str, factory: str = "") -> str:
    """A hash of the code that a stage runs: changed code means that the work is done again.

    Comments, docstrings and layout do not count. ``factory`` adds the module of a model of one's own.
    """
    names = _TRAINING_SOURCES[task] if stage == "training" else _EVALUATION_SOURCES[task]
    files: list[Path] = []
    for name in names:
        path = _PACKAGE / name
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.is_file() else []
    if factory:
        spec = importlib.util.find_spec(factory.partition(":")[0])
        if spec is not None and spec.origin:
            files.append(Path(spec.origin))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + _without_docstrings(path).encode() + b"\0")
    return digest.hexdigest()[:12]


def _without_docstrings(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                node.body = node.body[1:]
    return ast.dump(tree)


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
    """The largest resident size of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def cpu_seconds() -> float:
    """Processor time of this process so far, start-up and imports included, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round(usage.ru_utime + usage.ru_stime, 3)
