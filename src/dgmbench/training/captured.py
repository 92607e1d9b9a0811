"""A whole training step as one CUDA graph: a small network's step is hundreds of launches, and little arithmetic."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from dgmbench.training.losses import noted

log = logging.getLogger("dgmbench")

EAGER_STEPS = 3
"""Steps with batches of a shape before they are captured: libraries choose and allocate in the first ones."""

Step = Callable[[Tensor], Mapping[str, Tensor]]
"""A batch → scalars by name; parameters are changed."""


class CapturedStep:
    """A training step that is run as it is at first, and then captured and replayed, for each shape of batches.

    What it computes stays the same: random numbers go on with PyTorch's generator, whose seed may change between steps.
    Whatever changes from step to step has to be a tensor on the device, the learning rate too; see `settle`.

    Args:
        step: everything from the gradients' reset to the optimiser's step.

    Attributes:
        refused: whether the step could not be captured; it goes on as it is.
    """

    def __init__(self, step: Step, optimiser: torch.optim.Optimizer) -> None:
        self._step, self._optimiser = step, optimiser
        self.refused = False
        self._seen: dict[torch.Size, int] = {}
        self._captured: dict[torch.Size, tuple[torch.cuda.CUDAGraph, Tensor, Mapping[str, Tensor]]] = {}

    def __call__(self, x: Tensor) -> Mapping[str, Tensor]:
        """Take the step with a batch."""
        if x.shape not in self._captured:
            seen = self._seen[x.shape] = self._seen.get(x.shape, 0) + 1
            if seen <= EAGER_STEPS or self.refused:
                return self._aside(x)
            try:
                self._captured[x.shape] = self._capture(x)
            except RuntimeError as error:  # a step that asks the device for a value, for instance
                self.refused = True
                log.warning(
                    "the training step is no CUDA graph and runs launch by launch: %s", str(error).split("\n")[0]
                )
                return self._aside(x)
        graph, batch, values = self._captured[x.shape]
        batch.copy_(x)
        graph.replay()
        return {name: value.clone() for name, value in values.items()}

    def _aside(self, x: Tensor) -> Mapping[str, Tensor]:
        """The step on a stream of its own, as a capture needs it of the steps before."""
        stream, main = torch.cuda.Stream(), torch.cuda.current_stream()
        stream.wait_stream(main)
        with torch.cuda.stream(stream):
            values = self._step(x)
        main.wait_stream(stream)
        return {name: noted(value, x.device).clone() for name, value in values.items()}

    def _capture(self, x: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Mapping[str, Tensor]]:
        """Nothing is computed by it: the caller replays."""
        graph, batch = torch.cuda.CUDAGraph(), x.clone()
        self._optimiser.zero_grad(set_to_none=True)  # gradients get a place in the graph
        with torch.cuda.graph(graph):
            given = self._step(batch)
            if numbers := [name for name, value in given.items() if not isinstance(value, Tensor)]:
                raise RuntimeError(f"{', '.join(numbers)} would stay as they are: no tensors")
            values = {name: value.detach() for name, value in given.items()}
        return graph, batch, values


def settle(optimiser: torch.optim.Optimizer, device: torch.device, captured: bool) -> None:
    """Rates and counts of steps as tensors on the device, which a graph reads anew, or as they are without a graph.

    To be called after a checkpoint is loaded: what it holds may come from another device.
    """
    for group in optimiser.param_groups:
        rate = float(group["lr"])
        group["lr"] = torch.tensor(rate, device=device) if captured else rate
        group["capturable"] = captured
    for state in optimiser.state.values():
        if captured and "step" in state:
            state["step"] = torch.as_tensor(state["step"], dtype=torch.float32, device=device)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step, as `settle` has left its kind."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
