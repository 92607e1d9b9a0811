"""Names that a shell completes; in a list with commas the last one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from dgmbench.data.catalogue import CATALOGUE
from dgmbench.data.corpus_names import FORMS
from dgmbench.run.checkout import PRESETS
from dgmbench.run.task import Task
from dgmbench.tasks import all_tasks


def tasks(incomplete: str) -> list[str]:
    """Of tasks."""
    return _completed(incomplete, all_tasks())


def everything_with_data(incomplete: str) -> list[str]:
    """Of all that can be fetched."""
    return _completed(incomplete, CATALOGUE)


def datasets(context: typer.Context, incomplete: str) -> list[str]:
    """Of datasets that a task compares models on, and how names that say themselves what they are begin."""
    kinds = {kind for task in _named(context) for kind in task.kinds}
    forms = [form.begins for form in FORMS if "corpus" in kinds]
    return _completed(incomplete, [*(name for name, dataset in CATALOGUE.items() if dataset.kind in kinds), *forms])


def rows(context: typer.Context, incomplete: str) -> list[str]:
    """Of models and methods."""
    return _completed(incomplete, [name for task in _named(context) for name in task.table_rows])


def words(incomplete: str) -> list[str]:
    """Of what a template can be created for."""
    from dgmbench.commands.create import templates

    return _completed(incomplete, templates())


def presets(incomplete: str) -> list[str]:
    """Of presets."""
    return _completed(incomplete, ["default", *sorted(path.stem for path in PRESETS.glob("*.yaml"))])


def presets_with_results(incomplete: str) -> list[str]:
    """Of presets that have results here."""
    return _completed(incomplete, sorted(path.parent.name for path in Path("results").glob("*/plan.json")))


def results(incomplete: str) -> list[str]:
    """Of presets that have results here, and of files and folders."""
    folder, _, last = incomplete.rpartition("/")
    there = Path(folder or ("/" if incomplete.startswith("/") else "."))
    names = presets_with_results(incomplete)
    paths = sorted(there.iterdir()) if there.is_dir() else []
    return [
        *names,
        *(f"{folder}/{path.name}" if "/" in incomplete else path.name for path in paths if path.name.startswith(last)),
    ]


def _named(context: typer.Context) -> list[Task]:
    """The tasks that stand on the command line; without any all of them."""
    given, tasks = context.params.get("task"), all_tasks()
    names = [given] if isinstance(given, str) else [name for word in given or () for name in word.split(",")]
    return [tasks[name] for name in names if name in tasks] or [*tasks.values()]


def _completed(incomplete: str, names: Iterable[str]) -> list[str]:
    """Names that begin so, each once, and not those that stand before it in the list."""
    before, comma, last = incomplete.rpartition(",")
    there = before.split(",")
    return [f"{before}{comma}{name}" for name in dict.fromkeys(names) if name.startswith(last) and name not in there]
