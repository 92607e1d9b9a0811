"""What a preset's report says in a few lines, as a file beside it, and the page that compares the presets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgmbench.errors import UserError
from dgmbench.report.page import Section, render
from dgmbench.report.sheet import DAGGER, Value
from dgmbench.run.records import FORMAT, read_json

log = logging.getLogger("dgmbench")

FILE = "summary.json"


def summary(preset: str, sections: Sequence[Section]) -> dict[str, Any]:
    """Of each task the headline of every cell, how many runs there are, and when the last was finished."""
    return {"format": FORMAT, "preset": preset, "tasks": {each.name: _task(each) for each in sections}}


def _task(section: Section) -> dict[str, Any]:
    sheet, cells = section.sheet, []
    start = 0
    for dataset, titles in sheet.groups:
        place = start + (titles.index(sheet.headline) if sheet.headline in titles else 0)
        cells += [{"dataset": dataset, "row": name, **_value(values[place])} for name, values in sheet.rows]
        start += len(titles)
    return {
        "title": sheet.title,
        "row_word": sheet.corner,
        "dataset_word": section.cells.task.dataset_word,
        "metric": sheet.headline,
        "about": section.cells.task.about,
        "partial": section.is_partial,
        "counts": section.counts,
        "finished": section.finished,
        "cells": [cell for cell in cells if "text" in cell],
    }


def _value(value: Value | None) -> dict[str, Any]:
    if value is None:
        return {}
    error = f" ± {value.error}" if value.error else ""
    text = f"{value.ours}{error}{'' if value.comparable else DAGGER}"
    return {"text": text, "status": value.status, "best": value.best, "paper": value.paper}


@dataclass(frozen=True)
class Comparison:
    """The headline of a task, a column per preset.

    Attributes:
        rows: dataset, model, the paper's number, and a cell of each preset; an empty one where it has none.
    """

    title: str
    about: str
    metric: str
    words: tuple[str, str]
    presets: tuple[str, ...]
    rows: tuple[tuple[str, str, str, tuple[dict[str, Any], ...]], ...]


def read_summaries(results: Path) -> list[dict[str, Any]]:
    """Those of every preset that has a report, by name; a broken one is left out, which is logged."""
    found = []
    for path in sorted(results.glob(f"*/{FILE}")):
        try:
            content = read_json(path)
            comparisons([content])  # raises where a part is missing
            if content["preset"] != path.parent.name:
                raise UserError(f"{path} is of preset {content['preset']!r}; make it again by dgmbench report")
            found.append(content)
        except UserError as error:
            log.warning("%s", error)
        except (KeyError, TypeError, AttributeError) as error:
            log.warning("%s is broken (%r) and left out; make it again by dgmbench report", path, error)
    return found


def comparisons(summaries: Sequence[dict[str, Any]]) -> list[Comparison]:
    """For each task that a preset has, the presets' numbers beside each other."""
    found = []
    for name in dict.fromkeys(name for each in summaries for name in each["tasks"]):
        having = [(each["preset"], each["tasks"][name]) for each in summaries if name in each["tasks"]]
        first = having[0][1]
        by_key = [{(cell["dataset"], cell["row"]): cell for cell in task["cells"]} for _, task in having]
        keys = dict.fromkeys(key for cells in by_key for key in cells)
        datasets = list(dict.fromkeys(dataset for dataset, _ in keys))
        rows = []
        for key in sorted(keys, key=lambda key: datasets.index(key[0])):
            cells = tuple(cells.get(key, {}) for cells in by_key)
            paper = next((cell["paper"] for cell in cells if cell.get("paper")), "")
            rows.append((*key, paper, cells))
        words = (first["dataset_word"], first["row_word"])
        presets = tuple(preset for preset, _ in having)
        found.append(Comparison(first["title"], first["about"], first["metric"], words, presets, tuple(rows)))
    return found


def to_index(summaries: Sequence[dict[str, Any]]) -> str:
    """The page of all presets: what each has, and their numbers beside each other."""
    return render("index.html.j2", title="Presets", summaries=summaries, comparisons=comparisons(summaries))
