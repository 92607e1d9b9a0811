"""What a training leaves, weights and the curve by epoch, and the weights again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from dgmbench.errors import UserError
from dgmbench.files import atomic_write

WEIGHTS, CURVE = "model.pt", "curve.csv"


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Tensors and plain values, atomically.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    content = io.BytesIO()  # PyTorch's own writer ends in an error of its own, or ends the process, on a full disk
    torch.save(state, content)
    with atomic_write(path, "wb") as file:
        file.write(content.getbuffer())


def write_weights(folder: Path, model: nn.Module) -> None:
    """Leave ``model.pt``, on the CPU whatever the model is on."""
    weights = {name: value.detach().clone().cpu() for name, value in model.state_dict().items()}
    write_state(folder / WEIGHTS, weights)


def write_curve(folder: Path, history: Any) -> None:
    """Leave ``curve.csv``: columns of equal length, a value for each epoch."""
    with atomic_write(folder / CURVE) as file:
        pd.DataFrame(history).to_csv(file, index=False, na_rep="nan", lineterminator="\n")


def read_weights(model: nn.Module, path: Path, of: str) -> None:
    """Put the weights of a file into a model, and the model into evaluation mode.

    Args:
        of: what the architecture is of, in words.

    Raises:
        UserError: the file is damaged, or does not fit the architecture.
    """
    try:
        state: dict[str, torch.Tensor] = dict(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:  # a damaged archive can raise any error of its reader
        raise UserError(f"{path} is gone or damaged; remove {path.parent} and train again") from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        held = ", ".join(f"{name} {tuple(value.shape)}" for name, value in list(state.items())[:3])
        raise UserError(
            f"{path} holds another architecture ({held}, ...) than {of}; remove it and train again"
        ) from error
    model.eval()
