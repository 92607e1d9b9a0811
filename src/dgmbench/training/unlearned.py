"""Whether a user-defined model has a method by which a task lets it learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from dgmbench.names import accepted_options, close_match, load_object
from dgmbench.run.task import Row

_LEARNING = ("loss", "step", "fit")
"""What some task lets a model learn by."""


def unlearned(model: Any, row: Row, task: str, learns_by: Mapping[str, str], calls: Iterable[str]) -> str:
    """That a user-defined model has parameters and no method by which the task lets it learn; empty where it has.

    A model without trainable parameters needs none, nor does one that is made from the trained model of another task.

    Args:
        task: its name, for the message.
        learns_by: the methods, any of which is enough, with their arguments: ``{"loss": "(x)"}``.
        calls: the other methods that the task calls.
    """
    if row.takes is not None or "trained" in accepted_options(load_object(row.factory)):
        return ""
    if not isinstance(model, nn.Module) or not any(p.requires_grad for p in model.parameters()):
        return ""
    if any(hasattr(model, method) for method in learns_by):
        return ""
    own = [method for method in _methods_of(type(model)) if method not in {*calls}]
    # what it was meant to learn by, where that can be told from its other methods
    named = [method for method in own if method in _LEARNING or close_match(method, learns_by)] or own
    *most, last = (f"{method}{arguments}" for method, arguments in learns_by.items())
    has = f"it has {', '.join(named)}, which {task} does not call; " if named else ""
    return f"its parameters are not learned: {has}give {', '.join(most)} or {last}"


def _methods_of(cls: type) -> list[str]:
    """The public methods that a user's class has beside those of a torch module, in the order of their definition."""
    names = [
        name
        for base in cls.__mro__
        if base.__module__.partition(".")[0] not in ("builtins", "torch", "lightning", "pytorch_lightning")
        for name in vars(base)
    ]
    return [
        name
        for name in dict.fromkeys(names)
        if not name.startswith("_") and not hasattr(nn.Module, name) and callable(getattr(cls, name))
    ]
