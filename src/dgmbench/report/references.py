"""BibTeX of what was run: the papers of the rows, whose the data are, and this software."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from dgmbench.data.catalogue import CATALOGUE, title_of
from dgmbench.errors import UserError
from dgmbench.report.cells import Run
from dgmbench.report.published import published
from dgmbench.run.task import Task
from dgmbench.version import __version__

FILE = "references.bib"
_DATA = "dgmbench.data.datasets"
_PUBLISHED = "published numbers"
_ENTRY = re.compile(r"^@\w+\{(?P<key>[^,\s]+),\n(?P<fields>.*?)^\}$", re.MULTILINE | re.DOTALL)
_KEYWORDS = re.compile(r",?\n *keywords = \{([^}]*)\}")


@dataclass(frozen=True)
class Entry:
    """An entry of a bibliography.

    Attributes:
        text: BibTeX, without its keywords.
        names: its keywords: the rows or datasets whose it is, or ``published numbers``.
    """

    key: str
    text: str
    names: tuple[str, ...]


def bibliography(package: str) -> list[Entry]:
    """The ``references.bib`` of a package: of a task, with the rows among the keywords, or of the datasets.

    Each entry begins at the start of a line and ends with a line ``}``. Without that file there are none.

    Raises:
        UserError: a line of it that begins an entry begins none that can be read.
    """
    file = resources.files(package) / FILE
    if not file.is_file():
        return []
    text = file.read_text(encoding="utf-8")
    found = []
    for entry in _ENTRY.finditer(text):
        names = _KEYWORDS.search(entry[0])
        own = tuple(name.strip() for name in names[1].split(",")) if names else ()
        found.append(Entry(entry["key"], _KEYWORDS.sub("", entry[0]), own))
    if (begun := len(re.findall(r"^@", text, re.MULTILINE))) != len(found):
        raise UserError(f"{file}: {len(found)} of {begun} entries can be read; end each with a line }}")
    return found


def references(tasks: Iterable[Task], runs: Sequence[Run]) -> str:
    """BibTeX of what these runs need to be cited for; what has no entry is named in a comment.

    Entries come in the order of the tasks: rows, published numbers; then data, then this software with its commits.
    """
    found: dict[str, Entry] = {}
    without: dict[str, None] = {}
    for task in tasks:
        own, specs = bibliography(task.package), [run.spec for run in runs if run.spec.task == task.name]
        named = dict.fromkeys(spec.model for spec in specs)
        printed = any((spec.dataset, spec.model) in published(task) for spec in specs)
        for name in [*named, *([_PUBLISHED] if printed else [])]:
            found |= {entry.key: entry for entry in own if name in entry.names}
        without |= {name: None for name in named if name not in task.rows}
    of_data = bibliography(_DATA)
    reads = dict.fromkeys(
        name for task in tasks for run in runs if run.spec.task == task.name for name in task.reads(run.spec)
    )
    for name in reads:
        found |= {entry.key: entry for entry in of_data if name in entry.names}
        if name not in CATALOGUE:
            without[title_of(name)] = None
    notes = [f"% {name} has no entry here: cite its authors" for name in without]
    return "\n\n".join([*(entry.text for entry in found.values()), software(runs), *notes]) + "\n"


def software(runs: Sequence[Run] = ()) -> str:
    """The entry of this software, with the versions and commits that made some runs."""
    stages = [run.get(stage) or {} for run in runs for stage in ("training", "evaluation")]
    versions = dict.fromkeys(str((stage.get("code") or {}).get("version") or __version__) for stage in stages)
    commits = sorted({str(commit)[:10] for stage in stages if (commit := (stage.get("code") or {}).get("commit"))})
    years = sorted({str(stage["finished"])[:4] for stage in stages if stage.get("finished")})
    fields = {
        "title": "dgmbench: Reproducible Benchmarks for Deep Generative Models and Topic Models",
        "author": "{The dgmbench authors}",
        "version": ", ".join(versions) or __version__,
        "year": years[-1] if years else "",
        "note": f"commit {', '.join(commits)}" if commits else "",
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@software{dgmbench,\n" + ",\n".join(lines) + "\n}"
