"""Expectation-maximisation (Dempster, Laird, Rubin 1977): steps that never lower a bound, from several starts.

Parameters are tensors by name. A step gives the parameters that follow and the bound of those that it was given, in
nats per example: the log-likelihood, and the logarithm of a prior's density where the fit has one.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dgmbench.errors import UserError
from dgmbench.run.checkpoint import NOT_KEPT, Checkpoint
from dgmbench.run.progress import counting, note

log = logging.getLogger("dgmbench")

Parameters = dict[str, Tensor]
Step = Callable[[Parameters], tuple[Parameters, float]]


@dataclass(frozen=True)
class Fitted:
    """What a fit ended with.

    Attributes:
        parameters: those of the last bound.
        bounds: after each number of steps, nats per example; the last is that of the parameters.
    """

    parameters: Parameters
    bounds: list[float]


@dataclass(frozen=True)
class MixtureFit:
    """How a mixture was fitted.

    Attributes:
        bounds: see `Fitted`.
        components: K.
        free_parameters: of a mixture of so many.
        by_components: what K was chosen by, for each K that was tried; the largest wins.
        earlier: seconds, and processor seconds, of earlier processes whose steps it went on from.
    """

    bounds: list[float]
    components: int
    free_parameters: int
    by_components: dict[int, float] = field(default_factory=dict)
    earlier: tuple[float, float] = (0.0, 0.0)


def climb(
    start: Parameters,
    step: Step,
    iterations: int,
    tolerance: float,
    checkpoint: Checkpoint = NOT_KEPT,
    what: str = "",
) -> Fitted:
    """Steps until the bound rises by less than ``tolerance``, at most so many.

    Args:
        what: is fitted, as in "100 components", for those who watch the steps; a short fit names nothing.
    """
    parameters, bounds, saved = start, list[float](), checkpoint.load()
    if saved:
        bounds = [float(bound) for bound in saved.pop("bounds")]
        parameters = {name: torch.as_tensor(saved[name]).to(values) for name, values in start.items()}
    with counting(f"{what}: step", iterations, len(bounds)) if what else nullcontext() as count:
        while True:
            following, bound = step(parameters)
            bounds.append(bound)
            if count:
                note(**{f"{what}: bound": bound})
                count(len(bounds), iterations)
            if len(bounds) >= iterations or (len(bounds) > 1 and not bounds[-1] - bounds[-2] >= tolerance):
                return Fitted(parameters, bounds)
            parameters = following
            checkpoint.save(bounds=bounds, **{name: values.cpu().numpy() for name, values in parameters.items()})


def best(fits: Sequence[Fitted]) -> Fitted:
    """The one with the highest bound, the first of equals."""
    return max(fits, key=lambda fit: fit.bounds[-1] if math.isfinite(fit.bounds[-1]) else -math.inf)


def checkpoint_in(state: Path | None, fingerprint: str) -> Checkpoint:
    """Where a fit keeps its steps; None keeps nothing."""
    return NOT_KEPT if state is None else Checkpoint(state, fingerprint)


def require_numbers(components: Sequence[int]) -> None:
    """Raise a ValueError where these are not whole numbers of at least 1."""
    if not components or any(type(k) is not int or k < 1 for k in components):
        raise ValueError(f"components is {components!r}; give a list of whole numbers of at least 1: [10, 20]")


def possible(components: Sequence[int], examples: int, what: str) -> list[int]:
    """The numbers of components that there are enough examples for, in rising order.

    Raises:
        UserError: there is none.
    """
    found = sorted({k for k in components if k <= examples})
    if not found:
        raise UserError(
            f"{what}: {examples} examples are fewer than {min(components)} components; give more, or fewer components"
        )
    if len(found) < len(set(components)):
        log.warning("%s: %d examples, so no more than %d components are tried", what, examples, found[-1])
    return found


def rows_of(x: Any, what: str) -> Tensor:
    """(n, dimensions) as a tensor.

    Raises:
        UserError: it has another shape or no rows, or a value is NaN or infinite.
    """
    rows = torch.as_tensor(x)
    if rows.ndim != 2 or not rows.numel():
        raise UserError(f"{what}: the data has the shape {tuple(rows.shape)}; give (examples, dimensions)")
    if rows.is_floating_point() and not bool(torch.isfinite(rows).all()):
        bad = int((~torch.isfinite(rows)).any(dim=1).nonzero()[0])
        raise UserError(f"{what}: example {bad} (from 0) has a value that is NaN or infinite")
    return rows


def hold(module: nn.Module, parameters: Mapping[str, Tensor]) -> None:
    """Put parameters into the buffers of these names."""
    for name, values in parameters.items():
        module.register_buffer(name, values)


def takes_any_number_of_components(module: nn.Module) -> None:
    """Let ``load_state_dict`` fill the buffers of a mixture whose number of components is only known by a fit."""

    def resize(module: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
        for name, old in list(module.named_buffers(recurse=False)):
            if (found := state.get(prefix + name)) is not None and found.ndim == old.ndim:
                module.register_buffer(name, torch.empty_like(found, device=old.device))

    module.register_load_state_dict_pre_hook(resize)
