"""Templates of a user-defined model, dataset or task: files that run as they are, to be changed."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from dgmbench.data.catalogue import CATALOGUE
from dgmbench.errors import UserError
from dgmbench.files import write_text, writing
from dgmbench.names import did_you_mean
from dgmbench.run.checkout import checkout, has_workflow
from dgmbench.tasks import all_tasks

_WHOLE_TASK = "task"
_HOW = "#   "  # a line of a configuration with a command, spaces, and what it is for
_COMMAND = re.compile(r" {3,}")


def templates() -> dict[str, dict[str, Traversable]]:
    """What can be created: the templates of each word, by the names of their files.

    A task has those of its own words in its folder ``templates``: ``<word>.py.j2`` and ``<word>.yaml.j2``; the first
    task that has a word gives its template.
    """
    found: dict[str, dict[str, Traversable]] = {}
    for task in all_tasks().values():
        for word in (task.row_word, task.dataset_word):
            folder = resources.files(task.package) / "templates"
            files = {f"{{module}}.{kind}": folder / f"{word}.{kind}.j2" for kind in ("py", "yaml")}
            if word not in found and all(file.is_file() for file in files.values()):
                found[word] = files
    folder = resources.files(__package__) / "templates" / _WHOLE_TASK
    inside = {"pyproject.toml", "config.yaml"}
    found[_WHOLE_TASK] = {
        f"{{module}}/{name}" if name in inside else f"{{module}}/{{module}}/{name}": file
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if (name := file.name.removesuffix(".j2")) != file.name
    }
    return found


def _taken(word: str) -> set[str]:
    """The names that mean something else already where a configuration would name what is created."""
    tasks = all_tasks()
    if word == _WHOLE_TASK:
        return {*tasks}
    rows = {row for task in tasks.values() if word == task.row_word for row in task.rows}
    return rows if any(word == task.row_word for task in tasks.values()) else {*CATALOGUE}


def create(word: str, name: str) -> list[Path]:
    """Write a template into the current folder and print the commands that use it.

    Returns:
        The files.

    Raises:
        UserError: there is no template of this word, or the name cannot be a module's, or is taken.
    """
    known = templates()
    if word not in known:
        raise UserError(f"there is no template of a {word}{did_you_mean(word, known)}")
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", name):
        raise UserError(f"{name!r} cannot be the name of a module; write it as my-{word}, with small letters")
    module = name.replace("-", "_")
    if keyword.iskeyword(module):
        raise UserError(f"{name!r} is a word of Python and cannot be the name of a module; write it as my-{word}")
    if name in _taken(word):
        raise UserError(f"there is a {word} {name} already; choose another name, as my-{name}")
    paths = {path.format(module=module): template for path, template in known[word].items()}
    for path in (*paths, module):
        if Path(path).exists():
            raise UserError(f"{path} is there already; choose another name, or remove it")
    if importlib.util.find_spec(module) is not None:
        raise UserError(f"a module {module} is installed already; choose another name")
    from jinja2 import Template

    title = module.replace("_", " ")
    values = {"name": name, "module": module, "class_name": title.title().replace(" ", ""), "title": title.capitalize()}
    for path, template in paths.items():
        text = Template(template.read_text(encoding="utf-8"), keep_trailing_newline=True).render(values)
        if path.endswith(".yaml"):
            how = [_COMMAND.split(line[4:]) for line in text.splitlines() if line.startswith(_HOW)]
            width = max(len(command) for command, _ in how)
            below = [line for line in text.splitlines() if not line.startswith(_HOW)]
            text = "\n".join([*(f"{_HOW}{command:{width}}   {words}" for command, words in how), *below, ""])
        with writing(Path(path)):
            write_text(Path(path), text)
        print(path)
    print("\n".join(["", *(f"{command:{width}}   # {words}" for command, words in how)]))
    if not has_workflow():
        made = " and ".join(dict.fromkeys(Path(path).parts[0] for path in paths))
        print(f"\nThere is no Snakefile here: move {made} to {checkout()}, and call these commands there.")
    return list(map(Path, paths))
