"""What this machine has, what is missing, and which data sources answer."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from rich.console import Console
from rich.text import Text

from dgmbench.commands import places
from dgmbench.commands import plan as plans
from dgmbench.commands.fetch import probe_sources
from dgmbench.commands.places import Finding
from dgmbench.data.catalogue import CATALOGUE
from dgmbench.data.download.store import is_cached
from dgmbench.errors import counted
from dgmbench.run import provenance
from dgmbench.run.checkout import DEFAULT
from dgmbench.run.devices import list_gpus, visible_gpus
from dgmbench.version import __version__

VERSIONS_SHOWN = ("torch", "lightning", "snakemake", "mlflow", "numpy", "scikit-learn", "numba", "gensim")
MEMORY_GB = 4  # what no job of the default preset exceeds
DISK_GB = 2  # the cache and the results of the default preset


def examine() -> bool:
    """Print a report; tells whether everything needed is there."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    with ThreadPoolExecutor(1) as pool:
        probing = pool.submit(probe_sources)  # waits for the network meanwhile
        findings = [*_machine(), *_packages()]
        findings += [*_data(probing.result()), *places.examined()]
    width = 1 + max(len(finding.about) for finding in findings)
    for finding in findings:
        mark, style = ("ok", "green") if finding.good else ("missing", "red") if finding.needed else ("note", "yellow")
        console.print(Text.assemble((f"{mark:8}", style), f"{finding.about:{width}}", finding.text))
    lacking = [finding for finding in findings if finding.needed and not finding.good]
    number = counted(len(lacking), "thing is", "things are")
    console.print(f"\n{number} missing" if lacking else "\nready: snakemake --cores all")
    return not lacking


def _machine() -> Iterator[Finding]:
    host = provenance.host()
    yield Finding("dgmbench", f"{__version__}, Python {sys.version.split()[0]}, {host['system']} {host['machine']}")
    yield Finding("processor", f"{host['processor']}, {host['cores']} cores for this process")
    memory = psutil.virtual_memory()
    yield Finding(
        "memory",
        f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free; a job needs up to {MEMORY_GB} GB",
        good=memory.available > MEMORY_GB * 1e9,
    )
    free = shutil.disk_usage(Path.cwd()).free
    yield Finding("disk", f"{free / 1e9:.1f} GB free here; {DISK_GB} GB are enough", good=free > DISK_GB * 1e9)
    gpus = list_gpus()
    if not gpus:
        yield Finding("GPU", "none: everything runs on the processor")
        return
    visible = visible_gpus(gpus, os.environ)
    import torch

    usable = torch.cuda.is_available()
    why = "" if usable else f", but torch {torch.__version__} cannot use them: install a torch build for CUDA"
    yield Finding("GPU", f"{len(visible)} of {len(gpus)} visible{why}", good=usable)


def _packages() -> Iterator[Finding]:
    shown = [f"{name} {version}" for name in VERSIONS_SHOWN if (version := _version(name))]
    yield Finding("packages", ", ".join(shown))
    for name in _required():
        if not _version(name):
            yield Finding("packages", f"no {name}: run pip install -e . again", good=False, needed=True)
    if shutil.which("snakemake") is None and not (Path(sys.executable).parent / "snakemake").is_file():
        yield Finding("snakemake", "not on the path: activate the environment it is in", good=False, needed=True)
    if shutil.which("npm") is None:
        yield Finding("npm", "not installed: npm packages are asked for directly, or elsewhere", good=False)


def _version(package: str) -> str:
    """Of an installed package; empty for another."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _required() -> list[str]:
    """What this package says that it needs, without extras."""
    requirements = importlib.metadata.requires("dgmbench") or []
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in requirements if "extra ==" not in line]


def _needed() -> set[str]:
    """The datasets of the default preset; without a checkout here, none."""
    if not DEFAULT.is_file():
        return set()
    plan = plans.read([DEFAULT])
    return {name for run in plan.runs for name in plan.task_of(run).reads(run)}


def _data(probes: dict[str, dict[str, str]]) -> Iterator[Finding]:
    """A dataset of the default preset that is neither cached nor answered for by any source is missing."""
    needed = _needed()
    for dataset, errors in probes.items():
        cached = is_cached(CATALOGUE[dataset])
        parts = ["in the cache"] if cached else []
        parts += [f"{source} answers" for source, error in errors.items() if not error]
        good = bool(parts)
        parts += [f"{source} does not answer ({error})" for source, error in errors.items() if error]
        yield Finding(dataset, "; ".join(parts), good=good, needed=dataset in needed)
