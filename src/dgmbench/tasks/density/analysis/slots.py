"""Memory slots of trained models: preferences of the classes, their summary beside the published one, pictures."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
import torch

from dgmbench.data.load.images import load_images
from dgmbench.metrics.memory_slots import class_preferences, summarise
from dgmbench.models.images.slots import memory_attention, slot_images
from dgmbench.report.image_strips import Strips
from dgmbench.run.progress import each_of
from dgmbench.tasks.density.analysis.trained import Trained, binary_images, grey_images

log = logging.getLogger("dgmbench")

NEXT_TO_X = "next to x"
_CHUNK = 1000


def slot_tables(models: list[Trained]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Preferences of each class for each slot, and what they sum up to, the published numbers in the last rows.

    Both are without rows when no model has a memory.
    """
    preferences, summaries = [], []
    for each in each_of("memory slots: model", models):
        if not each.is_autoencoder:
            continue
        images, labels = binary_images(each.spec), grey_images(each.spec)[1]
        if labels is None:
            log.info("%s has no labels: no preferences of classes for memory slots", each.spec.dataset)
            continue
        present, index = np.unique(labels, return_inverse=True)
        classes = load_images(each.spec.dataset).classes
        names = [classes[label] if classes else str(label) for label in present]
        for layer, kind, attention in _attention(each, images):
            table = class_preferences(attention, index, len(present))
            where = {**each.columns, "layer": layer}
            preferences.append(_long(where, table, names))
            summaries.append({**where, "attention": kind, **_summary(table, names), "status": each.status})
    if not preferences:
        columns = ["dataset", "model", "seed", "layer", "slot", "class", "preference"]
        return pd.DataFrame(columns=columns), pd.DataFrame(columns=["dataset", "model", "seed", "layer"])
    paper = {"dataset": "mnist", "model": "paper", "seed": None, "layer": NEXT_TO_X}
    preferences.append(_long(paper, published_preferences().T, [str(digit) for digit in range(10)]))
    summaries.append({**paper, "attention": "softmax", **_published_row()})
    whole = {"seed": "Int64"}  # whole numbers also beside the paper's row, which has no seed
    summary = pd.DataFrame(summaries).astype(whole | {"slots": "Int64", "active_slots": "Int64"})
    return pd.concat(preferences, ignore_index=True).astype(whole), summary


def _attention(each: Trained, images: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Layer, kind of attention and (images, slots) for each memory layer, at the mean of q(z | x)."""
    model: Any = each.model
    device = next(model.parameters()).device
    chunks = torch.as_tensor(images).split(_CHUNK)
    with torch.no_grad():
        found = [memory_attention(model, model.encode(chunk.to(device))[0]) for chunk in chunks]
    for place, parts in enumerate(zip(*found, strict=True)):
        attention = torch.cat([weights for _, weights in parts]).cpu().numpy()
        yield _layer_name(place, len(found[0])), "softmax" if parts[0][0].soft else "sigmoid", attention


def _layer_name(place: int, layers: int) -> str:
    """What a memory layer stands next to; they are counted from x."""
    if place == 0:
        return NEXT_TO_X
    return "next to z" if place == layers - 1 else f"number {place + 1} from x"


def _long(where: dict[str, Any], table: np.ndarray, names: list[str]) -> pd.DataFrame:
    classes, slots = table.shape
    columns = {"slot": np.tile(np.arange(slots), classes), "class": np.repeat(names, slots)}
    return pd.DataFrame({**where, **columns, "preference": table.reshape(-1)})


def _summary(table: np.ndarray, names: list[str]) -> dict[str, Any]:
    found = summarise(table)
    pairs = (f"{names[a]}-{names[b]} {r:.2f}" for a, b, r in found.closest())
    row: dict[str, Any] = {
        "slots": table.shape[1],
        "mean_entropy": found.mean_entropy,
        "max_entropy": math.log(table.shape[1]),
        "active_slots": found.active,
        "closest_classes": ", ".join(pairs),
    }
    for pair in _published_pairs():
        known = all(name in names for name in pair.split("-"))
        row[f"correlation {pair}"] = found.correlation[*map(names.index, pair.split("-"))] if known else None
    return row


def published_preferences() -> np.ndarray:
    """(3, 10) preferences of the digits for the three slots that were printed; their order carries no meaning."""
    return _published("memory_slots.csv").filter(regex="^c[0-9]$").to_numpy()


def published_summary() -> dict[str, float]:
    """What was printed of all 70 slots, by measure: entropies in nats, the most correlated pairs of digits."""
    frame = _published("memory_summary.csv")
    return dict(zip(frame["measure"], frame["value"], strict=True))


def _published(name: str) -> pd.DataFrame:
    with (resources.files(__package__) / name).open(encoding="utf-8") as file:
        return pd.read_csv(file, comment="#")


def _published_pairs() -> dict[str, float]:
    """The correlations that were printed, by pair of digits."""
    word = "correlation "
    return {name.removeprefix(word): r for name, r in published_summary().items() if name.startswith(word)}


def _published_row() -> dict[str, Any]:
    """The published summary, in the columns of `_summary`."""
    printed = published_summary()
    closest = ", ".join(f"{pair} {r:.2f}" for pair, r in _published_pairs().items())
    return {**printed, "max_entropy": math.log(printed["slots"]), "closest_classes": closest}


def slot_blocks(models: list[Trained]) -> dict[str, Strips]:
    """What each slot draws alone, ten beside each other, for each memory layer with softmax attention."""
    blocks = {}
    for each in models:
        model: Any = each.model
        with torch.no_grad():
            x = torch.as_tensor(binary_images(each.spec)[:1], device=next(model.parameters()).device)
            z, _ = model.encode(x)
        layers = memory_attention(model, z)
        for place, (layer, _) in enumerate(layers):
            if layer.soft:
                images = slot_images(model, layer, z.shape[1]).cpu().numpy()
                strips = {f"{first}–": images[first : first + 10] for first in range(0, len(images), 10)}
                blocks[f"{each.spec.model}, {_layer_name(place, len(layers))}"] = strips
    return blocks
