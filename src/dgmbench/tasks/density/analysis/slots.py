"""Memory slots of trained models: preferences of the classes, their summary beside the published one, pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from dgmbench.data.load.images import load_images
from dgmbench.metrics.memory_slots import class_preferences, summarise
from dgmbench.models.images.slots import memory_attention, slot_images
from dgmbench.tasks.density.analysis.published_slots import published_preferences, published_summary
from dgmbench.tasks.density.analysis.trained import Trained, binary_images, grey_images

NEXT_TO_X = "next to x"
_CHUNK = 1000


def slot_tables(models: list[Trained]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Preferences of each class for each slot, and what they sum up to, the published numbers in the last rows.

    Both are without rows when no model has a memory.
    """
    preferences, summaries = [], []
    for each in models:
        if not each.is_autoencoder:
            continue
        images, labels = binary_images(each.spec), grey_images(each.spec)[1]
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
    summaries.append({**paper, "attention": "softmax", **_published()})
    whole = {"seed": "Int64"}  # whole numbers also beside the paper's row, which has no seed
    summary = pd.DataFrame(summaries).astype(whole | {"slots": "Int64", "active_slots": "Int64"})
    return pd.concat(preferences, ignore_index=True).astype(whole), summary


def _attention(each: Trained, images: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Layer, kind of attention and (images, slots) for each memory layer, at the mean of q(z | x)."""
    model: Any = each.model
    device = next(model.parameters()).device
    chunks = []
    with torch.no_grad():
        for chunk in torch.as_tensor(images).split(_CHUNK):
            chunks.append(memory_attention(model, model.encode(chunk.to(device))[0]))
    for place, parts in enumerate(zip(*chunks, strict=True)):
        attention = torch.cat([weights for _, weights in parts]).cpu().numpy()
        yield _layer_name(place, len(chunks[0])), "softmax" if parts[0][0].soft else "sigmoid", attention


def _layer_name(place: int, layers: int) -> str:
    """What a memory layer stands next to; they are counted from x."""
    if place == 0:
        return NEXT_TO_X
    return "next to z" if place == layers - 1 else f"number {place + 1} from x"


def _long(where: dict[str, Any], table: np.ndarray, names: list[str]) -> pd.DataFrame:
    classes, slots = table.shape
    columns = {
        "slot": np.tile(np.arange(slots), classes),
        "class": np.repeat(names, slots),
        "preference": table.reshape(-1),
    }
    return pd.DataFrame({**where, **columns})


def _summary(table: np.ndarray, names: list[str]) -> dict[str, Any]:
    found = summarise(table)
    pairs = (f"{names[a]}-{names[b]} {r:.2f}" for a, b, r in found.closest())
    row = {
        "slots": table.shape[1],
        "mean_entropy": found.mean_entropy,
        "max_entropy": math.log(table.shape[1]),
        "active_slots": found.active,
        "closest_classes": ", ".join(pairs),
    }
    for measure in published_summary():
        if measure.startswith("correlation "):
            a, b = measure.removeprefix("correlation ").split("-")
            known = a in names and b in names
            row[measure] = found.correlation[names.index(a), names.index(b)] if known else None
    return row


def _published() -> dict[str, Any]:
    """The row of the published summary, in the columns of `_summary`."""
    printed = published_summary()
    pairs = {name.removeprefix("correlation "): r for name, r in printed.items() if name.startswith("correlation ")}
    closest = ", ".join(f"{pair} {r:.2f}" for pair, r in pairs.items())
    return {**printed, "max_entropy": math.log(printed["slots"]), "closest_classes": closest}


def slot_pictures(models: list[Trained]) -> list[tuple[str, np.ndarray]]:
    """A title and the slots' images, (slots, pixels), for each memory layer with softmax attention."""
    pictures = []
    for each in models:
        model: Any = each.model
        with torch.no_grad():
            x = torch.as_tensor(binary_images(each.spec)[:1], device=next(model.parameters()).device)
            z, _ = model.encode(x)
        layers = memory_attention(model, z)
        for place, (layer, _) in enumerate(layers):
            if layer.soft:
                images = slot_images(model, layer, z.shape[1]).cpu().numpy()
                pictures.append((f"{each.spec.model}, {_layer_name(place, len(layers))}", images))
    return pictures
