"""What there is to choose from: tasks, their rows, datasets, presets, and where each comes from."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

from dgmbench.data.catalogue import CATALOGUE, entry_points
from dgmbench.data.corpus_names import FORMS
from dgmbench.data.download.store import is_cached
from dgmbench.run.checkout import DEFAULT, PRESETS
from dgmbench.run.rows import ENTRY_POINT_GROUP
from dgmbench.tasks import all_tasks

Line = tuple[str, str, str, str]


def rows() -> list[Line]:
    """(kind, name, where it comes from, what it is) of everything there is."""
    found: list[Line] = []
    for task in all_tasks().values():
        found.append(("task", task.name, task.package, task.about))
        for name, row in task.table_rows.items():
            about = f"{row.about}; needs {row.needs}" if row.needs else row.about
            found.append((f"{task.name} {task.row_word}", name, row.factory, about))
        if task.analysis:
            found.append((f"{task.name} analysis", task.name, task.analysis.run, task.analysis.about))
    for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        found.append(("model", point.name, point.value, "from another package"))
    for name, dataset in sorted(CATALOGUE.items(), key=lambda each: (each[1].kind, each[0])):
        sources = ", else ".join(origin.source.label for origin in dataset.origins)
        state = "in the cache" if is_cached(dataset) else "not fetched yet"
        found.append((dataset.kind, name, sources, f"{dataset.about}; {state}"))
    found += [("corpus", form.example, form.module, form.about) for form in FORMS]
    for name, value in entry_points().items():
        found.append(("dataset", name, value, "from another package"))
    if DEFAULT.is_file():
        found.append(("preset", "default", str(DEFAULT), _about(DEFAULT)))
    return found + [("preset", path.stem, str(path), _about(path)) for path in sorted(PRESETS.glob("*.yaml"))]


def _about(path: Path) -> str:
    """What a configuration says of itself at its top, up to the end of the sentence."""
    words = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or words.endswith("."):
            break
        words = f"{words} {line.lstrip('#').strip()}".strip()
    return words


def show() -> None:
    """Print the list: a table on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for line in rows():
            print(*line, sep="\t")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", "name", "where from", "what", box=None, pad_edge=False)
    last = ""
    for kind, name, place, about in rows():
        if last and kind != last:
            table.add_row()
        table.add_row(kind, f"[bold]{name}[/bold]", place, about)
        last = kind
    Console().print(table)
