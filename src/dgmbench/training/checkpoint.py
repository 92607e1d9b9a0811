"""Checkpoints that a killed process cannot damage, and that only the same training resumes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from dgmbench.files import writing
from dgmbench.training.trained import write_state

log = logging.getLogger("dgmbench")

# A checkpoint costs milliseconds and an epoch seconds to minutes: short epochs need not each have one.
CHECKPOINT_SECONDS = 15.0


def save(path: Path, state: dict[str, Any]) -> None:
    """Under its name when it is whole; what had the name is ``.previous`` then."""
    if path.exists():
        with writing(path):
            path.replace(path.with_suffix(".previous"))
    write_state(path, state)


def load(path: Path, device: Any = "cpu") -> dict[str, Any]:
    """Tensors and plain values alone, without running any code from the file."""
    return torch.load(path, map_location=device, weights_only=True)


def newest(path: Path, fingerprint: str) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that loads and belongs to this training, with what it holds; or None."""
    for candidate in (path, path.with_suffix(".previous")):
        if not candidate.exists():
            continue
        try:
            state = load(candidate)
            belongs = state["dgmbench"]["fingerprint"] == fingerprint
            if not state.keys() >= {"state_dict", "optimizer_states", "loops"} or "history" not in state["dgmbench"]:
                raise ValueError("parts of it are missing")
            float(state["dgmbench"].get("cpu_seconds", 0.0))  # raises where it is no number
        except Exception as error:  # a damaged file can raise any error of the archive reader
            log.warning("checkpoint %s does not load (%s); trying the one before", candidate.name, error)
            continue
        if not belongs:
            log.info("checkpoint %s belongs to another specification, data or code: starting afresh", candidate.name)
            return None
        return candidate, state
    return None
