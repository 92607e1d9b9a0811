"""The classes, configurations and commands of docs/add-your-model.md, as they stand there, on small images."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dgmbench.commands.arguments import parse_run
from dgmbench.commands.check import findings
from dgmbench.commands.selection import Selection, configuration_of
from dgmbench.data import ImageSplits
from dgmbench.run.config import plan_of
from dgmbench.tasks import all_tasks, find_task

REPOSITORY = Path(__file__).parents[1]
SECTIONS = {
    "A generator": "generation",
    "A classifier with few labels": "few-labels",
    "A feature learner": "representation",
}
CLASSES = 3


def images() -> ImageSplits:
    """Grey images of 6 x 6 pixels: each class is bright in two rows of its own."""
    random = np.random.default_rng(0)
    labels = (np.arange(450) % CLASSES).astype(np.uint8)
    bright = np.arange(36) // 12 == labels[:, None]
    pixels = np.where(bright, random.integers(120, 256, (450, 36)), random.integers(0, 90, (450, 36))).astype(np.uint8)
    of = {"train_labels": labels[:350], "valid_labels": labels[:0], "test_labels": labels[350:]}
    return ImageSplits("mine", (6, 6), False, pixels[:350], pixels[:0], pixels[350:], **of)


def section(title: str) -> str:
    page = (REPOSITORY / "docs/add-your-model.md").read_text(encoding="utf-8")
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def block(title: str, language: str) -> str:
    """The one block of code of a section in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", section(title), flags=re.MULTILINE | re.DOTALL)
    return found


def commands(title: str, word: str) -> list[list[str]]:
    """The arguments of a section's calls of ``dgmbench <word>``."""
    lines = [shlex.split(line, comments=True) for line in block(title, "bash").splitlines()]
    return [line[2:] for line in lines if line[:2] == ["dgmbench", word]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder: a checkout with my_module.py, of all classes, and each configuration by its name."""
    for name in ("Snakefile", "config.yaml", "workflow"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "my_module.py").write_text("\n\n".join(block(title, "python") for title in SECTIONS))
    for title in SECTIONS:
        text = block(title, "yaml")
        (tmp_path / text.removeprefix("# ").partition(",")[0]).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    # every load of a user's data looks for entry points in all distributions, which takes most of a small run's time
    monkeypatch.setattr("dgmbench.data.user_data.entry_points", dict)
    monkeypatch.setattr("dgmbench.data.catalogue.entry_points", dict)
    yield tmp_path
    sys.modules.pop("my_module", None)


@pytest.mark.parametrize(("title", "task"), SECTIONS.items())
def test_the_class_fits_the_task(title: str, task: str) -> None:
    ((named, _, factory),) = commands(title, "check")
    assert named == task
    spec = parse_run(task, f"{__name__}:images", factory, 0, "", [], [])
    assert findings(find_task(task), spec) == [], "it is trained and evaluated, too"


@pytest.mark.parametrize(("title", "task"), SECTIONS.items())
def test_the_configuration_adds_the_class_and_the_command_runs_it_alone(title: str, task: str) -> None:
    ((_, dataset, factory),) = commands(title, "check")
    whole, small = ([*zip(line[::2], line[1::2], strict=True)] for line in commands(title, "run"))
    for pairs in (whole, small):
        options, settings = dict(pairs), [value for key, value in pairs if key == "--set"]
        selected = Selection(files=[Path(options["--configfile"])], rows=[options["-m"]], settings=settings)
        (run,) = plan_of(configuration_of(selected)[0], all_tasks()).runs
        assert (run.task, run.dataset, run.model, run.factory) == (task, dataset, options["-m"], factory)
        assert run.settings.model_dump()["train_limit"] == (500 if pairs is small else 0)


@pytest.mark.parametrize(("title", "task"), SECTIONS.items())
def test_every_argument_that_the_task_offers_is_named(title: str, task: str) -> None:
    assert [name for name in find_task(task).offers if f"`{name}`" not in section(title)] == []
