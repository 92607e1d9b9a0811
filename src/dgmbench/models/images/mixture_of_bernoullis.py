"""A mixture of Bernoullis, fitted by expectation-maximisation: its log-likelihood is exact."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dgmbench.errors import UserError
from dgmbench.models.em import (
    Fitted,
    MixtureFit,
    Parameters,
    best,
    checkpoint_in,
    climb,
    hold,
    possible,
    require_numbers,
    rows_of,
    takes_any_number_of_components,
)
from dgmbench.run.checkpoint import Checkpoint
from dgmbench.run.progress import each_of

log = logging.getLogger("dgmbench")

_NAME = "mixture of Bernoullis"
_BLOCK = 2000  # images at once: their pixels and their responsibilities in float64 are some tens of MB


class MixtureOfBernoullis(nn.Module):
    """p(x) = Σ_k π_k Π_d θ_kd^x_d (1 − θ_kd)^(1 − x_d) (Bishop 2006, section 9.3.3).

    The fit maximises log p(x_1, ..., x_n) + s Σ_k log π_k + s Σ_kd log θ_kd (1 − θ_kd): as if each component had seen s
    more black and s more white images, so that no pixel is impossible. A step is two matrix products in float64.

    Of each number of components the best of ``starts`` goes on after ``trial_steps`` steps; K is the number whose fit
    gives held-out images the highest mean log-likelihood.

    Example:
        >>> model = MixtureOfBernoullis(components=[2])
        >>> fit = model.fit(torch.tensor([[1, 1, 0], [1, 1, 1], [0, 0, 1], [0, 0, 0]] * 5))
        >>> model.log_prob(torch.tensor([[1, 1, 0]])).shape
        torch.Size([1])
    """

    weights: Tensor
    probabilities: Tensor

    def __init__(
        self,
        components: Sequence[int] = (100, 200, 500),
        smoothing: float = 0.1,
        starts: int = 3,
        trial_steps: int = 3,
        iterations: int = 100,
        tolerance: float = 1e-3,
    ) -> None:
        """
        Args:
            components: numbers of components K to choose from.
            smoothing: s.
            starts: random starts of each K.
            trial_steps: steps of a start before the best one goes on.
            iterations: steps at most.
            tolerance: nats per image; a smaller gain ends the steps.
        """
        super().__init__()
        require_numbers(components)
        if not smoothing > 0:
            raise ValueError(f"smoothing is {smoothing}; give a number above 0")
        if min(starts, trial_steps, iterations) < 1:
            raise ValueError("starts, trial_steps and iterations are at least 1 each")
        self.components, self.smoothing = components, smoothing
        self.starts, self.trial_steps = starts, trial_steps
        self.iterations, self.tolerance = iterations, tolerance
        hold(self, {"weights": torch.empty(0).double(), "probabilities": torch.empty(0, 0).double()})
        takes_any_number_of_components(self)

    @property
    def at_least(self) -> int:
        """The examples that a fit needs."""
        return 2 * min(self.components)  # a sixth may be held out

    def fit(
        self,
        x: Tensor | np.ndarray,
        held_out: Tensor | np.ndarray | None = None,
        *,
        seed: int = 0,
        state: Path | None = None,
        fingerprint: str = "",
    ) -> MixtureFit:
        """Choose K, and learn ``weights`` (K,) and ``probabilities`` (K, pixels).

        Args:
            x: (n, pixels) of 0 and 1.
            held_out: the images that choose K; None takes the last sixth of ``x`` for that, and the chosen fit
                then goes on with all of them.
            state: a folder for what resumes the fit when it is killed.
            fingerprint: see `Checkpoint`.

        Raises:
            UserError: values other than 0 and 1, another shape, or fewer images than components.
        """
        images, checkpoint = _binary(x), checkpoint_in(state, fingerprint)
        several = len(possible(self.components, len(images), _NAME)) > 1
        borrowed = held_out is None and several
        fitted_on = images[: len(images) - len(images) // 6] if borrowed else images
        judged_on = images[len(fitted_on) :] if borrowed else None if held_out is None else _binary(held_out)
        fits, scores = dict[int, Fitted](), dict[int, float]()
        for k in each_of(f"{_NAME}: K", possible(self.components, len(fitted_on), _NAME)):
            fits[k] = self._fitted(fitted_on, k, seed, checkpoint, f"{k}")
            if judged_on is not None and len(judged_on):
                scores[k] = float(_log_prob(judged_on, fits[k].parameters).mean())
                log.info("%d components: %.2f nats on held-out images", k, scores[k])
        chosen = max(scores, key=scores.__getitem__) if scores else max(fits)
        fit = fits[chosen]
        if borrowed:
            fit = self._climbed(images, fit.parameters, checkpoint, f"{chosen}-all")
        hold(self, fit.parameters)
        free = chosen - 1 + chosen * images.shape[1]
        return MixtureFit(fit.bounds, chosen, free, scores, checkpoint.earlier)

    def _fitted(self, x: Tensor, k: int, seed: int, checkpoint: Checkpoint, name: str) -> Fitted:
        """The fit of k components from the best of the starts; the name is that of its checkpoints."""
        tried = []
        for start in range(self.starts):
            first = _start(x, k, np.random.default_rng([seed, k, start]))
            part = checkpoint.part(f"{name}-start-{start}")
            tried.append(climb(first, self._step_on(x), self.trial_steps, -np.inf, part))
        return self._climbed(x, best(tried).parameters, checkpoint, name)

    def _climbed(self, x: Tensor, first: Parameters, checkpoint: Checkpoint, name: str) -> Fitted:
        """The fit that begins with these parameters; the name is that of its checkpoints."""
        step, what = self._step_on(x), f"{name} components"
        fit = climb(first, step, self.iterations, self.tolerance, checkpoint.part(name), what)
        log.info("%s components: bound %.2f after %d steps", name, fit.bounds[-1], len(fit.bounds))
        return fit

    def _step_on(self, x: Tensor) -> Callable[[Parameters], tuple[Parameters, float]]:
        return lambda parameters: _step(x, parameters, self.smoothing)

    def log_prob(self, x: Tensor | np.ndarray) -> Tensor:
        """(n, pixels) of 0 and 1 → (n,) float64, log p(x) in nats, exact."""
        parameters = {"weights": self.weights, "probabilities": self.probabilities}
        return _log_prob(torch.as_tensor(x).to(self.weights.device), parameters)

    def sample(self, n: int, seed: int) -> Tensor:
        """(n, pixels) of 0 and 1, float32."""
        generator = torch.Generator(self.weights.device).manual_seed(seed)
        component = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        return torch.bernoulli(self.probabilities[component], generator=generator).float()


def _binary(x: Any) -> Tensor:
    rows = rows_of(x, _NAME)
    if not bool(((rows == 0) | (rows == 1)).all()):
        raise UserError(f"{_NAME}: pixels are not all 0 or 1; binarise grey images first")
    return rows.to(torch.uint8)


def _start(x: Tensor, k: int, random: np.random.Generator) -> Parameters:
    """Equal weights, and probabilities halfway between an image each and the mean of all, never 0 or 1."""
    places = torch.as_tensor(random.choice(len(x), k, replace=False), device=x.device)
    mean = torch.stack([block.sum(dim=0) for block in _blocks(x)]).sum(dim=0) / len(x)
    probabilities = 0.05 + 0.9 * (0.5 * x[places].double() + 0.5 * mean)
    return {"weights": torch.full((k,), 1 / k, dtype=torch.float64, device=x.device), "probabilities": probabilities}


def _blocks(x: Tensor) -> Iterator[Tensor]:
    return (block.double() for block in x.split(_BLOCK))


def _log_joint(x: Tensor, parameters: Parameters) -> Tensor:
    """(n, pixels) float64 → (n, K): log π_k + log p(x | k)."""
    theta = parameters["probabilities"]
    log_odds, log_not = torch.logit(theta), torch.log1p(-theta).sum(dim=1)
    return torch.addmm(parameters["weights"].log() + log_not, x, log_odds.T)


def _log_prob(x: Tensor, parameters: Parameters) -> Tensor:
    return torch.cat([torch.logsumexp(_log_joint(block, parameters), dim=1) for block in _blocks(x)])


def _step(x: Tensor, parameters: Parameters, smoothing: float) -> tuple[Parameters, float]:
    """The parameters that follow, and the bound of these, in nats per image."""
    weights, theta = parameters["weights"], parameters["probabilities"]
    counts, ones, total = torch.zeros_like(weights), torch.zeros_like(theta), 0.0
    for block in _blocks(x):
        joint = _log_joint(block, parameters)  # (block, K)
        log_p = torch.logsumexp(joint, dim=1, keepdim=True)
        responsibilities = joint.sub_(log_p).exp_()
        counts += responsibilities.sum(dim=0)
        ones.addmm_(responsibilities.T, block)
        total += float(log_p.sum())
    log_prior = smoothing * float(weights.log().sum() + theta.log().sum() + torch.log1p(-theta).sum())
    following = {
        "weights": (counts + smoothing) / (len(x) + smoothing * len(counts)),
        "probabilities": (ones + smoothing) / (counts + 2 * smoothing)[:, None],
    }
    return following, (total + log_prior) / len(x)
