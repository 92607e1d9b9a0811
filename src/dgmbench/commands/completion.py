"""Names that a shell completes; in a list with commas the last one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dgmbench.data.catalogue import CATALOGUE
from dgmbench.data.corpus_names import FORMS
from dgmbench.run.config_files import PRESETS
from dgmbench.tasks import all_tasks


def tasks(incomplete: str) -> list[str]:
    """Of tasks."""
    return _completed(incomplete, all_tasks())


def datasets(incomplete: str) -> list[str]:
    """Of datasets that a task compares models on, and how names that say themselves what they are begin."""
    kinds = {kind for task in all_tasks().values() for kind in task.kinds}
    forms = [form.begins for form in FORMS if "corpus" in kinds]
    return _completed(incomplete, [*(name for name, dataset in CATALOGUE.items() if dataset.kind in kinds), *forms])


def rows(incomplete: str) -> list[str]:
    """Of models and methods."""
    return _completed(incomplete, [name for task in all_tasks().values() for name in task.table_rows])


def presets(incomplete: str) -> list[str]:
    """Of presets."""
    return _completed(incomplete, ["default", *sorted(path.stem for path in PRESETS.glob("*.yaml"))])


def results(incomplete: str) -> list[str]:
    """Of presets that have results here, and of files and folders."""
    folder, _, last = incomplete.rpartition("/")
    there = Path(folder or ("/" if incomplete.startswith("/") else "."))
    names = [path.name for path in Path("results").glob("*/") if path.name != "mlartifacts"]
    paths = sorted(there.iterdir()) if there.is_dir() else []
    return [
        *_completed(incomplete, names),
        *(f"{folder}/{path.name}" if "/" in incomplete else path.name for path in paths if path.name.startswith(last)),
    ]


def _completed(incomplete: str, names: Iterable[str]) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(last)]
